"""Names, numbers, sentences and hostile texts sent through every source, in good rows and bad ones: none of them arrives.

Searched afterwards: every column of every table, every file that was written (logs, lineage, exports, alerts, landing as it
lies on the disk), and all that commands say. Sealed parts may hold them, and can be read back with the key alone.
"""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import pytest
import typer
from openpyxl import load_workbook
from typer.testing import CliRunner

from every_kind import FIRST, LAST, Province, case
from onestop.cli.app import app, main
from onestop.errors import DataRefused
from onestop.logs import heard
from onestop.pipeline.alerting import of_fault
from onestop.pipeline.keys import load_keys
from onestop.platform.note_text import lines
from onestop.sandbox.portal_files import Dirt, dossier_row, file_name, write_manifest, write_xlsx
from onestop.sandbox.sql_source import write_table
from worlds import dossier

pytestmark = pytest.mark.integration
NAME, NUMBER, PHONE = "Chim Hoàng Yến Thứ Nhất", "066777123454", "0977123454"
SENTENCE, MAIL, ADDRESS = "câu chỉ có ở đây một lần", "hoang.yen@canary.example", "ngõ Hoàng Yến 77"
PRIVATE = {
    "ChuHoSo": NAME, "SoDinhDanh": NUMBER, "SoDienThoai": PHONE, "Email": MAIL, "DiaChi": ADDRESS,
    "TrichYeuHoSo": SENTENCE,
    "DanhSachHoSoBoSung": [{"NgayYeuCauBoSung": "20240825080000", "NoiDungBoSung": SENTENCE}],
    "TruongLa": f"{NAME} {SENTENCE}",
}  # fmt: skip
OF_A_CASE = {"HoTen": NAME, "SoDienThoai": PHONE, "Email": MAIL, "NoiDung": SENTENCE}
HOSTILE = (
    "'; drop table raw.one_stop_dossier; --", "{{ 7 * 191 }}{% raise %}", "=HYPERLINK(\"http://x\",\"y\")", "@SUM(1+1)*cmd|' /C calc'!A0",
    "%(identity)s %s {0} {province.__class__}", "$(touch pwned) `touch pwned`", "[bold]x[/bold][/red]", "<script>alert(1)</script>",
)  # fmt: skip


class Played:
    """What was sent and what came of it."""

    def __init__(self, played: Played) -> None:
        self.world, self.folder, self.exports = played.world, played.folder, played.exports
        self.results: dict[str, tuple[Any, ...]] = {}
        self.said: list[str] = []


@pytest.fixture(scope="module")
def played(
    module_warehouse: str, module_empty_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Played]:
    """Every source has delivered, each a good row and a bad one of the canary, and rows of hostile texts."""
    with pytest.MonkeyPatch.context() as patch:
        made = Province(tmp_path_factory.mktemp("canaries"), module_warehouse, module_empty_database, patch)
        text = made.world.settings.file.read_text().replace(", kind: ", ", quarantine_limit: 1, kind: ")
        made.reload(text)
        records = [dossier(1, **PRIVATE), dossier(2, DonViXuLy="H15.99", **PRIVATE)]
        for number, hostile in enumerate(HOSTILE, 10):
            records.append(dossier(number, TenTTHC=hostile, TenLinhVuc=hostile, **{hostile[:30]: hostile}))
            odd = {"MaTTHC": hostile, "DonViTiepNhan": hostile, "DonViXuLy": hostile, "NgayHenTra": hostile}
            records.append(dossier(100 + number, **odd))
        made.api.feed.commit(records)
        write_table(made.foreign, records[:2])
        for number, status in enumerate(("da_xu_ly", "?")):
            made.feedback.cases.commit([case(60 + number, TrangThai=status, **OF_A_CASE)])
        rows = [dossier_row(record, n) for n, record in enumerate(records[:3], 1)]
        write_xlsx(made.exports / file_name("HoSo", "H15", FIRST, LAST, 1), "HoSo", rows, Dirt(title_rows=3))
        rating = {"Mã hồ sơ": "H15.07-240823-0001", "Ngày đánh giá": "24/08/2024", "Nội dung": SENTENCE}
        ratings = [{**rating, "Mã phiếu": "P1", "Điểm": 5}, {**rating, "Mã phiếu": "P2", "Điểm": 99}]
        write_xlsx(made.exports / file_name("DanhGia", "H15", FIRST, LAST), "DanhGia", ratings)
        result = Played(made)
        patch.setattr(logging.Logger, "callHandlers", lambda _, record: result.said.append(record.getMessage()))
        with heard() as events:
            result.results = {source: made.run(source) for source in ("igate", "treasury", "pakn", "dvcqg")}
            write_manifest(made.export(dossier(7, **PRIVATE), version=2), 9)
            with pytest.raises(DataRefused) as refused:
                made.run("dvcqg")
        assert {event["state"] for event in events} == {"loaded", "refused"}
        result.said += [repr(events), *lines(events, made.world.settings.zone)]
        of_fault(made.world.settings, refused.value, "dvcqg")
        out = str(made.folder / "out")
        for words in (
            ["quarantine", "export", "--output", out],
            ["quarantine", "list", "--json"],
            ["alerts"],
            ["config", "show"],
        ):
            result.said.append(CliRunner().invoke(app, [*words, "--config", str(made.world.settings.file)]).output)
        yield result
        made.stop()


def test_every_source_had_a_good_and_a_bad_row(played: Played) -> None:
    for source, (state, _, accepted, quarantined, *_) in played.results.items():
        assert state == "loaded" and accepted and quarantined, source
    keys, opened = load_keys(played.world.settings), []
    for (payload,) in played.world.rows("select payload::text from quarantine.rejected_row"):
        for token in payload.split('"enc1:')[1:]:
            opened.append(keys.decrypt_payload("enc1:" + token.split('"')[0]))
    assert all(
        any(secret in json.loads(f"[{one}]").__repr__() for one in opened) for secret in (NAME, NUMBER, SENTENCE)
    )


