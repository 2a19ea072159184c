"""Province against portal on a planted truth: results exact, causes and questions measured, differences that close."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner

from onestop.cli.app import app
from onestop.errors import DataRefused
from onestop.quality.reconciliation import Followed, follow
from onestop.resources import resource
from onestop.sandbox import planted
from onestop.sandbox.planted_questions import Key, plant_questions
from onestop.transform.profile import environment, write_profile
from onestop.warehouse.connection import connect
from onestop.warehouse.embedded import EmbeddedPostgres

pytestmark = pytest.mark.integration

DOSSIERS = 4000
TABLES = ("reconciliation_dossier", "reconciliation_period", "lateness_disagreement", "question")
CHEAP = ("--exclude-resource-type", "unit_test", "--indirect-selection", "cautious")
LATER = planted.KNOWN_AT + timedelta(days=3)
WRONG = """
select p.plant, p.result, f.result, count(*)
from planted as p
left join intermediate.int_dossier__link as l on l.dossier_code = coalesce(p.here_code, p.there_code)
full join (
    select * from mart.reconciliation_dossier where coalesce(agency_code, '') not between 'H15.51' and 'H15.70'
) as f on f.dossier_group = coalesce(l.dossier_group, p.here_code, p.there_code)
where (p.result, p.has_status, p.has_received, p.has_appointment, p.has_finished, p.has_unit) is distinct from (
    f.result, f.has_status_conflict, f.has_received_conflict, f.has_appointment_conflict, f.has_finished_conflict,
    f.has_unit_conflict
)
group by 1, 2, 3
"""
CAUSES = """
select coalesce(p.cause, 'none'), coalesce(f.likely_cause, 'none'), count(*)
from planted as p
left join intermediate.int_dossier__link as l on l.dossier_code = coalesce(p.here_code, p.there_code)
join mart.reconciliation_dossier as f on f.dossier_group = coalesce(l.dossier_group, p.here_code, p.there_code)
group by 1, 2
"""


@dataclass
class Seen:
    """The warehouse after the first build, and what was read off it before the second."""

    dsn: str
    asked: set[Key]
    first: Followed | None = None
    again: Followed | None = None
    second: Followed | None = None
    earlier: Followed | None = None
    wrong: list[tuple[Any, ...]] = field(default_factory=list)
    causes: list[tuple[Any, ...]] = field(default_factory=list)
    questions: set[Key] = field(default_factory=set)
    evidence: list[tuple[Any, ...]] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    cli: dict[str, Any] = field(default_factory=dict)
    over: int = 0
    unit_cli: dict[str, Any] = field(default_factory=dict)
    sheets: dict[str, list[list[Any]]] = field(default_factory=dict)
    truth: list[tuple[Any, ...]] = field(default_factory=list)
    bridge: dict[str, tuple[int, int, int]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def seen(
    postgres: EmbeddedPostgres, _migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Seen]:
    name = "t_reconciliation"
    dsn = postgres.warehouse_dsn.rsplit("/", 1)[0] + f"/{name}"
    owner = psycopg.conninfo.conninfo_to_dict(dsn)["user"]
    folder = tmp_path_factory.mktemp("reconciliation")
    with psycopg.connect(postgres.admin_dsn, autocommit=True) as admin:
        admin.execute(
            sql.SQL("create database {} owner {} template {}").format(
                *map(sql.Identifier, (name, owner, _migrated_template))
            )
        )
        try:
            with closing(connect(dsn)) as connection, connection.transaction():
                planted.plant(connection, DOSSIERS)
                asked = plant_questions(connection)
            result = Seen(dsn, asked)
            tables = [f"+{name}" for name in (*TABLES, "dim_period", "dim_agency")]
            _build(dsn, planted.KNOWN_AT, folder, "seed")
            _build(dsn, planted.KNOWN_AT, folder, "run", "--select", *tables)
            _build(dsn, planted.KNOWN_AT, folder, "test", *("--select", *TABLES, "int_reconciliation__pair"), *CHEAP)
            with closing(connect(dsn, autocommit=True)) as connection:
                result.first, result.again = follow(connection), follow(connection)
                _read(connection, result)
                _ask(result, folder)
                result.mended = _mend(connection)
            _build(dsn, LATER, folder, "run", "--select", "+reconciliation_dossier")
            with closing(connect(dsn, autocommit=True)) as connection:
                result.second = follow(connection)
                connection.execute("update intermediate.int_build__moment set known_at = %s", [planted.KNOWN_AT])
                result.earlier = follow(connection)
            yield result
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _build(dsn: str, moment: datetime, folder: Path, *words: str) -> None:
    """What these tests read and what it is built from, no more: dbt takes longer for each table than its rows do."""
    with closing(connect(dsn, autocommit=True, role="transformer")) as connection:
        profiles = write_profile(folder / "profiles", connection, dsn)
        done = subprocess.run(
            [
                *(str(Path(sys.executable).with_name("dbt")), *words, "--project-dir", str(resource("dbt_project"))),
                *("--profiles-dir", str(profiles), "--target-path", str(folder / "dbt"), "--log-path", str(folder)),
                *("--vars", json.dumps({"province_code": planted.PROVINCE, "timezone": "Asia/Ho_Chi_Minh"})),
            ],
            env=environment(connection, moment),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-3000:]


def _read(connection: psycopg.Connection[Any], result: Seen) -> None:
    result.wrong = connection.execute(WRONG.encode()).fetchall()
    result.causes = connection.execute(CAUSES.encode()).fetchall()
    rows = connection.execute(
        "select kind, agency_code, case kind when 'last_minute' then calendar_quarter when 'reentered' then dossier_code"
        " else day::text end, evidence, score from mart.question"
    ).fetchall()
    result.evidence = rows
    result.questions = {(kind, agency, key) for kind, agency, key, _, _ in rows}
    # The planted dossiers' own totals of the calendar quarter, counted without the models.
    quarter = "between '2024-04-01' and '2024-06-30'"
    finished = "{0}_status in ('7', '9', '10') and {0}_ended::date"
    for line, side, where, rows in (
        ("igate", "here", "here_source = 'igate' and not is_deleted", "1"),
        # two codes for one dossier are two rows of the portal
        ("dvcqg", "there", "there_code is not null", "case plant when 'two_codes_on_the_portal' then 2 else 1 end"),
    ):
        result.truth += connection.execute(
            f"select '{line}', sum({rows}) filter (where {side}_received::date {quarter}),"
            f" sum({rows}) filter (where {finished.format(side)} {quarter}),"
            f" sum({rows}) filter (where {side}_received::date <= '2024-06-30'"
            f" and not coalesce({finished.format(side)} <= '2024-06-30', false))"
            f" from planted where {where} and {side}_unit like 'H15.0%'".encode()
        ).fetchall()
    for line, received, resolved, in_progress in connection.execute(
        "select coalesce(source_id, line), sum(received), sum(resolved), sum(in_progress) from mart.reconciliation_period"
        " where (period_convention, period, org_view) = ('calendar', '2024-Q2', 'as_was') and line in ('source_total',"
        " 'portal_total') and agency_code like 'H15.0%' group by 1"
    ).fetchall():
        result.bridge[line] = (int(received), int(resolved), int(in_progress))


def _ask(result: Seen, folder: Path) -> None:
    """The command, with and without a limit, for all and for one unit."""
    sources = "sources: [{id: igate, kind: one_stop_api, base_url: 'http://127.0.0.1:1', credentials: IGATE}]\n"
    text = "province: {code: H15, name_vi: Đắk Lắk}\n" + sources
    (folder / "province.yml").write_text(text, encoding="utf-8")
    (folder / "strict.yml").write_text(text + "reconcile: {limit: 0.02}\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ONESTOP_WAREHOUSE_DSN", result.dsn)

        def ask(config: str, *more: str) -> Any:
            words = ["reconcile", "calendar:2024-Q2", "--config", str(folder / config), *more]
            return CliRunner().invoke(app, words, catch_exceptions=False)

        asked = ask("province.yml", "--json")
        assert asked.exit_code == 0, asked.output
        result.cli = json.loads(asked.stdout)
        file = next(Path(path) for path in result.cli["workbooks"] if Path(path).stem == "H15.05")
        book = CalamineWorkbook.from_path(str(file))
        result.sheets = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
        with pytest.raises(DataRefused, match="the limit is 2.00%") as refused:
            ask("strict.yml")
        result.over = refused.value.exit_code
        result.unit_cli = json.loads(ask("province.yml", "--agency", "H15.05", "--json").stdout)


def _mend(connection: psycopg.Connection[Any]) -> list[str]:
    """The portal's next export shows what the province says of the dossiers that were out of date; their codes."""
    connection.execute(
        "insert into ops.load_batch (source_id, entity, origin, received, accepted, quarantined, duplicate, refused,"
        " started_at, finished_at, state, accepted_at, reached_end, is_first_load, code_version)"
        " values ('dvcqg', 'dossier', 'next', 0, 0, 0, 0, 0, %(at)s, %(at)s, 'loaded', %(at)s, true, false, 'planted')",
        {"at": LATER},
    )
    connection.execute(
        "insert into ops.portal_file (source_id, entity, name, series, version, covers_from, covers_to, modified_at, size,"
        " sha256, batch_id) select 'dvcqg', 'dossier', 'DVCQG_HoSo_H15_20240101_20240713.csv',"
        " 'dvcqg_hoso_h15_20240101_20240713', 1, '2024-01-01', '2024-07-13', now(), 1, 'next', max(batch_id) from ops.load_batch"
    )
    rows = connection.execute(
        "insert into raw.portal_dossier (batch_id, row_number, source_id, content_hash, file_id, stt, ma_ho_so, ma_tthc,"
        " kenh_thuc_hien, don_vi_xu_ly, trang_thai_ho_so, ngay_tiep_nhan, ngay_hen_tra, ngay_ket_thuc_xu_ly, ngay_dong_bo,"
        " ngay_cap_nhat) select (select max(batch_id) from ops.load_batch), n, 'dvcqg', '',"
        " (select max(file_id) from ops.portal_file), n::text, here_code, procedure, '1', here_unit, here_status,"
        " to_char(here_received, 'YYYYMMDDHH24MISS'), to_char(here_shown, 'YYYYMMDDHH24MISS'),"
        " to_char(here_ended, 'YYYYMMDDHH24MISS'), '20240713080000', '20240713235959'"
        " from planted where plant in ('outdated', 'never_synchronised') returning ma_ho_so"
    ).fetchall()
    return sorted(row[0] for row in rows)


