"""Files that must not be opened, or must not be able to hurt: refused whole, with the reason, within 10 seconds."""

from __future__ import annotations

import io
import resource
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import pytest

from onestop.sandbox.portal_files import write_xlsx
from onestop.sources.spreadsheet import FileRefused, Limits, read_table

MEGABYTE = 1 << 20
RATED = {"Mã phiếu": "P1", "Mã hồ sơ": "H15.07-240823-0001", "Điểm": 5, "Ngày đánh giá": "23/08/2024"}


@pytest.fixture(scope="module")
def workbook(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A good export of ratings."""
    return write_xlsx(tmp_path_factory.mktemp("good") / "a.xlsx", "DanhGia", [RATED]).read_bytes()


def seconds_taken() -> float:
    """Processor time of this process and of the readers that it started: the same however busy the machine is."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def repacked(
    workbook: bytes, parts: Mapping[str, bytes] | None = None, edit: Callable[[str, bytes], bytes] | None = None
) -> bytes:
    """The workbook with parts added or replaced, or each one edited."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in (parts or {}):
                new.writestr(name, edit(name, old.read(name)) if edit else old.read(name))
        for name, content in (parts or {}).items():
            new.writestr(name, content)
    return out.getvalue()


def refusal(content: bytes, name: str = "a.xlsx", limits: Limits | None = None) -> FileRefused:
    """How the file is refused; it must be quick, and say what to do."""
    started = seconds_taken()
    with pytest.raises(FileRefused) as caught:
        list(read_table(content, name, "rating", limits=limits))
    assert seconds_taken() - started < 10
    assert caught.value.message.startswith(name)
    assert caught.value.exit_code == 3
    assert not caught.value.retryable
    return caught.value


def test_the_good_one_is_read(workbook: bytes) -> None:
    assert [len(chunk.records) for chunk in read_table(workbook, "a.xlsx", "rating")] == [1]
    assert [len(chunk.records) for chunk in read_table(repacked(workbook), "a.xlsx", "rating")] == [1]


def bomb(name: str, blocks: int, block: bytes, *, declared: int | None = None) -> bytes:
    """A zip archive of one part that inflates to `blocks` times the block, whatever its headers declare."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    body = packed * blocks + b"\x03\x00"
    size = len(block) * blocks if declared is None else declared
    sizes = struct.pack("<III", 0, len(body), min(size, 2**32 - 1))
    head = (
        b"PK\x03\x04" + struct.pack("<HHHHH", 20, 0, 8, 0, 0) + sizes + struct.pack("<HH", len(name), 0) + name.encode()
    )
    entry = b"PK\x01\x02" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 0) + sizes
    entry += struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, 0) + name.encode()
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(entry), len(head) + len(body), 0)
    return head + body + entry + end


def with_part(workbook: bytes, archive: bytes) -> bytes:
    """The workbook and, spliced in as it is, the part of a one-part archive."""
    merged = io.BytesIO(workbook)
    with zipfile.ZipFile(io.BytesIO(archive)) as source, zipfile.ZipFile(merged, "a") as target:
        part = source.infolist()[0]
        start, at = source.start_dir, target.start_dir
        merged.seek(at)
        merged.write(archive[part.header_offset : start])
        part.header_offset = at
        target.filelist.append(part)
        target.NameToInfo[part.filename] = part
        target.start_dir = merged.tell()
        target._didModify = True  # type: ignore[attr-defined]
    return merged.getvalue()


def test_zip_bomb_that_says_so(workbook: bytes) -> None:
    content = with_part(workbook, bomb("xl/media/a.bin", 4_000, bytes(MEGABYTE)))
    assert len(content) < 5 * MEGABYTE
    assert "unpacks to 4194 MB; 500 MB is the limit" in refusal(content).message


def test_zip_bomb_that_lies_about_its_size(workbook: bytes) -> None:
    content = with_part(workbook, bomb("xl/media/a.bin", 4_000, bytes(MEGABYTE), declared=1_000))
    assert "more than it says" in refusal(content).message


