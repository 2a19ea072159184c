"""Plain lines of a CSV file taken apart at once are read as Python's csv module and `portal_cells` read them one by one."""

from __future__ import annotations

import csv
import io
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from onestop.sources import csv_table
from onestop.sources.plain_lines import PlainLines, unquoted
from onestop.sources.portal_cells import converter
from onestop.sources.portal_columns import LAYOUTS, Column
from onestop.sources.served_file import HeldContent, Served, asked
from onestop.sources.table_columns import columns_of

LONGEST = 40
SIGNS = st.text(st.sampled_from('a", ;\n\r\x1f\x85ế"",,'), max_size=30)
CELLS = st.text(st.sampled_from('ab, ;"ế'), max_size=6)


def read(text: str) -> list[list[str]]:
    return [row or [""] for row in csv.reader(io.StringIO(text, newline=""), strict=True)]


@given(SIGNS)
@example('"a","b, c"\r\n"",d\n')
@example('a,"b""c"\n')
@example('"a" ,b\n')
@example("a\rb\n")
def test_what_is_taken_as_plain_is_what_the_csv_module_reads(text: str) -> None:
    plain = unquoted(text.encode(), b",", LONGEST)
    if plain is not None:
        assert PlainLines(plain, 1).rows() == (read(text) or [[""]])


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=5), st.sampled_from(["\n", "\r\n"]))
def test_what_a_program_writes_is_plain_unless_a_cell_holds_a_quotation_mark(rows: list[list[str]], end: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator=end).writerows(rows)
    plain = unquoted(file.getvalue().encode(), b",", 1_000)
    assert (plain is None) == any('"' in cell for row in rows for cell in row)
    if plain is not None:
        assert PlainLines(plain, 7).rows() == rows
        assert list(PlainLines(plain, 7).numbers) == list(range(7, 7 + len(rows)))


def test_a_long_line_is_left_to_the_csv_module() -> None:
    assert unquoted(b"a" * 30 + b",b\n" + b"c,d\n", b",", LONGEST) is not None
    assert unquoted(b"a" * 50 + b",b\n" + b"c,d\n", b",", LONGEST) is None


DATES = st.from_regex(
    r"(3[01]|[012][0-9])/(0[0-9]|1[0-3])/(20[0-9]{2}|0000|1900)( 2[0-4]:[0-6][0-9](:[0-6][0-9])?)?", fullmatch=True
)
TYPED = DATES | st.sampled_from(
    ["", " ", "29/02/2024", "29/02/2023 10:00", "20240823080000", "23/08/2024  08:00", "٢٣/08/2024", "2", "Đã xử lý xong",
     " đã XỬ lý xong", "Trực tuyến", "1.219.000 đ", "1,219,000", "12", "a", "Thành công"]
)  # fmt: skip


@given(
    st.sampled_from([c for layout in LAYOUTS.values() for c in layout.columns]), st.lists(TYPED, min_size=1, max_size=8)
)
@settings(deadline=None, max_examples=60)
def test_a_column_is_converted_like_its_cells(column: Column, cells: list[str]) -> None:
    layout = next(layout for layout in LAYOUTS.values() if column in layout.columns)
    text = "".join(f"x\x1f{cell}\x1f{cell}\x1f\n" for cell in cells).encode()
    found = columns_of(text, len(cells), [("Cột lạ", False), None, (column.field, True), ("Cột trống", False)], layout)
    values = found[column.field]
    assert (values.to_pylist() if isinstance(values, pa.Array) else values) == converter(column)(cells)
    assert list(found) == [column.field, "Cột lạ", "Cột trống"]
    assert found["Cột lạ"].to_pylist() == ["x"] * len(cells)
    assert found["Cột trống"].to_pylist() == [None] * len(cells)


@pytest.mark.parametrize("text", [b"", b"a\x1fb\n", b"a\n", b"a\x1fb\nc\x1fd", b"\xff\x1fb\nc\x1fd\n"])
def test_nothing_is_believed_of_what_the_child_sends(text: bytes) -> None:
    with pytest.raises(ValueError):
        columns_of(text, 2, [("MaHoSo", True), ("Cột", False)], LAYOUTS["dossier"])


BODY = st.lists(
    st.sampled_from(["1,H-1", '"a, b",c', 'x,"y\nz"', '"q""q",r', "", ",", "a,b,c", "ế,ữ", 'a"b,c']), max_size=12
)


@given(BODY, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
@settings(max_examples=200, deadline=None)
def test_a_file_is_read_alike_in_blocks_of_any_size(lines: list[str], end: str, closed: bool, encoding: str) -> None:
    text = end.join(["Tiêu đề", "STT,Mã hồ sơ", *lines]) + (end if closed else "")
    reader, expected, line = csv.reader(io.StringIO(text, newline=""), strict=True), [], 1
    for row in reader:
        expected.append((line, row or [""]))
        line = reader.line_num + 1
    with patch.object(csv_table, "_BLOCK", 24), patch.object(csv_table, "_MOST_BLOCKS", 1_000):
        table = csv_table.CsvTable(io.BytesIO(text.encode(encoding)), LAYOUTS["dossier"])
        found = [
            (number, list(row) or [""])
            for block in table.blocks()
            for rows in [block.rows() if isinstance(block, PlainLines) else block.rows]
            for number, row in zip(block.numbers, rows, strict=True)
        ]
    assert found == expected[2:]


def test_a_file_is_read_from_who_serves_it_piece_by_piece() -> None:
    content = bytes(range(256)) * 20_000
    served = Served(HeldContent(content))
    file = asked(served.asking.fileno(), len(content))
    assert (file.read(3), file.seek(-2, 2), file.read(), file.read()) == (
        content[:3],
        len(content) - 2,
        content[-2:],
        b"",
    )
    file.seek(1_000_001)
    assert file.read() == content[1_000_001:]
    file.seek(0)
    assert file.read() == content
    served.close()