def test_every_dossier_has_its_result_and_every_conflict(seen: Seen) -> None:
    assert seen.wrong == []
    assert {truth for truth, _, _ in seen.causes} >= {"deleted_here", "other_code_missing", "unknown", "none"}


def test_likely_causes_are_right_more_often_than_promised(seen: Seen) -> None:
    right = {truth: n for truth, found, n in seen.causes if truth == found}
    for cause in {truth for truth, _, _ in seen.causes} - {"none", "unknown"}:
        planted_of = sum(n for truth, _, n in seen.causes if truth == cause)
        found_of = sum(n for _, found, n in seen.causes if found == cause)
        assert right.get(cause, 0) / found_of >= 0.75, (cause, "precision")
        assert right.get(cause, 0) / planted_of >= 0.75, (cause, "recall")
    assert {(truth, found) for truth, found, _ in seen.causes if "none" in (truth, found)} == {("none", "none")}


def test_the_bridge_begins_and_ends_with_what_the_sources_say(seen: Seen) -> None:
    assert {line: seen.bridge[line] for line in ("igate", "dvcqg")} == {line: tuple(n) for line, *n in seen.truth}
    lines = {row["line"]: row for row in seen.cli["bridge"]}
    assert {"source_total", "duplicate_copy", "counted", "only_here", "status_conflict", "portal_total"} <= lines.keys()