def test_small_lie(workbook: bytes) -> None:
    content = with_part(workbook, bomb("xl/media/a.bin", 1, bytes(2_000), declared=1_000))
    assert "not of the size that it says" in refusal(content).message


def test_two_gigabytes_of_blanks(workbook: bytes) -> None:
    sheet = bomb("xl/worksheets/sheet2.xml", 2_000, b" " * MEGABYTE)
    assert "unpacks to 2097 MB" in refusal(with_part(workbook, sheet)).message


def test_two_gigabytes_of_blanks_as_csv(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    with file.open("wb") as out:
        out.truncate(2 << 30)
    with pytest.raises(FileRefused, match="more than 500 MB"):
        list(read_table(file, "a.csv", "rating"))


def test_ratio(workbook: bytes) -> None:
    content = repacked(workbook, {"xl/media/a.bin": bytes(20 * MEGABYTE)})
    assert "times its size; 100 is the limit" in refusal(content).message


def test_more_than_50_mb_packed() -> None:
    assert "has more than 50 MB" in refusal(bytes(50_000_001)).message


def test_more_than_20_sheets(workbook: bytes) -> None:
    content = repacked(workbook, {f"xl/worksheets/sheet{n}.xml": b"<worksheet/>" for n in range(2, 22)})
    assert "has 21 sheets; 20 is the limit" in refusal(content).message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "part", ["xl/sharedStrings.xml", "xl/workbook.xml", "docProps/app.xml", "xl/_rels/workbook.xml.rels"]
)
def test_a_dtd_in_any_part(workbook: bytes, part: str, encoding: str) -> None:
    evil = '<?xml version="1.0"?>' + " " * 300_000 + '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'
    noise = bytes(range(256)) * 20  # keeps the ratio below its limit
    content = repacked(workbook, {part: evil.encode(encoding), "xl/media/a.bin": zlib.compress(noise)})
    assert "DTD" in refusal(content).message


@pytest.mark.parametrize("part", ["xl/vbaProject.bin", "xl/macrosheets/sheet1.xml", "XL/VbaProject.bin"])
def test_macros(workbook: bytes, part: str) -> None:
    assert "macros" in refusal(repacked(workbook, {part: b"x"})).message


def test_macros_by_content_type(workbook: bytes) -> None:
    def edit(name: str, content: bytes) -> bytes:
        return content.replace(
            b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
            b"application/vnd.ms-excel.sheet.macroEnabled.main+xml",
        )

    assert "macros" in refusal(repacked(workbook, edit=edit)).message


def test_external_links(workbook: bytes) -> None:
    assert "links" in refusal(repacked(workbook, {"xl/externalLinks/externalLink1.xml": b"<x/>"})).message
    assert "links" in refusal(repacked(workbook, {"xl/connections.xml": b"<x/>"})).message
    relation = b'<Relationships><Relationship Id="r1" Type="http://x/%s" Target="http://x" TargetMode=\'External\'/></Relationships>'
    rels = "xl/worksheets/_rels/sheet1.xml.rels"
    assert "links" in refusal(repacked(workbook, {rels: relation % b"image"})).message
    linked = repacked(workbook, {rels: relation % b"hyperlink"})
    assert [len(chunk.records) for chunk in read_table(linked, "a.xlsx", "rating")] == [1]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000) + "EncryptedPackage".encode("utf-16-le"),
            "protected with a password",
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000), "old .xls format"),
        (b"\r\n <html><table><tr><td>STT</td></tr></table></html>", "web page"),
        ("\ufeff<?xml version='1.0'?><Workbook/>".encode("utf-16"), "web page"),
        (b"", "empty"),
        (b"PK\x03\x04 cut short", "damaged"),
        (b"STT,x\r\n", "no Excel workbook"),
    ],
)
def test_other_kinds_under_an_excel_name(content: bytes, reason: str) -> None:
    assert reason in refusal(content).message


@pytest.mark.parametrize("name", ["a.xls", "a.xlsm", "a.XLS", "a.pdf"])
def test_suffixes_that_are_not_read(workbook: bytes, name: str) -> None:
    assert refusal(workbook, name).next_step


