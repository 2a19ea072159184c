"""A quarter published, restated and defended: late and corrected dossiers, rows out of quarantine, two communes merged.

One world for all tests of the module, through the product's own steps: two nights, two builds, edition 1 published after
the first, edition 2 drafted after the second.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import psycopg
import pytest
from openpyxl import load_workbook
from psycopg import sql
from typer.testing import CliRunner

from onestop import config
from onestop.cli.app import app
from onestop.errors import OnestopError
from onestop.periods import parse
from onestop.pipeline import editions, flows, quarterly
from onestop.pipeline.ingest import ingest
from onestop.pipeline.quarantine_replay import replay
from onestop.pipeline.reference import ingest_reference
from onestop.reporting import former
from onestop.reporting.editions import canonical, products, store
from onestop.reporting.editions.tables import BY_NAME, FORM, TABLES
from onestop.reporting.figures import load_figures
from onestop.sandbox.server import OneStopServer
from onestop.transform import dbt
from onestop.warehouse.connection import connect
from onestop.warehouse.embedded import EmbeddedPostgres
from worlds import CLIENT, SECRET, World, dossier, make_world, write_csv

pytestmark = [pytest.mark.integration, pytest.mark.every_server]
QUARTER, CALENDAR = parse("2024-Q3"), parse("calendar:2024-Q3")
FIRST = datetime.fromisoformat("2024-09-25T08:00:00+07:00")
SECOND = datetime.fromisoformat("2024-10-10T08:00:00+07:00")
DRAFTER, APPROVER = "Trần Thị B", "Nguyễn Văn A"
REASON = "Sở Tư pháp gửi muộn hồ sơ tháng 9"
MERGED_ON = "2024-10-01"
COMMUNES = ("H15.21.01", "H15.21.02")
LATE_UNIT = "H15.88"
# What the second night brings, by the reason that edition 2 must give. 50 came late, but belongs to the next quarter; 21
# has a new version that counts as the one before.
CODES = {number: dossier(number)["MaHoSo"] for number in (11, 12, 13, 20, 21, 30, 31, 40, 41, 50)}
MOVED = {
    CODES[40]: ("late_arrival", "entered"),
    CODES[41]: ("late_arrival", "entered"),
    CODES[20]: ("correction", "changed"),
    CODES[13]: ("correction", "left"),
    CODES[30]: ("quarantine_release", "entered"),
    CODES[31]: ("quarantine_release", "entered"),
    CODES[11]: ("reorganisation", "changed"),
    CODES[12]: ("reorganisation", "changed"),
}


def first_night() -> list[dict[str, Any]]:
    return [
        *(dossier(number) for number in range(1, 11)),
        dossier(11, DonViXuLy=COMMUNES[0]),
        dossier(12, DonViXuLy=COMMUNES[1], NgayKetThucXuLy="20240902100000", NgayCapNhat="20240902110000"),
        dossier(13),
        dossier(20),
        dossier(21),
        dossier(30, DonViXuLy=LATE_UNIT),  # no unit of that code yet
        dossier(31, KenhThucHien="9"),  # no channel
    ]


def second_night() -> list[dict[str, Any]]:
    later = {"NgayCapNhat": "20241001080000"}
    return [
        dossier(20, NgayKetThucXuLy="20240902100000", **later),  # overdue after all
        dossier(21, **later),
        {"MaHoSo": CODES[13], "DaXoa": "1", **later},
        dossier(31, KenhThucHien="1", **later),
        dossier(40, **later),
        dossier(41, KenhThucHien="1", **later),
        dossier(50, NgayTiepNhan="20240920080000", NgayNopHoSo="20240920070000", NgayHenTraBanDau="20241020170000",
                NgayHenTra="20241020170000", NgayKetThucXuLy=None, TrangThaiHoSo="4", **later),
    ]  # fmt: skip


def write_units(folder: Path, *, merged: bool) -> None:
    """The province's units; merged: two communes became one on 1 October, and a department came into the file."""
    last_day = "2024-09-30" if merged else ""
    units = [
        ("H15", "Tỉnh Đắk Lắk", "province", "", ""),
        ("H15.07", "Sở Tư pháp", "department", "H15", ""),
        ("H15.21", "Huyện Lắk", "district", "H15", ""),
        *((code, f"Xã {code}", "commune", "H15.21", last_day) for code in COMMUNES),
    ]
    if merged:
        units.append((LATE_UNIT, "Sở Mới", "department", "H15", ""))
    rows = [(code, name, "", level, parent, "", "2000-01-01", to) for code, name, level, parent, to in units]
    if merged:
        rows.append(("H15.21.03", "Xã Mới", "", "commune", "H15.21", "", MERGED_ON, ""))
    header = ("agency_code", "name_vi", "name_en", "level", "parent_code", "gso_code", "valid_from", "valid_to")
    write_csv(folder / "agencies.csv", header, rows)
    if merged:
        write_csv(
            folder / "agency_succession.csv",
            ("predecessor_code", "successor_code", "effective_on", "is_default", "legal_basis"),
            [(code, "H15.21.03", MERGED_ON, 1, "NQ 1") for code in COMMUNES],
        )