def test_questions_find_what_was_planted(seen: Seen) -> None:
    for kind, precision, recall in (
        ("last_minute", 1.0, 1.0),
        ("reentered", 0.85, 0.85),
        ("mass_change", 1.0, 0.7),
        ("rating_burst", 1.0, 1.0),
    ):
        wanted = {key for key in seen.asked if key[0] == kind}
        found = {key for key in seen.questions if key[0] == kind}
        assert len(wanted & found) / len(found) >= precision, (kind, found - wanted)
        assert len(wanted & found) / len(wanted) >= recall, (kind, wanted - found)


def test_questions_carry_their_evidence_and_nothing_personal(seen: Seen) -> None:
    text = json.dumps([row[3] for row in seen.evidence], ensure_ascii=False)
    assert "applicant" not in text and "frequent" not in text
    assert all(row[4] > 0 for row in seen.evidence)
    again = next(row[3] for row in seen.evidence if row[0] == "reentered")
    assert {"earlier_code", "earlier_status", "earlier_finished_on", "gap_hours"} <= again.keys()


def test_differences_open_once_and_close_when_the_next_delivery_agrees(seen: Seen) -> None:
    assert seen.first is not None and seen.again is not None and seen.second is not None
    assert seen.first.opened > 100 and seen.first.closed == 0
    assert (seen.again.opened, seen.again.closed) == (0, 0), "the same moment again changes nothing"
    assert seen.earlier is None, "a build of an earlier moment is not followed"
    with closing(connect(seen.dsn)) as connection:
        closed = connection.execute(
            "select dossier_code, kind, opened_at, closed_at, closed_as, opened_batch_id, closed_batch_id"
            " from ops.reconciliation_difference where closed_at is not null order by dossier_code"
        ).fetchall()
        checks = connection.execute(
            "select count(*), sum(opened), sum(closed) from ops.reconciliation_check"
        ).fetchone()
    assert [row[0] for row in closed] == seen.mended
    assert {row[1] for row in closed} == {"status", "only_here"}
    assert {(row[2], row[3], row[4]) for row in closed} == {(planted.KNOWN_AT, LATER, "matched")}
    assert all(opened < newest for *_, opened, newest in closed)
    assert checks == (2, seen.first.opened + seen.second.opened, len(seen.mended))