def test_other_archives_and_passwords(workbook: bytes) -> None:
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("content.xml", "x")
    assert "no Excel workbook" in refusal(other.getvalue()).message
    assert "xlsb" in refusal(repacked(workbook, {"xl/workbook.bin": b"x"})).message
    locked = bytearray(workbook)
    for place in range(len(locked) - 10):
        if locked[place : place + 4] == b"PK\x01\x02":
            locked[place + 8] |= 1
    assert "password" in refusal(bytes(locked)).message


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_a_file_cut_short(workbook: bytes, cut: float) -> None:
    assert "damaged" in refusal(workbook[: int(len(workbook) * cut)]).message


def test_damage_inside(workbook: bytes) -> None:
    def edit(name: str, content: bytes) -> bytes:
        return content[: len(content) // 2] if name == "xl/worksheets/sheet1.xml" else content

    assert "damaged" in refusal(repacked(workbook, edit=edit)).message


def test_two_cells_that_span_the_whole_sheet(workbook: bytes) -> None:
    """17 billion cells for a reader that makes room for all of them: the child's limit of memory ends it."""

    def edit(name: str, content: bytes) -> bytes:
        far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
        return content.replace(b"</sheetData>", far) if name == "xl/worksheets/sheet1.xml" else content

    assert "memory" in refusal(repacked(workbook, edit=edit)).message


def test_one_long_text_in_many_cells(workbook: bytes, tmp_path: Path) -> None:
    """A shared string of 1 MB costs the file little and its reader much."""
    rows = [{**RATED, "Nội dung": "x" * 1_000} for _ in range(200)]
    many = write_xlsx(tmp_path / "a.xlsx", "DanhGia", rows).read_bytes()
    long = bytes(range(97, 123)) * 40_000

    def edit(name: str, content: bytes) -> bytes:
        return content.replace(b"x" * 1_000, long) if name == "xl/sharedStrings.xml" else content

    noise = zlib.compress(bytes(n * n % 251 for n in range(60_000)))
    content = repacked(repacked(many, edit=edit), {"xl/media/a.bin": noise * 40})
    assert "far more text" in refusal(content).message


@pytest.mark.parametrize(
    "cell", [" " * 130_000, "x" + " " * 130_000, "1" * 130_000, "a-1" * 40_000, "H" + "-1" * 60_000 + "x"]
)
def test_no_cell_takes_long(cell: str) -> None:
    fields = ",".join([cell] * 4)
    content = f"Mã phiếu,Mã hồ sơ,Điểm,Ngày đánh giá\r\nP1,H15.07-240823-0001,5,23/08/2024\r\n{fields}\r\n"
    paid = f"Mã giao dịch,Mã hồ sơ,Số tiền,Hình thức,Trạng thái,Ngày thanh toán\r\nG1,H15.07-240823-0001,{fields}\r\n"
    started = seconds_taken()
    list(read_table(content.encode(), "a.csv", "rating"))
    list(read_table(paid.encode(), "a.csv", "payment"))
    assert seconds_taken() - started < 10


def test_a_line_without_end_is_held_by_the_memory_limit(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("wb") as out:
        out.write("Mã phiếu,Mã hồ sơ,Điểm,Ngày đánh giá\r\n".encode())
        out.truncate(400_000_000)
    started = seconds_taken()
    with pytest.raises(FileRefused, match=r"a\.csv: .*(memory|more than 131,072)"):
        list(read_table(tmp_path / "a.csv", "a.csv", "rating"))
    assert seconds_taken() - started < 10


def test_time_ends_the_child(workbook: bytes) -> None:
    assert "longer than 0 s" in refusal(workbook, limits=Limits(seconds=0)).message


def test_waiting_for_the_taker_does_not_count(tmp_path: Path) -> None:
    rows = [{**RATED, "Mã phiếu": f"P{n}", "Ngày đánh giá": datetime(2024, 8, 23)} for n in range(6_000)]
    reading = read_table(write_xlsx(tmp_path / "a.xlsx", "DanhGia", rows), "a.xlsx", "rating", limits=Limits(seconds=5))
    taken = 0
    for chunk in reading:
        taken += len(chunk.records)
        time.sleep(2)
    assert taken == 6_000