FIRST_EDITION = "select edition_id from published.edition where status = 'published' and period = '2024-Q3'"


class Story:
    """The world after both nights, and what was kept of edition 1 before the second."""

    def __init__(self, world: World, server: OneStopServer) -> None:
        self.world, self.server = world, server
        self.files: dict[str, bytes] = {}
        self.head = ""

    @property
    def settings(self) -> config.Settings:
        return self.world.settings

    def call(self, *words: str) -> tuple[int, Any]:
        """A command with --json: exit code and content."""
        answer = CliRunner().invoke(app, [*words, "--json", "--config", str(self.settings.file)])
        if answer.exception and not isinstance(answer.exception, SystemExit):
            raise answer.exception
        return answer.exit_code, json.loads(answer.stdout)

    @contextmanager
    def as_superuser(self, admin_dsn: str) -> Iterator[psycopg.Connection[Any]]:
        """A superuser who switches the guards off; all is undone afterwards."""
        dsn = psycopg.conninfo.make_conninfo(
            admin_dsn, dbname=psycopg.conninfo.conninfo_to_dict(self.world.dsn)["dbname"]
        )
        with closing(psycopg.connect(dsn)) as connection:
            connection.execute("set session_replication_role = replica")
            yield connection
            connection.rollback()


@pytest.fixture(scope="module")
def story(module_warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with pytest.MonkeyPatch.context() as patch:
        run = dbt.run
        # Without the generic data tests, which other tests run.
        patch.setattr(dbt, "run", lambda command, *more: run([*command, "--exclude", "test_type:generic"], *more))
        server = OneStopServer(first_night(), CLIENT, SECRET).start()
        folder = tmp_path_factory.mktemp("editions")
        world = make_world(folder, module_warehouse, {"igate": server.url}, patch)
        file = world.settings.file
        text = file.read_text().replace("credentials: IGATE,", "credentials: IGATE, quarantine_limit: 1,")
        file.write_text(text + "editions: {two_persons: true}\n")
        world.settings = config.load(file)
        write_units(folder / "reference", merged=False)
        made = Story(world, server)
        try:
            tell(made)
            yield made
        finally:
            server.stop()


def tell(story: Story) -> None:
    settings = story.settings
    night(story, FIRST)
    for period in (QUARTER, CALENDAR):
        editions.draft(settings, period, at=FIRST, by=DRAFTER)
        editions.approve(settings, period, at=FIRST + timedelta(hours=1), by=APPROVER)
    done = editions.publish(settings, QUARTER, at=FIRST + timedelta(hours=2), by=APPROVER)
    story.files = {path.name: path.read_bytes() for path in done.files}
    story.head = done.edition.sha256 or ""
    story.server.commit(second_night())
    write_units(settings.reference_path, merged=True)
    night(story, SECOND)
    editions.restate(settings, QUARTER, at=SECOND, by=DRAFTER, reason=REASON)


def night(story: Story, as_of: datetime) -> None:
    settings = story.settings
    ingest_reference(settings, as_of=as_of)
    ingest(settings, "igate", as_of=as_of)
    replay(settings, as_of=as_of)
    flows.transform(settings, known_at=as_of)


@contextmanager
def undone(story: Story) -> Iterator[psycopg.Connection[Any]]:
    """The owner's connection; what is done in the block is rolled back."""
    with closing(connect(story.world.dsn)) as connection:
        yield connection
        connection.rollback()


def test_former_quarters_are_compared_with_and_never_changed(story: Story, tmp_path: Path) -> None:
    before = parse("2024-Q2")
    file = tmp_path / "former.csv"
    numbers = (100, 30, 50, 20, 90, 60, 25, 5, 10, 8, 2)
    file.write_text(f"{','.join(former.HEADER)}\n2024-Q2,H15,{','.join(map(str, numbers))}\n", encoding="utf-8")
    rows, sha256 = former.read_file(file)
    wrong = [replace(rows[0], counts=replace(rows[0].counts, received_total=999))]
    with undone(story) as connection:
        connection.execute("select 1")  # the transaction that is undone

        def keep(kept: list[former.FormerRow]) -> former.Imported:
            return former.keep(connection, kept, file=file.name, sha256=sha256, at=SECOND, by=DRAFTER)

        assert keep(wrong).contradictions == (
            "statutory:2024-Q2, H15: not column 3 = 4 + 5 + 6, not column 3 = 7 + 11",
        )
        assert (keep(rows).kept, keep(rows).unchanged) == (1, 1)
        found = former.published_counts(connection, [before], "H15")
        assert found["2024-Q2"].counts.values() == numbers  # the newest import
        # What the warehouse itself published wins over any import.
        keep([replace(rows[0], period=QUARTER)])
        published = former.published_counts(connection, [QUARTER], "H15")["2024-Q3"].counts
        assert published.values() != numbers
        figures = load_figures(
            connection, QUARTER, "H15", province_name="Đắk Lắk", known_at=SECOND, zone=story.settings.zone
        )
        assert figures.previous == figures.previous_published == found["2024-Q2"]
        for change in ("update published.former_figure set received_total = 1", "delete from published.former_figure"):
            with pytest.raises(psycopg.errors.Error), connection.transaction():
                connection.execute(change.encode())
    assert story.call("quarter", "import", str(file), "--by", "x")[1]["kept"] == 1
    with undone(story) as connection:
        assert former.published_counts(connection, [before], "H15")


def test_edition_2_lists_the_dossiers_that_moved_with_their_reasons(story: Story) -> None:
    found = editions.diff(story.settings, QUARTER)
    moved = {
        row["item_code"]: (row["reason_code"], row["change"]) for row in found.moved if row["item_kind"] == "dossier"
    }
    assert moved == MOVED
    assert {row["item_kind"]: row["reason_code"] for row in found.moved if row["item_kind"] != "dossier"} == {
        "commune": "reorganisation"
    }
    assert (found.old.version, found.new.version, found.new.reason) == (1, 2, REASON)
    assert found.new.reason_code in {"late_arrival", "correction", "quarantine_release", "reorganisation"}
    late = next(row for row in found.moved if row["item_code"] == CODES[20])
    assert late["no_longer_counted_in"] == [
        "early_rate", "on_time_rate", "progress_rate", "resolved_early",
    ]  # fmt: skip
    assert late["newly_counted_in"] == ["overdue_rate", "resolved_overdue"]
    assert late["after"]["finished_on"] == "2024-09-02"


def test_every_cell_that_differs_is_listed_with_its_difference(story: Story) -> None:
    cells = {
        (cell.org_view, cell.agency_code, cell.field_code, cell.metric_code): cell
        for cell in editions.diff(story.settings, QUARTER).cells
    }
    whole = cells["as_was", "H15", "*", "received_total"]
    assert (whole.old_value, whole.new_value, whole.difference) == (15, 18, 3)  # 13 went; 30, 31, 40, 41 came
    assert cells["as_was", "H15", "*", "resolved_overdue"].difference == 1
    merged = cells["as_is", "H15.21.03", "*", "received_total"]
    assert (merged.old_value, merged.new_value) == (None, 2)
    assert {cells["as_is", code, "*", "received_total"].new_value for code in COMMUNES} == {None}
    assert not [key for key in cells if key[0] == "as_was" and key[1] in COMMUNES]  # they are as they were then
    stored = {
        (view, unit, field, metric): value
        for view, unit, field, metric, value in story.world.rows(
            "select org_view, agency_code, field_code, metric_code, value from mart.quarterly_metric"
            " where (period_convention, period) = ('statutory', '2024-Q3')"
        )
    }
    assert all(cell.new_value == stored.get(key) for key, cell in cells.items())


def test_the_first_edition_verifies_and_renders_the_same_bytes_after_all_that(story: Story) -> None:
    code, found = story.call("quarter", "verify", "2024-Q3", "--head", story.head)
    assert (code, found["findings"], found["head"]) == (0, [], story.head)
    assert (
        (found["editions"], found["files"], found["rendered"]) == (1, len(story.files), len(story.files)) == (1, 7, 7)
    )
    assert found["rows"] > 100
    with undone(story) as connection:
        edition = store.edition(connection, QUARTER, 1)
        assert products.render_edition(connection, edition, story.settings.zone) == story.files
    folder = story.settings.reports_path / "statutory_2024-Q3" / "edition-1"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == story.files


def test_the_products_say_which_edition_they_are_of(story: Story, tmp_path: Path) -> None:
    figures = json.loads(story.files["figures.json"])
    assert (figures["status"], figures["edition"]["version"], figures["edition"]["sha256"]) == (
        "published",
        1,
        story.head,
    )
    page = story.files["bao-cao.html"].decode()
    assert "Bản công bố lần 1" in page and story.head in page and "Bản dự thảo" not in page
    file = tmp_path / "form.xlsx"
    file.write_bytes(story.files["bieu-ii-06a.xlsx"])
    sheet = load_workbook(file)["II.06a"]
    said = [str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value]
    assert any(story.head in text for text in said) and any(APPROVER in text for text in said)
    assert not [text for text in said if "dự thảo" in text.lower()]


def test_lost_files_come_back_from_the_stored_bytes(story: Story) -> None:
    folder = story.settings.reports_path / "statutory_2024-Q3" / "edition-1"
    (folder / "bao-cao.html").write_text("other")
    code, found = story.call("quarter", "verify", "2024-Q3")
    assert code == 1
    assert [(f["table"], f["row"]) for f in found["findings"]] == [("product", "file_name bao-cao.html")]
    assert story.call("quarter", "files", "2024-Q3", "--edition", "1")[0] == 0
    assert story.call("quarter", "verify", "2024-Q3")[0] == 0


def test_the_public_tables_have_their_columns(story: Story) -> None:
    columns = (
        "edition_id, period_convention, period, version, status, known_at, approved_by, published_at, reason, sha256,"
        " previous_sha256"
    )
    rows = story.world.rows(f"select {columns} from published.edition order by edition_id")
    by_name = {(row[1], row[3]): row for row in rows}
    one, two = by_name["statutory", 1], by_name["statutory", 2]
    assert (one[4], one[5], one[6], one[9], one[10]) == ("published", FIRST, APPROVER, story.head, None)
    assert (two[4], two[8], two[9], two[10]) == ("draft", REASON, None, None)
    assert by_name["calendar", 1][4] == "approved"
    names = "select string_agg(column_name, ' ' order by ordinal_position) from information_schema.columns"
    mart = story.world.one(f"{names} where table_schema = 'mart' and table_name = 'quarterly_metric'")
    kept = story.world.one(f"{names} where table_schema = 'published' and table_name = 'quarterly_metric'")
    assert kept == f"edition_id {mart}"


@pytest.mark.parametrize("table", [*(t.name for t in TABLES), "content", "product", "event", "edition"])
def test_frozen_for_the_owner(story: Story, table: str) -> None:
    """No statement of the owner changes, removes or adds anything of an approved edition."""
    key = "version" if table == "event" else "edition_id"
    one = story.world.one(FIRST_EDITION)
    value = 1 if table == "event" else one
    count = f"select count(*) from published.{table} where {key} = %s"
    before = story.world.one(count, value)
    statements = [f"update published.{table} set {key} = {key}", f"truncate published.{table} cascade"]
    if before:  # the rows that this world's edition has
        statements.append(f"delete from published.{table} where {key} = {value}")
    if before and table not in ("event", "edition"):
        statements.append(
            f"insert into published.{table} select * from published.{table} where {key} = {value} limit 1"
        )
    for statement in statements:
        with undone(story) as connection, pytest.raises(psycopg.Error) as refused:
            connection.execute(statement.encode())
        assert not isinstance(refused.value, psycopg.errors.SyntaxError), statement
    assert story.world.one(count, value) == before


@pytest.mark.parametrize(
    "move",
    [
        "update published.edition set status = 'draft' where status = 'published'",
        "update published.edition set status = 'approved' where status = 'published'",
        "update published.edition set status = 'superseded', superseded_at = now() where status = 'approved'",
        "update published.edition set status = 'draft' where status = 'approved'",
        "update published.edition set status = 'published', published_at = now(), published_by = 'x' where status = 'draft'",
        "update published.edition set approved_by = 'x' where status = 'published'",
        "update published.edition set reason = 'x' where status = 'approved'",
        "update published.edition set status = 'superseded', superseded_at = now(), known_at = now() where status = 'published'",
        "insert into published.edition (period_convention, period, version, status, known_at, period_from, period_to,"
        " is_preliminary, drafted_at, drafted_by, code_version) select period_convention, period, 9, 'draft', known_at,"
        " period_from, period_to, false, now(), 'x', 'x' from published.edition where status = 'approved'",
        "update published.edition set status = 'approved', approved_at = now(), approved_by = 'x', manifest = '{}',"
        " sha256 = repeat('0', 64), previous_sha256 = null where status = 'draft'",
    ],
)
def test_an_edition_moves_only_forward(story: Story, move: str) -> None:
    with undone(story) as connection, pytest.raises(psycopg.Error):
        connection.execute(move.encode())


def test_commands_refuse_forbidden_moves(story: Story) -> None:
    settings, at = story.settings, SECOND
    # The statutory quarter has a draft of edition 2, the calendar one an approved edition.
    for call, words in (
        (lambda: editions.draft(settings, CALENDAR, at=at, by=DRAFTER), "never takes its place"),
        (lambda: editions.approve(settings, CALENDAR, at=at, by=APPROVER), "only a draft is approved"),
        (lambda: editions.refuse(settings, CALENDAR, at=at, by=APPROVER, reason="sai"), "only a draft is refused"),
        (lambda: editions.publish(settings, QUARTER, at=at, by=APPROVER), "only an approved edition"),
        (lambda: editions.approve(settings, QUARTER, at=at, by=DRAFTER.upper()), "may not approve"),
        (lambda: editions.restate(settings, parse("2024-Q2"), at=at, by=DRAFTER, reason="x"), "nothing to restate"),
        (lambda: editions.verify(settings, parse("2024-Q2")), "no edition was approved"),
        (lambda: editions.diff(settings, CALENDAR), "is the first"),
    ):
        with pytest.raises(OnestopError, match=words):
            call()
    assert CliRunner().invoke(app, ["quarter", "draft", "2024-Q9"]).exit_code != 0


def test_a_draft_is_replaced_and_keeps_its_reason(story: Story) -> None:
    before = story.world.one("select edition_id from published.edition where status = 'draft'")
    done = editions.draft(story.settings, QUARTER, at=SECOND, by=DRAFTER)
    assert (done.edition.version, done.edition.reason, done.is_behind) == (2, REASON, False)
    assert done.edition.edition_id != before
    assert story.world.one("select count(*) from published.edition where status = 'draft'") == 1
    for table in TABLES:
        assert not story.world.one(f"select count(*) from published.{table.name} where edition_id = %s", before)
    editions.refuse(story.settings, QUARTER, at=SECOND, by=APPROVER, reason="thiếu Kho bạc")
    _, events = editions.history(story.settings, QUARTER)
    assert [(e["event"], e["by_whom"]) for e in events][-2:] == [("drafted", DRAFTER), ("refused", APPROVER)]
    assert events[-1]["reason"] == "thiếu Kho bạc"


def changed(table: str, column: str) -> str:
    """A statement that changes one value of one row of edition 1."""
    ways = {"numerator": "numerator + 1", "due_on": "due_on + 1", "figures": "replace(figures, '15', '16')"}
    key = BY_NAME[table].key
    first = (
        f"select {', '.join(key)} from published.{table} where edition_id = %(id)s order by 1 limit 1" if key else ""
    )
    where = f" and ({', '.join(key)}) = ({first})" if key else ""
    return f"update published.{table} set {column} = {ways.get(column, column + ' || chr(32)')} where edition_id = %(id)s{where}"


@pytest.mark.parametrize(
    ("table", "column"),
    [
        *(("quarterly_metric", "numerator"), ("form_ii_06a", "agency_name_vi"), ("metric_rule", "legal_basis")),
        *(("dossier", "due_on"), ("dossier", "procedure_code"), ("report_figures", "figures"), ("input", "origin")),
    ],
)
def test_a_changed_byte_is_found_and_named(story: Story, postgres: EmbeddedPostgres, table: str, column: str) -> None:
    one = story.world.one(FIRST_EDITION)
    with story.as_superuser(postgres.admin_dsn) as connection:
        changing = connection.execute(changed(table, column).encode(), {"id": one})
        assert changing.rowcount == 1
        found = verified(connection, story)
    assert [(f.version, f.table) for f in found if f.table != "product"] == [(1, table)]
    assert found[0].what == "changed"
    if BY_NAME[table].key:
        assert found[0].row.startswith(BY_NAME[table].key[0])


def verified(connection: psycopg.Connection[Any], story: Story, head: str | None = None) -> list[Any]:
    """What verify finds on a connection that may have uncommitted changes."""
    from onestop.reporting.editions.verify import verify

    return list(verify(connection, story.settings, QUARTER, head=head).findings)


@pytest.mark.parametrize(
    ("statement", "table", "what"),
    [
        ("delete from published.dossier where dossier_code = %(code)s and edition_id = %(id)s", "dossier", "removed"),
        (
            "insert into published.dossier select edition_id, 'H15.07-240101-9999', source_id, batch_id, row_number, place_id,"
            " field_code, procedure_code, received_on, due_on, finished_on, status, processing_working_days, counting_id"
            " from published.dossier where dossier_code = %(code)s and edition_id = %(id)s",
            "dossier", "added",
        ),
        ("update published.edition set approved_by = 'x' where edition_id = %(id)s", "edition", "approved_by"),
        ("update published.edition set published_at = now() where edition_id = %(id)s", "edition", "published"),
        ("update published.edition set sha256 = repeat('0', 64) where edition_id = %(id)s", "edition", "manifest"),
        ("update published.event set by_whom = 'x' where event = 'drafted' and version = 1", "event", "changed"),
        ("delete from published.event where event = 'approved' and version = 1", "event", "does not follow"),
        ("update published.product set bytes = bytes || '\\x00' where file_name = 'bao-cao.html'", "product", "bytes"),
        ("update published.content set row_checks = '' where table_name = 'dossier'", "content", "row_checks"),
        ("alter table published.dossier disable trigger user", "dossier", "triggers"),
        ("drop trigger keep_order on published.edition", "edition", "triggers"),
    ],
)  # fmt: skip
def test_whatever_a_superuser_does_is_found(
    story: Story, postgres: EmbeddedPostgres, statement: str, table: str, what: str
) -> None:
    one = story.world.one(FIRST_EDITION)
    with story.as_superuser(postgres.admin_dsn) as connection:
        given = {"id": one, "code": CODES[20]}
        connection.execute(statement.encode(), given if "%(" in statement else None)
        found = verified(connection, story)
    assert [f for f in found if f.table == table and what in f.what], found


def test_a_chain_rebuilt_whole_is_found_by_the_printed_head_alone(story: Story, postgres: EmbeddedPostgres) -> None:
    one = story.world.one(FIRST_EDITION)
    with story.as_superuser(postgres.admin_dsn) as connection:
        connection.execute(
            "update published.quarterly_metric set numerator = numerator + 1, value = value + 1"
            " where edition_id = %s and metric_code = 'resolved_early'",
            [one],
        )
        rebuild(connection, story, one)
        assert verified(connection, story) == []
        found = verified(connection, story, head=story.head)
        assert [f.table for f in found] == ["edition"] and story.head in found[0].what


def rebuild(connection: psycopg.Connection[Any], story: Story, edition_id: int) -> None:
    """What somebody with all rights would do to hide a change: every hash, event and file made anew."""
    contents = {table.name: canonical.hashed(connection, edition_id, table) for table in TABLES}
    for name, found in contents.items():
        connection.execute(
            "update published.content set sha256 = %s, row_checks = %s where edition_id = %s and table_name = %s",
            [found.sha256, found.row_checks, edition_id, name],
        )
    edition = store.edition(connection, QUARTER, 1)
    manifest = canonical.manifest(edition, contents)
    connection.execute(
        "update published.edition set manifest = %s, sha256 = %s where edition_id = %s",
        [manifest, canonical.sha256(manifest), edition_id],
    )
    files = products.render_edition(connection, store.edition(connection, QUARTER, 1), story.settings.zone)
    for name, content in files.items():
        connection.execute(
            "update published.product set bytes = %s, sha256 = %s where edition_id = %s and file_name = %s",
            [content, store.file_hash(content), edition_id, name],
        )
        (products.folder(story.settings, edition) / name).unlink(missing_ok=True)
    hashes = canonical.as_json({"files": {name: store.file_hash(content) for name, content in files.items()}})
    previous = None
    for event in store.events(connection, QUARTER):
        said = event | ({"details": hashes} if event["event"] == "published" else {})
        sha256 = store.event_hash(QUARTER, event["version"], said, previous)
        connection.execute(
            "update published.event set details = %s, sha256 = %s, previous_sha256 = %s where event_id = %s",
            [said["details"], sha256, previous, event["event_id"]],
        )
        previous = sha256


def test_the_hash_of_a_table_is_that_of_psql_s_copy(story: Story) -> None:
    """docs/editions.md promises that psql and sha256sum can check it."""
    one = story.world.one(FIRST_EDITION)
    table = BY_NAME["form_ii_06a"]
    with undone(story) as connection:
        said = json.loads(store.edition(connection, QUARTER, 1).manifest or "")["tables"]["form_ii_06a"]
        whole = b"".join(canonical.lines(connection, one, table))
    assert store.file_hash(whole) == said["sha256"]
    assert whole.decode().count("\n") == said["rows"] > 5
    first = whole.decode().splitlines()[0].split("\t")
    assert (first[0], first[4], first[5]) == ("statutory", "as_is", "H15")


def test_late_inputs_are_counted_and_never_included(story: Story) -> None:
    code, found = story.call("quarter", "readiness", "calendar:2024-Q3", "--as-of", SECOND.isoformat())
    lines = {line["code"]: line for line in found["conditions"]}
    assert code == 0
    # 7 of the second night were accepted, and one row came back from quarantine.
    assert (lines["late_inputs"]["state"], lines["late_inputs"]["count"]) == ("note", 8)
    assert lines["closed"]["state"] == lines["delivered:igate"]["state"] == lines["built"]["state"] == "ok"
    assert "không được tính" in lines["late_inputs"]["text_vi"]
    kept = story.world.one(
        "select count(*) from published.dossier join published.edition using (edition_id)"
        " where period_convention = 'calendar' and dossier_code = any(%s)",
        [CODES[40], CODES[41]],
    )
    assert kept == 0
    early = story.call("quarter", "readiness", "2024-Q3", "--as-of", "2024-09-14T23:59:59+07:00")[1]
    assert (early["is_ready"], early["conditions"][0]["state"]) == (False, "open")


def test_explain_leads_from_an_edition_to_its_own_dossiers(story: Story, tmp_path: Path) -> None:
    words = ("explain", "received_total", "--period", "2024-Q3", "--agency")
    code, now = story.call(*words, "H15")
    assert (code, now["numerator"], len(now["dossiers"]), now["counted"]["agrees"]) == (0, 18, 18, True)
    list_file = tmp_path / "list.csv"
    code, then = story.call(*words, "H15", "--edition", "1", "--csv", str(list_file))
    assert (code, then["numerator"], len(then["dossiers"])) == (0, 15, 15)
    assert set(now["dossiers"]) - set(then["dossiers"]) == {CODES[30], CODES[31], CODES[40], CODES[41]}
    assert sum(batch["items"] for batch in then["batches"]) == 15
    assert {batch["source_id"] for batch in then["batches"]} == {"igate"}
    with list_file.open(encoding="utf-8-sig", newline="") as file:
        assert [row["item_code"] for row in csv.DictReader(file)] == then["dossiers"]
    assert story.call(*words, "H15.21.03", "--org-view", "as_is")[1]["dossiers"] == [CODES[11], CODES[12]]
    # Nothing there is 0 and an empty list; a unit or metric that nobody knows is a wrong question.
    assert story.call(*words, "H15.21.03")[1]["dossiers"] == []
    for wrong in ((*words, "H99"), ("explain", "nothing", "--period", "2024-Q3", "--agency", "H15")):
        with pytest.raises(OnestopError) as refused:
            story.call(*wrong)
        assert refused.value.exit_code == 2


def test_the_dag_s_steps_draft_ask_send_back_and_publish(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONESTOP_AS_OF", SECOND.isoformat())
    settings, month = story.settings, "statutory:2024-M09"
    first = quarterly.draft_and_look(settings, month, None)
    said = first["text"]
    assert "dự thảo lần 1" in said and "✔ đạt: Nguồn igate: đã có dữ liệu đến ngày chốt" in said
    user = {"responded_by_user": {"id": "1", "name": APPROVER}}
    refused = {"chosen_options": ["Trả lại"], "params_input": {"reason": "thiếu Kho bạc"}, **user}
    assert quarterly.send_back(settings, month, refused) == "thiếu Kho bạc"
    assert quarterly.send_back(settings, month, {**user, "params_input": {"reason": " "}}) == quarterly.NO_REASON
    shown = quarterly.draft_and_look(settings, month, None)
    with pytest.raises(OnestopError, match="drafted anew since it was shown"):
        quarterly.approve_and_publish(settings, month, first, user)
    files = quarterly.approve_and_publish(settings, month, shown, {"params_input": {}, **user})
    assert sorted(Path(file).name for file in files) == sorted(story.files)
    found, events = editions.history(settings, parse(month))
    assert [(one.version, one.status, one.approved_by) for one in found] == [(1, "published", APPROVER)]
    assert [e["event"] for e in events] == ["drafted", "refused", "refused", "drafted", "approved", "published"]
    with pytest.raises(OnestopError, match="never takes its place"):
        quarterly.draft_and_look(settings, month, None)
    again = quarterly.draft_and_look(settings, month, "đính chính")["text"]
    assert "dự thảo lần 2" in again and "So với lần 1: 0 số liệu khác; lý do: đính chính" in again
    assert quarterly.resolve(settings, None) == "statutory:2024-Q3"


def test_a_source_that_had_not_delivered_is_declared_on_the_form(story: Story, tmp_path: Path) -> None:
    month, settings = parse("2024-M10"), story.settings  # closes on 14 October, after the second night
    editions.draft(settings, month, at=SECOND, by=DRAFTER)
    editions.approve(settings, month, at=SECOND, by=APPROVER)
    files = {path.name: path for path in editions.publish(settings, month, at=SECOND, by=APPROVER).files}
    said = "Nguồn igate: chưa có dữ liệu đến ngày chốt 14/10/2024"
    assert said in files["bao-cao.html"].read_text(encoding="utf-8")
    sheet = load_workbook(files["bieu-ii-06a.xlsx"])["II.06a"]
    assert [c.value for row in sheet.iter_rows() for c in row if said in str(c.value)]
    assert said not in story.files["bao-cao.html"].decode()
    with ZipFile(files["bao-cao.docx"]) as word, ZipFile(files["du-lieu.zip"]) as data:
        assert said in word.read("word/document.xml").decode()
        assert "igate" in json.loads(data.read("datapackage.json"))["gaps"][0]


def test_a_unit_s_part_has_the_figures_of_its_form(story: Story, tmp_path: Path) -> None:
    """From the models to the recipient's folder; ways and faults are test_delivery's."""
    lines = "recipients: [{id: all, folder: out}, {id: lak, unit: H15.21, folder: out}, {id: late, unit: H15.88, folder: out}]"
    text = story.settings.file.read_text(encoding="utf-8") + f"delivery: {{{lines}}}\n"
    out = tmp_path / "out"
    out.mkdir()
    file = story.settings.file.with_name("with_recipients.yml")
    file.write_text(text.replace("folder: out", f"folder: {json.dumps(str(out))}"), encoding="utf-8")
    answer = CliRunner().invoke(app, ["quarter", "deliver", "2024-Q3", "--json", "--config", str(file)])
    assert "late (H15.88); nothing was sent" in str(answer.exception)  # it came after edition 1
    file.write_text(file.read_text(encoding="utf-8").replace("H15.88", "H15.07"), encoding="utf-8")
    answer = CliRunner().invoke(app, ["quarter", "deliver", "2024-Q3", "--json", "--config", str(file)])
    assert [one["state"] for one in json.loads(answer.stdout)["deliveries"]] == ["sent"] * 3
    folder = out / "statutory_2024-Q3" / "edition-1"
    assert {path.name: path.read_bytes() for path in folder.iterdir() if "H15" not in path.name} == story.files
    book = load_workbook(folder / "bieu-ii-06a-H15.21.xlsx")
    rows = {row[1]: row[2:13] for sheet in book for row in sheet.iter_rows(values_only=True) if isinstance(row[2], int)}
    wanted = story.world.rows(
        f"select agency_name_vi, {', '.join(FORM)} from published.form_ii_06a where edition_id = ({FIRST_EDITION})"
        " and org_view = 'as_was' and (agency_code = 'H15.21' or agency_code = any(%s))",
        list(COMMUNES),
    )
    assert len(wanted) == 3 and rows["Tổng cộng"] == next(row[1:] for row in wanted if row[0] == "Huyện Lắk")
    assert all(rows[name] == tuple(numbers) for name, *numbers in wanted if name != "Huyện Lắk")


def test_publishing_supersedes_the_edition_before(story: Story, postgres: EmbeddedPostgres) -> None:
    """On a copy of the database: the other tests need the draft."""
    name = psycopg.conninfo.conninfo_to_dict(story.world.dsn)["dbname"]
    copy = f"{name}_copy"
    with psycopg.connect(postgres.admin_dsn, autocommit=True) as admin:
        owner = psycopg.conninfo.conninfo_to_dict(story.world.dsn)["user"]
        names = [sql.Identifier(str(part)) for part in (copy, owner, name)]
        admin.execute(sql.SQL("create database {} owner {} template {}").format(*names))
    try:
        with closing(connect(story.world.dsn.replace(str(name), copy), autocommit=True)) as connection:
            finish(story, connection)
    finally:
        with psycopg.connect(postgres.admin_dsn, autocommit=True) as admin:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(copy)))