def test_the_command_says_it_all_and_a_limit_makes_it_fail(seen: Seen) -> None:
    assert set(seen.cli["results"]) >= {"matched", "only_here", "only_there", "status_conflict", "date_conflict"}
    assert sum(row["differing"] for row in seen.cli["units"]) >= seen.cli["differing"] > 0
    assert seen.cli["is_over_limit"] is False
    assert seen.over == 3
    assert seen.unit_cli["compared"] < seen.cli["compared"] / 10
    assert {row["agency_code"] for row in seen.unit_cli["units"]} == {"H15.05"}


def test_a_units_workbook_lists_its_differences_with_cause_and_advice(seen: Seen) -> None:
    assert list(seen.sheets) == ["Chênh lệch", "Hạn giải quyết", "Câu hỏi"]
    rows = seen.sheets["Chênh lệch"]
    assert rows[2][:6] == ["STT", "Mã hồ sơ", "Mã trên Cổng", "Kết quả đối chiếu", "Nguyên nhân có thể", "Việc cần làm"]
    unit = seen.unit_cli["units"][0]
    assert len(rows) - 3 == unit["differing"] > 0
    assert all(row[3] and row[4] and row[5] for row in rows[3:])
    assert "không phải kết luận" in seen.sheets["Câu hỏi"][1][0]
