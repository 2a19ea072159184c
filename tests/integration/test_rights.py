"""Every role, every table, every right as rights.yml declares it, before and after a rebuild; a unit sees its own alone.

One world for all tests of the module: loaded, built, published through the product's own steps, each as its own role.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from zipfile import ZipFile, is_zipfile

import pandas
import psycopg
import pytest
import sqlalchemy
from openpyxl import load_workbook
from psycopg import errors, sql
from typer.testing import CliRunner

from onestop import config
from onestop.cli.app import app
from onestop.errors import ConfigurationError, OnestopError
from onestop.periods import parse
from onestop.pipeline import editions, flows, roles
from onestop.pipeline.doctor import examine
from onestop.pipeline.quarantine_decisions import decide
from onestop.sandbox.feedback_server import FeedbackServer
from onestop.sandbox.server import OneStopServer
from onestop.transform import dbt
from onestop.warehouse.connection import connect
from onestop.warehouse.embedded import EmbeddedPostgres
from onestop.warehouse.migrations import migrated
from onestop.warehouse.rights import PRIVILEGES, declaration
from worlds import AS_OF, CLIENT, SECRET, World, dossier, make_world

pytestmark = [pytest.mark.integration, pytest.mark.every_server]
QUARTER = parse("2024-Q3")
OWN, OTHER = "H15.21", "H15.07"  # a district with a commune under it; a department
UNDER = "H15.21.01"
SECRETS = ("9.999001", "H15.07-240823-0001", "H15.07-240823-0002")  # what stands in OTHER's rows alone
# A person whose every word is easy to find again, in good and bad rows of every source.
NUMBER, PHONE, WORD = "079912345678", "0987123499", "Kanari"
PERSON = {
    "ChuHoSo": f"Nguyễn {WORD} Thử",
    "SoDinhDanh": NUMBER,
    "SoDienThoai": PHONE,
    "Email": f"{WORD}@thu.example",
    "DiaChi": f"12 ngõ {WORD}",
    "TrichYeuHoSo": f"Khai sinh cho cháu {WORD}",
    "DanhSachXinLoi": [{"NgayXinLoi": "20240828080000", "LyDo": f"Xin lỗi ông {WORD}"}],
    "KhongAiBiet": f"một trường mới của {WORD}",
}
API_KEY = "a-key-of-the-rights-test"
# What a template, a formula, a document's language or a page would make of the province's name shows as this number.
MARK, SCRIPT = str(7919 * 7907), "<script>alert(1)</script>"
PLACE = f"Đắk Lắk {{{{ 7919 * 7907 }}}} #(7919 * 7907) {SCRIPT} =7919*7907"
CASES = [
    {
        "MaPAKN": f"PA-{number}",
        "NgayTiepNhan": "2024-08-01T08:00:00+07:00",
        "TrangThai": status,
        "DonViXuLy": OTHER,
        "HoTen": f"Trần {WORD}",
        "SoDienThoai": PHONE,
        "Email": f"{WORD}@thu.example",
        "NoiDung": f"Tôi là {WORD}, số {PHONE}",
        "NgayCapNhat": "2024-08-20T10:00:00",
    }
    for number, status in enumerate(("moi", "khong_co_trang_thai_nay"), 1)
]
EXPORTS = (
    (
        "DanhGia",
        "STT,Mã phiếu,Mã hồ sơ,Điểm,Ngày đánh giá,Nội dung",
        f"1,P1,H15.07-240823-0001,5,29/08/2024,Cảm ơn {WORD} {PHONE}",
        f"2,P2,H15.07-240823-0002,9,29/08/2024,Gọi cho {WORD} {PHONE}",
    ),
)
QUERIES = sorted((Path(__file__).parents[2] / "docs" / "bi").glob("*.sql"))
ASKED = {
    "select": "select from {table} limit 0",
    "insert": "insert into {table} overriding system value select * from {table} limit 0",
    "update": "update {table} set {column} = {column} where false",
    "delete": "delete from {table} where false",
}


@pytest.fixture(scope="module")
def world(module_warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    records = [
        dossier(1),
        dossier(2, MaTTHC="9.999001"),
        dossier(3, DonViXuLy=OWN, MaHoSo=f"{OWN}-240823-0003"),
        dossier(4, DonViXuLy=UNDER, MaHoSo=f"{UNDER}-240823-0004"),
        dossier(5, KenhThucHien="9", **PERSON),  # no channel: rejected
        dossier(6, **PERSON),
    ]
    folder = tmp_path_factory.mktemp("rights")
    exports = folder / "exports"
    exports.mkdir()
    for kind, head, *lines in EXPORTS:
        rows = "\r\n".join((head, *lines)) + "\r\n"
        (exports / f"DVCQG_{kind}_H15_20240615_20240914.csv").write_text(rows, encoding="utf-8")
    server = OneStopServer(records, CLIENT, SECRET).start()
    with pytest.MonkeyPatch.context() as patch, FeedbackServer(CASES, API_KEY, requests_per_second=0) as feedback:
        run = dbt.run
        patch.setattr(dbt, "run", lambda command, *more: run([*command, "--exclude", "test_type:generic"], *more))
        province = json.dumps({"code": "H15", "name_vi": PLACE}, ensure_ascii=False)
        made = make_world(folder, module_warehouse, {"igate": server.url}, patch, province=province)
        text = made.settings.file.read_text().replace("credentials: IGATE,", "credentials: IGATE, quarantine_limit: 1,")
        text += f'  - {{id: pakn, kind: feedback_api, base_url: "{feedback.url}", credentials: PAKN, quarantine_limit: 1}}\n'
        text += "  - {id: dvcqg, kind: portal_export, path: exports, quarantine_limit: 1}\n"
        made.settings.file.write_text(text)
        patch.setenv("PAKN_API_KEY", API_KEY)
        patch.setattr("onestop.sources.portal_export.SECONDS_BETWEEN_LOOKS", 0.01)
        made.settings = config.load(made.settings.file)
        try:
            done = flows.run(made.settings, QUARTER, as_of=AS_OF)
            assert done.problems == []
            editions.draft(made.settings, QUARTER, at=AS_OF, by="Trần Thị B")
            editions.approve(made.settings, QUARTER, at=AS_OF, by="Nguyễn Văn A")
            editions.publish(made.settings, QUARTER, at=AS_OF, by="Nguyễn Văn A")
            yield made
        finally:
            for login in roles.logins(made.settings):
                roles.remove(made.settings, login.login, by="test")
            server.stop()


@pytest.fixture(scope="module")
def unit_dsn(world: World) -> str:
    return new_login(world, "--unit", OWN)


@pytest.fixture(scope="module")
def province_dsn(world: World) -> str:
    return new_login(world, "--province", "--login", "bi_test_province")


def call(world: World, *words: str) -> tuple[int, Any]:
    answer = CliRunner().invoke(app, [*words, "--json", "--config", str(world.settings.file)])
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer.exit_code, json.loads(answer.stdout)


def new_login(world: World, *words: str) -> str:
    code, made = call(world, "roles", "add", *words)
    assert code == 0
    file = world.settings.root / made["password_file"]
    assert file.stat().st_mode & 0o077 == 0
    there = urlsplit(world.dsn)
    return urlunsplit(
        there._replace(netloc=f"{made['login']}:{file.read_text().strip()}@{there.hostname}:{there.port}")
    )


def tables(world: World) -> list[tuple[str, str, str, str]]:
    """Schema, name, kind and some column of every table and view of the warehouse."""
    return world.rows(
        "select n.nspname, c.relname, c.relkind::text, (select attname from pg_attribute where attrelid = c.oid"
        "  and attnum > 0 and not attisdropped and attgenerated = '' and attidentity = '' order by attnum limit 1)"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm')"
        " and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1, 2"
    )


def allowed(connection: psycopg.Connection[Any], statement: sql.Composable) -> bool:
    """Whether a statement is let through, by trying it; what a guard says after the rights does not count."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
    except errors.InsufficientPrivilege:
        return False
    except psycopg.Error:
        return True
    return True