def finish(story: Story, connection: psycopg.Connection[Any]) -> None:
    from onestop.reporting.editions import life
    from onestop.reporting.editions.verify import verify

    at = SECOND + timedelta(hours=1)
    settings = story.settings
    approved = life.approve(connection, QUARTER, at=at, by=APPROVER, two_persons=True)
    assert approved.previous_sha256 == story.head
    done = life.publish(connection, settings, QUARTER, at=at, by=APPROVER)
    assert (done.superseded, done.edition.status, done.edition.version) == (1, "published", 2)
    assert [one.status for one in store.editions(connection, QUARTER)] == ["superseded", "published"]
    found = verify(connection, settings, QUARTER, head=story.head)
    assert (found.findings, found.editions, found.files, found.head) == (
        (),
        2,
        2 * len(story.files),
        done.edition.sha256,
    )
    page = (settings.reports_path / "statutory_2024-Q3" / "edition-2" / "bao-cao.html").read_text(encoding="utf-8")
    assert REASON in page and str(done.edition.sha256) in page
    with pytest.raises(OnestopError, match="only an approved edition"):
        life.publish(connection, settings, QUARTER, at=at, by=APPROVER)
    # A third one from the same models: nothing moved.
    third = life.restate(connection, settings, QUARTER, at=at, by=DRAFTER, reason="kiểm tra")
    assert (third.version, third.reason_code) == (3, "other")
    assert not connection.execute(
        "select count(*) from published.moved where edition_id = %s", [third.edition_id]
    ).fetchone()[0]