SECRETS = (
    NAME,
    NUMBER,
    PHONE,
    SENTENCE,
    MAIL,
    ADDRESS,
    "a data key for tests",
    "a hash key for tests",
    "igate-secret-of",
)


def test_no_table_holds_any(played: Played) -> None:
    tables = played.world.rows(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
    )
    assert len(tables) > 40 and played.world.one("select count(*) from ops.alert")
    for (table,) in tables:
        held = str(played.world.rows(f"select row_to_json(held)::text from {table} as held"))
        assert not [secret for secret in SECRETS if secret in held], table


def contents(path: Path) -> Iterator[bytes]:
    """A file's bytes, and those of what is packed in it."""
    content = path.read_bytes()
    yield content
    if is_zipfile(BytesIO(content)):
        with ZipFile(BytesIO(content)) as archive:
            yield from (archive.read(name) for name in archive.namelist())


def test_no_file_and_no_word_holds_any(played: Played) -> None:
    ours = [path for path in played.folder.rglob("*") if path.is_file() and played.exports not in path.parents]
    assert len(ours) > 10 and any(path.suffix == ".xlsx" for path in ours)
    for path in ours:
        for content in contents(path):
            assert not [secret for secret in SECRETS if secret.encode() in content], path
    assert played.said and not [secret for secret in SECRETS if secret in str(played.said)]


def test_hostile_texts_stay_texts(played: Played) -> None:
    assert played.world.one("select count(*) from raw.one_stop_dossier where source_id = 'igate'") >= 1 + len(HOSTILE)
    names = {row[0] for row in played.world.rows("select ten_tthc from raw.one_stop_dossier")}
    assert names >= {text.strip() for text in HOSTILE}
    assert not list(played.folder.rglob("pwned")) and not Path("pwned").exists()
    assert "1337" not in str(played.said)
    books = [load_workbook(path) for path in (played.folder / "out").rglob("*.xlsx")]
    cells = [cell for book in books for sheet in book for row in sheet.iter_rows() for cell in row]
    assert len(cells) > 50 and not [cell.value for cell in cells if cell.data_type == "f"]


# A value for each parameter that a command cannot do without, while another one is hostile.
FIT = {
    "by": "Trần Thị B", "reason": "thử", "dossier": "H15.07-240823-0009", "source": "igate", "first": "2024-08-01",
    "last": "2024-08-02", "period": "2024-Q3", "metric": "on_time_rate", "column": "mart.fct_dossier.dossier_code",
    "row": "1", "name": "lan", "role": "viewers", "mail": "lan@tinh.gov.vn", "file": "none.csv", "output": "out",
    "agency": "H15.07", "database": "onestop_restored", "login": "bi_h15_99", "kind": "data", "scenario": "none",
}  # fmt: skip
# What would make an environment, generate documents or serve until it is stopped, whatever the parameter says.
NOT_CALLED = {("docs",), ("demo",), ("up",), ("sandbox",)}


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command of the product with the words that call it."""
    if hasattr(command, "commands"):
        for name, under in command.commands.items():
            yield from leaves(under, (*path, name))
    else:
        yield path, command


def calls() -> Iterator[tuple[list[str], str]]:
    """Each command once per parameter that takes a word, with this one hostile: its words, and the hostile one."""
    number = 0
    for path, command in leaves(typer.main.get_command(app)):
        taking = [p for p in command.params if p.name != "config_file" and not getattr(p, "is_flag", False)]
        for odd in taking if path not in NOT_CALLED else []:
            number += 1
            hostile = HOSTILE[number % len(HOSTILE)]
            wanted = [p for p in taking if p is odd or p.required or (*path, p.name) == ("erase", "dossier")]
            given = {p: hostile if p is odd else FIT[p.name] for p in wanted}
            options = [f"{p.opts[0]}={value}" for p, value in given.items() if p.opts[0].startswith("-")]
            arguments = [value for p, value in given.items() if not p.opts[0].startswith("-")]
            yield [*path, *options, "--", *arguments], hostile


def said_by(words: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """The `onestop` command itself: its exit code and all that it writes."""
    written = StringIO()
    monkeypatch.setattr(sys, "argv", ["onestop", *words])
    with redirect_stdout(written), redirect_stderr(written), pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0), written.getvalue()


def test_no_parameter_of_a_command_is_executed(played: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is refused in words or kept as the text that it is; nothing is dropped, evaluated or made elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    dossiers = "select count(*) from raw.one_stop_dossier"
    before, codes, wrong = played.world.one(dossiers), Counter[int](), []
    for words, hostile in calls():
        end = words.index("--")
        config = f"--config={played.world.settings.file}"
        code, said = said_by([*words[:end], config, *words[end:]], monkeypatch)
        codes[code] += 1
        is_refused = code in (1, 2, 3) and "Next step" in said and "Unexpected fault" not in said
        was_run = "Traceback" in said or "1337" in said.replace(hostile, "") or list(tmp_path.rglob("pwned"))
        if was_run or not (is_refused or code == 0):
            wrong.append((words, code, said))
    assert not wrong, "\n".join(str(one)[:400] for one in wrong)
    assert sum(codes.values()) > 110 and codes[0] > 5 and codes[2] > 40, codes
    assert played.world.one(dossiers) == before
    kept = {row[0] for row in played.world.rows("select by_whom from ops.audit union select reason from ops.audit")}
    assert kept & set(HOSTILE), "a name is kept as it was said"