def matrix(world: World) -> list[str]:
    """Where what a role may do is not what is declared, by trying every statement."""
    wrong, tried, told = [], 0, declaration()
    owned = {"onestop_transformer": ("staging", "intermediate", "mart", "report")}
    with closing(psycopg.connect(world.dsn, autocommit=True)) as connection:
        for role in told.roles.values():
            with connection.transaction(force_rollback=True):
                # The owner may become any of the roles; those of BI only after it gave itself leave.
                connection.execute(sql.SQL("grant {} to current_user").format(sql.Identifier(role)))
                connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
                for schema, table, kind, column in tables(world):
                    right = told.of(schema, table).get(role)
                    wanted = set(right.privileges) if right else set()
                    if schema in owned.get(role, ()):
                        wanted = set(PRIVILEGES)
                    for privilege, text in ASKED.items():
                        name, some = sql.Identifier(schema, table), sql.Identifier(column)
                        statement = sql.SQL(text).format(table=name, column=some)
                        if kind == "v" and privilege != "select":
                            continue  # refused as no table, before rights are looked at
                        may = allowed(connection, statement)
                        tried += 1
                        # An insert that reads its own table wants both rights.
                        if may != (privilege in wanted and (privilege == "insert") <= ("select" in wanted)):
                            wrong.append(f"{role}: {privilege} {schema}.{table} is {'allowed' if may else 'refused'}")
    assert tried > 6 * 80 * 4, "too little was tried"
    return wrong


def test_each_role_may_do_what_is_declared_and_still_may_after_a_rebuild(world: World) -> None:
    before = matrix(world)
    made_by = "select oid from pg_class where oid = 'mart.fct_dossier'::regclass"
    table = world.one(made_by)
    flows.transform(world.settings, known_at=AS_OF, whole=True)
    assert world.one(made_by) != table
    assert (before, matrix(world)) == ([], [])
    assert roles.differences(world.settings) == []


def test_every_public_table_has_a_line_of_its_own(world: World) -> None:
    there: dict[str, set[str]] = {"mart": set(), "report": set()}
    for schema, table, _, _ in tables(world):
        there.get(schema, set()).add(table)
    # A new mart is the province's alone until somebody says what a unit sees of it.
    assert {schema: declaration().names(schema) for schema in there} == there


def test_no_role_executes_more_than_its_functions(world: World) -> None:
    wanted = {
        *((f"onestop_{role}", "has_roles") for role in ("loader", "transformer", "publisher", "auditor")),
        ("onestop_transformer", "apply_rights"),
        ("onestop_transformer", "look_up_units"),
        ("onestop_publisher", "look_at_drafts"),
    }
    found = world.rows(
        "select r.rolname, p.proname from pg_proc p cross join pg_roles r where r.rolname = any(%s)"
        " and p.pronamespace::regnamespace::text = any('{ops,quarantine,published,raw,mart,report}')"
        " and has_function_privilege(r.oid, p.oid, 'execute')",
        list(declaration().roles.values()),
    )
    assert set(found) == wanted


def test_the_steps_take_on_their_roles(world: World) -> None:
    owners = world.rows(
        "select relowner::regrole::text, count(*) from pg_class where relkind in ('r', 'v')"
        " and relnamespace::regnamespace::text in ('staging', 'intermediate', 'mart', 'report') group by 1"
    )
    assert [owner for owner, _ in owners] == ["onestop_transformer"]
    with closing(connect(migrated(world.settings, "loader"), role="loader")) as connection:
        assert connection.execute("select current_user::text").fetchone() == ("onestop_loader",)
        connection.rollback()
        for statement in (
            "update published.edition set status = 'superseded'",
            "insert into published.product select * from published.product",
            "drop table mart.fct_dossier",
            "delete from raw.one_stop_dossier",
            "truncate ops.load_batch",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement)
            connection.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "create table public.x (a int)",
        "create table mart.x (a int)",
        "create temporary table x (a int)",
        "create schema x",
        "select * from raw.one_stop_dossier",
        "select * from staging.stg_one_stop__dossier",
        "select * from intermediate.int_dossier__winner",
        "select * from quarantine.rejected_row",
        "select * from ops.load_batch",
        "select * from ops.bi_login",
        "select * from ops.audit",
        "select * from pg_authid",
        "copy (select 1) to program 'true'",
        "copy (select 1) to '/tmp/onestop-test-x'",
        "select pg_read_file('PG_VERSION')",
        "set role onestop_publisher",
        "set session authorization onestop",
        "alter role bi_h15_21 createrole",
    ],
)
def test_a_login_of_bi_gets_no_further(unit_dsn: str, province_dsn: str, statement: str) -> None:
    for dsn in (unit_dsn, province_dsn):
        with closing(psycopg.connect(dsn)) as connection, pytest.raises(errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_a_unit_sees_its_own_and_what_lies_under_it_in_every_table(
    world: World, unit_dsn: str, province_dsn: str
) -> None:
    looked_at, filled = 0, set()
    with closing(psycopg.connect(unit_dsn, autocommit=True)) as unit:
        for right in declaration().rights:
            if right.unit_column is None:
                continue
            name, column = sql.Identifier(right.schema, right.table), sql.Identifier(right.unit_column)
            query = sql.SQL("select distinct {} from {}").format(column, name)
            seen = {row[0] for row in unit.execute(query)}
            assert seen <= {OWN, UNDER}, right
            with closing(psycopg.connect(province_dsn)) as province:
                everything = {row[0] for row in province.execute(query)}
            assert seen == everything & {OWN, UNDER}, right
            looked_at += 1
            filled |= {right.table} if everything - {OWN, UNDER, None} and seen else set()
    assert looked_at >= 20
    assert {"fct_dossier", "quarterly_metric", "form_ii_06a", "metric_comparison", "metric_rank"} <= filled
    assert {"score_766_part", "metric_year_to_date", "form_ii_06a_field", "form_ii_06a_level"} <= filled


@pytest.mark.parametrize(
    "query",
    [
        "select * from mart.fct_dossier where agency_code = 'H15.07'",
        "select * from mart.metric_comparison where agency_code = 'H15.07'",
        "select * from mart.score_766_loss",
        "select * from published.quarterly_metric where agency_code = 'H15.07'",
        "explain (analyze, verbose, buffers) select * from mart.fct_dossier where agency_code >= 'H15.07'",
        "explain (analyze, verbose) select * from mart.metric_comparison",
        "select * from pg_stats where schemaname in ('mart', 'report', 'published') and tablename = 'fct_dossier'",
        "select * from pg_stats where schemaname = 'intermediate'",
        # What fails on a row says what stood in it: so no other's row may come so far.
        "select cast(dossier_code as int) from mart.fct_dossier where dossier_code like 'H15.07%'",
        "select 1 / (case when agency_code = 'H15.07' then 0 else 1 end) from mart.fct_dossier",
        "select cast(procedure_code as int) from mart.fct_dossier where procedure_code = '9.999001'",
        "select * from mart.fct_dossier where pg_input_is_valid(dossier_code, 'int4')",
        "select query_to_xml('select * from mart.fct_dossier', true, false, '')",
        "select table_to_xml('mart.fct_dossier', true, false, '')",
    ],
)
def test_nothing_of_another_unit_comes_out(unit_dsn: str, query: str) -> None:
    with closing(psycopg.connect(unit_dsn)) as connection:
        try:
            said = repr(connection.execute(query.encode()).fetchall())
        except errors.UndefinedFunction:
            pytest.skip("NOT RUN: this PostgreSQL has no such function")
        except psycopg.Error as problem:
            said = str(problem)
            assert "H15.21" in said or "zero" not in said
    assert [secret for secret in SECRETS if secret in said.replace(query, "")] == []


def test_what_a_client_may_set_changes_nothing(unit_dsn: str) -> None:
    with closing(psycopg.connect(unit_dsn, autocommit=True)) as connection:
        for setting in (
            "set row_security = off",
            "set role bi_agency",
            "set search_path = pg_temp, mart",
            "set application_name = 'bi_test_province'",
        ):
            connection.execute(setting.encode())
            try:
                seen = connection.execute("select distinct agency_code from mart.fct_dossier").fetchall()
            except errors.InsufficientPrivilege:
                assert "row_security" in setting  # PostgreSQL then refuses the query whole
                connection.execute("set row_security = on")
                continue
            assert {row[0] for row in seen} == {OWN, UNDER}


def test_the_units_are_looked_up_once_and_an_index_may_serve(unit_dsn: str) -> None:
    with closing(psycopg.connect(unit_dsn)) as connection:
        connection.execute("set enable_seqscan = off")
        lines = connection.execute("explain (analyze) select * from mart.fct_dossier").fetchall()
    plan = "\n".join(row[0] for row in lines)
    assert "InitPlan" in plan
    assert "Index Cond" in plan
    assert "(never executed)" not in plan
    assert plan.count(" on bi_login ") == 1


def test_a_units_login_follows_the_tree_of_the_newest_build(world: World, unit_dsn: str) -> None:
    units = f"select units from ops.bi_login where agency_code = '{OWN}'"
    assert set(world.one(units)) == {OWN, UNDER}
    with closing(psycopg.connect(world.dsn)) as owner:  # as if the commune had been moved to the department
        owner.execute("update intermediate.int_agency__path set chain = array_replace(chain, %s, %s)", [OWN, OTHER])
        owner.execute("set role onestop_transformer")
        owner.execute("select ops.look_up_units()")
        owner.execute("reset role")
        assert set(owner.execute(units.encode()).fetchall()[0][0]) == {OWN}
        owner.rollback()
    assert set(world.one(units)) == {OWN, UNDER}


def test_a_login_sees_its_own_units_and_no_other_login_s(world: World, unit_dsn: str) -> None:
    with closing(psycopg.connect(world.dsn, autocommit=True)) as owner, closing(psycopg.connect(unit_dsn)) as unit:
        owner.execute("insert into ops.bi_login values ('bi_a_first_one', %s)", [OTHER])
        try:
            ((units,),) = unit.execute("select units from ops.own_unit").fetchall()
            assert set(units) == {OWN, UNDER}
            options = owner.execute("select reloptions from pg_class where oid = 'ops.own_unit'::regclass").fetchone()
            assert options == (["security_barrier=true"],), "nothing that the asker writes may look at others' rows"
        finally:
            owner.execute("delete from ops.bi_login where login = 'bi_a_first_one'")


def test_a_login_that_has_no_unit_here_sees_no_row(world: World, unit_dsn: str) -> None:
    with closing(psycopg.connect(world.dsn)) as owner:
        owner.execute("delete from ops.bi_login where login = 'bi_h15_21'")
        owner.commit()
        try:
            with closing(psycopg.connect(unit_dsn)) as unit:
                assert unit.execute("select count(*) from mart.fct_dossier").fetchone() == (0,)
                assert unit.execute("select count(*) > 0 from mart.dim_agency").fetchone() == (True,)
            assert roles.differences(world.settings) == ["bi_h15_21 has no unit: it sees no unit's rows"]
        finally:
            owner.execute("insert into ops.bi_login values ('bi_h15_21', %s)", [OWN])
            owner.commit()


def test_a_right_that_was_given_by_hand_is_named_and_taken_back(world: World) -> None:
    with closing(psycopg.connect(world.dsn, autocommit=True)) as owner:
        owner.execute("grant select on raw.one_stop_dossier to bi_reader")
        owner.execute("drop policy own_unit on mart.question")
    assert roles.differences(world.settings) == [
        "mart.question: a unit's login sees rows by another rule than agency_code",
        "bi_reader may select raw.one_stop_dossier",
    ]
    with pytest.raises(OnestopError, match="2 rights differ"):
        call(world, "roles", "check")
    assert [one.next_step for one in examine(world.settings) if one.check == "warehouse"] == ["onestop roles apply"]
    assert call(world, "roles", "apply") == (0, {"differences": []})


def test_logins_are_made_listed_changed_and_removed(world: World) -> None:
    dsn = new_login(world, "--unit", OTHER)
    assert {"login": "bi_h15_07", "agency_code": OTHER} in call(world, "roles", "list")[1]
    again = new_login(world, "--unit", OTHER)
    with pytest.raises(psycopg.OperationalError, match="password authentication"):
        psycopg.connect(dsn)
    with closing(psycopg.connect(again)) as connection:
        assert connection.execute("select distinct agency_code from mart.fct_dossier").fetchall() == [(OTHER,)]
    for words, said in (
        (("--unit", "H15.99"), "no unit has the code"),
        (("--unit", OWN, "--login", "bi_h15_07"), "is taken"),
        (("--unit", OWN, "--login", "postgres"), "no name for a login"),
        (("--unit", OWN, "--province"), "either a unit or the province"),
        (("--province",), "needs a name"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            call(world, "roles", "add", *words)
    assert call(world, "roles", "remove", "bi_h15_07") == (0, {"removed": "bi_h15_07"})
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(again)
    with pytest.raises(ConfigurationError, match="no login"):
        call(world, "roles", "remove", "onestop_loader")


def test_the_audit_says_who_did_what_and_stays(world: World, unit_dsn: str) -> None:
    row = world.one("select min(rejected_id) from quarantine.rejected_row where status = 'open'")
    decide(world.settings, False, [row], by_whom="Trần Thị B", reason="a test record", at=AS_OF)
    found = world.rows("select action, object, by_whom, login, acting_as from ops.audit order by audit_id")
    edition = "statutory:2024-Q3, edition 1"
    publisher = ("onestop", "onestop_publisher")
    assert [one for one in found if one[0].startswith("edition")] == [
        ("edition drafted", edition, "Trần Thị B", *publisher),
        ("edition approved", edition, "Nguyễn Văn A", *publisher),
        ("edition published", edition, "Nguyễn Văn A", *publisher),
    ]
    assert found[-1] == ("rows dismissed", f"1: {row}", "Trần Thị B", "onestop", "onestop_loader")
    assert urlsplit(unit_dsn).username == "bi_h15_21"
    assert ("login made", f"bi_h15_21: {OWN}") in {one[:2] for one in found}
    with closing(psycopg.connect(world.dsn)) as owner:
        for statement in ("update ops.audit set by_whom = 'x'", "delete from ops.audit", "truncate ops.audit"):
            with pytest.raises(errors.RaiseException, match="append-only"):
                owner.execute(statement.encode())
            owner.rollback()
    with closing(connect(world.dsn, role="publisher")) as publishing, pytest.raises(errors.InsufficientPrivilege):
        publishing.execute("insert into ops.audit (action, object, by_whom) values ('x', 'x', 'x')")


@pytest.mark.parametrize("file", QUERIES, ids=lambda path: path.stem)
def test_the_example_queries_run_as_the_province_and_as_a_unit(unit_dsn: str, province_dsn: str, file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.startswith("-- ")
    seen = {}
    for dsn in (unit_dsn, province_dsn):
        with closing(psycopg.connect(dsn)) as connection:
            found = connection.execute(text.encode())
            names = [column.name for column in found.description or []]
            seen[dsn] = found.fetchall()
    # These figures are the province's, a department's, or there is nothing of the kind in this world.
    of_others = {"01_headline", "03_ranking", "04_trend", "05_comparison", "06_fields", "07_online", "08_overdue_now"}
    of_others |= {"09_decision_766", "10_feedback", "11_quality"}
    assert len(seen[province_dsn]) >= (file.stem not in {"03_ranking", "08_overdue_now"})
    if file.stem not in of_others:
        assert {row[names.index("agency_code")] for row in seen[unit_dsn]} == {OWN, UNDER}
    assert OTHER not in repr(seen[unit_dsn])


def test_psql_and_pandas_connect_as_the_document_says(
    province_dsn: str, postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = urlsplit(province_dsn)
    passwords = tmp_path / "pgpass"
    passwords.write_text(f"{there.hostname}:{there.port}:*:{there.username}:{there.password}\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    address = f"host={there.hostname} port={there.port} dbname={there.path[1:]} user={there.username}"
    headline = next(file for file in QUERIES if file.stem == "01_headline")
    done = subprocess.run(
        [str(postgres.program("psql")), address, "--csv", "--file", str(headline)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "2024-Q3" in done.stdout
    without = urlunsplit(
        there._replace(scheme="postgresql+psycopg", netloc=f"{there.username}@{there.netloc.split('@')[1]}")
    )
    engine = sqlalchemy.create_engine(without)
    frame = pandas.read_sql(sqlalchemy.text("select * from report.form_ii_06a where period = '2024-Q3'"), engine)
    engine.dispose()
    assert {"H15", OWN} <= set(frame["agency_code"])


def test_nothing_of_a_person_is_left_anywhere(world: World, postgres: EmbeddedPostgres) -> None:
    accepted = world.rows(
        "select source_id, sum(accepted)::int > 0, sum(quarantined)::int > 0 from ops.load_batch"
        " where source_id <> 'reference' group by 1 order by 1"
    )
    assert accepted == [("dvcqg", True, True), ("igate", True, True), ("pakn", True, True)]
    assert world.one("select count(*) from raw.one_stop_dossier where ma_ho_so = 'H15.07-240823-0006'") == 1, "hers"
    secrets = (SECRET, API_KEY, "a hash key for tests only", "a data key for tests only", urlsplit(world.dsn).password)
    sought = (NUMBER, PHONE, WORD, *map(str, secrets))
    rejected = ("quarantine", "export", "--output", str(world.folder / "rejected"))
    for words in (("quality", "--data-docs"), rejected, ("watch", "--as-of", AS_OF.isoformat())):
        assert call(world, *words)[0] == 0
    looked_through = {
        "the quality page": "quality/*/index.html",
        "Data Docs": "quality/*/data-docs/index.html",
        "the manifest": "dbt/manifest.json",
        "what dbt said": "dbt/run_results.json",
        "SQL as it ran": "dbt/compiled/**/fct_dossier.sql",
        "lineage events": "lineage/openlineage-*.jsonl",
        "workbooks of rejected rows": "rejected/**/*.xlsx",
    }
    missing = [what for what, pattern in looked_through.items() if not list(world.folder.rglob(pattern))]
    assert missing == []
    pattern = "|".join(map(re.escape, sought))
    names = [(schema, table) for schema, table, _, _ in tables(world)]
    with closing(psycopg.connect(world.dsn)) as connection:
        for schema, table in names:
            query = sql.SQL("select count(*) from {} as t where t::text ~* %s").format(sql.Identifier(schema, table))
            assert connection.execute(query, [pattern]).fetchone() == (0,), f"{schema}.{table}"
    files = [path for path in world.folder.rglob("*") if path.is_file() and "exports" not in path.parts]
    files += [path for path in Path(postgres.status()["logs"]).rglob("*") if path.is_file()]
    for path in files:
        content = [path.read_bytes()]
        if is_zipfile(path):
            with ZipFile(path) as packed:
                content += [packed.read(name) for name in packed.namelist()]
        for part in content:
            assert [word for word in sought if word.encode() in part] == [], path
    assert len(names) > 80
    assert {".xlsx", ".html", ".sql", ".log"} <= {path.suffix for path in files}


def test_a_person_is_erased_and_what_was_published_stays_as_it_was(world: World, tmp_path: Path) -> None:
    kept = ("edition", "quarterly_metric", "form_ii_06a", "dossier", "product", "event")

    def published() -> dict[str, Any]:
        return {table: sorted(map(repr, world.rows(f"select * from published.{table}"))) for table in kept}

    before = published()
    assert all(before[table] for table in kept if table != "product")
    assert call(world, "quarter", "verify", "2024-Q3")[0] == 0
    (tmp_path / "number").write_text(NUMBER)
    words = ("--identity-file", str(tmp_path / "number"), "--by", "Trần Thị B", "--reason", "yêu cầu ngày 02/10/2024")
    code, said = call(world, "erase", *words)
    assert code == 0
    removed = {place["place"].split(" ")[0]: place["removed"] for place in said["places"]}
    assert removed["raw.one_stop_dossier.so_dinh_danh_hash"] == 1
    assert removed["quarantine.rejected_row.payload"] == 1
    assert sum(place["removed"] for place in said["places"] if place["place"].startswith("landing ")) == 2

    code, verified = call(world, "quarter", "verify", "2024-Q3")
    assert (code, verified["findings"], verified["is_untouched"]) == (0, [], True)
    assert published() == before
    proof = world.rows("select place, removed, proof, by_whom from ops.erasure where removed > 0 order by place")
    assert len(proof) == len([place for place in said["places"] if place["removed"]])
    assert all(text and NUMBER not in text and by == "Trần Thị B" for _, _, text, by in proof)
    assert any(" -> " in text for place, _, text, _ in proof if place.startswith("landing "))
    assert world.one("select count(*) from raw.one_stop_dossier where ma_ho_so = 'H15.07-240823-0006'") == 1
    again = call(world, "erase", *words)[1]
    assert {place["removed"] for place in again["places"]} == {0}


def test_what_province_yml_says_stays_text_in_every_product(world: World) -> None:
    assert call(world, "quarter", "files", "2024-Q3")[0] == 0
    files = [
        path
        for path in world.folder.rglob("*")
        if path.is_file() and path.suffix in (".xlsx", ".html", ".docx", ".json", ".csv", ".md", ".log")
    ]
    holding = set()
    for path in files:
        content = [path.read_bytes()]
        if is_zipfile(path):
            with ZipFile(path) as packed:
                content += [packed.read(name) for name in packed.namelist()]
        for part in content:
            assert MARK.encode() not in part, path
            holding |= {path.suffix} if b"7919" in part else set()
        if path.suffix == ".html":
            assert SCRIPT not in path.read_text(encoding="utf-8"), path
        if path.suffix == ".xlsx":
            cells = [cell for sheet in load_workbook(path) for row in sheet.iter_rows() for cell in row]
            assert not [cell.value for cell in cells if cell.data_type == "f" and "7919" in str(cell.value)], path
    assert holding >= {".html", ".xlsx", ".docx"}


def test_an_owner_without_createrole_works_alone(world: World, empty_database: str, postgres: Any) -> None:
    from onestop.warehouse.migrations import migrate

    admin = postgres.admin_dsn
    with closing(psycopg.connect(admin, autocommit=True)) as connection:
        connection.execute("create role poor login password 'poor-password'")
        name = urlsplit(empty_database).path.removeprefix("/")
        connection.execute(sql.SQL("alter database {} owner to poor").format(sql.Identifier(name)))
    there = urlsplit(empty_database)
    dsn = urlunsplit(there._replace(netloc=f"poor:poor-password@{there.hostname}:{there.port}"))
    try:
        with closing(connect(dsn, autocommit=True)) as connection:
            migrate(connection)
            assert connection.execute("select ops.has_roles()").fetchone() == (False,)
        with closing(connect(dsn, role="loader")) as connection:
            assert connection.execute("select current_user::text").fetchone() == ("poor",)
    finally:
        with closing(psycopg.connect(admin, autocommit=True)) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
            connection.execute("drop role poor")
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
