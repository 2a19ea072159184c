"""Apache Superset over a small warehouse, in Chromium: the province and one commune log in and open every dashboard.

One build, one Superset for all tests of the module. Superset's environment is kept between runs in `.local`, until its lock changes.
Skipped, loudly, where there is no Chromium or the packages cannot be had.
"""

from __future__ import annotations

import getpass
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import yaml

from compose_processes import SUPERSET, Processes
from onestop import config
from onestop.errors import OnestopError, WarehouseUnavailable
from onestop.periods import parse
from onestop.pipeline import editions, flows, roles
from onestop.platform.bi import environment, export
from onestop.platform.bi.bundle import PROVINCE_ALONE, dataset_uuid
from onestop.platform.bi.datasets import BUNDLE
from onestop.platform.bi.server import Bi, Started
from onestop.platform.processes import stop
from onestop.sandbox.feedback_server import FeedbackServer
from onestop.sandbox.server import OneStopServer
from worlds import AS_OF, CLIENT, SECRET, World, dossier, make_world, write_csv, write_reference

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(900),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: no dashboard was opened in a browser"),
]
QUARTER = parse("2024-Q3")
COMMUNE, PLACES = "H15.21.01", ("H15.07", "H15.21", "H15.21.01")
OWN_NAME = "Xã Liên Sơn (H15.21.01)"
API_KEY = "a-key-of-the-dashboard-test"
FEE = [
    {
        "MaPhiLePhi": "LP01",
        "Gia": 12000,
        "HinhThucThu": "Thu trước",
        "HinhThucThanhToan": "truc-tuyen",
        "TrangThaiThanhToan": "Đã thanh toán",
    }
]
# Somebody whose every word is easy to find again, in good and bad rows.
PERSON = {
    "ChuHoSo": "Chim Hoàng Yến Thứ Ba",
    "SoDinhDanh": "066777123456",
    "SoDienThoai": "0977123456",
    "Email": "thu.ba@canary.example",
    "TrichYeuHoSo": "câu chỉ có ở bảng này một lần",
}
BOARDS = {path.stem: yaml.safe_load(path.read_text("utf-8")) for path in (BUNDLE / "dashboards").glob("*.yaml")}


def records() -> list[dict[str, Any]]:
    """A year of dossiers in each place, enough for a rank; some in progress and late; one in each place rejected."""
    found = []
    for number, place in enumerate(PLACES * 12, 1):
        code = {"DonViXuLy": place, "MaHoSo": f"{place}-240823-{number:04d}", "KenhThucHien": str(1 + number % 2)}
        code |= PERSON
        found.append(dossier(number, **code, DanhSachLePhi=FEE))
    for number, place in enumerate(PLACES, 41):
        code = {"DonViXuLy": place, "MaHoSo": f"{place}-240401-{number:04d}"}
        spring = {"NgayNopHoSo": "20240401080000", "NgayTiepNhan": "20240401081500", "NgayHenTra": "20240408170000"}
        spring |= {"NgayHenTraBanDau": "20240408170000", "NgayKetThucXuLy": "20240405100000"}
        found.append(dossier(number, **code, **spring))
    for number, place in enumerate(PLACES, 51):
        code = {"DonViXuLy": place, "MaHoSo": f"{place}-240823-{number:04d}"}
        found.append(dossier(number, **code, TrangThaiHoSo="4", NgayKetThucXuLy=""))
        found.append(
            dossier(number + 10, **{**code, **PERSON, "MaHoSo": f"{place}-240823-{number + 10:04d}"}, KenhThucHien="9")
        )
    return found


def cases() -> list[dict[str, Any]]:
    return [
        {
            "MaPAKN": f"PA-{number}",
            "NgayTiepNhan": "2024-08-01T08:00:00+07:00",
            "TrangThai": "da_xu_ly",
            "NgayTraLoi": "2024-08-05T08:00:00+07:00",
            "MucDoHaiLong": "hai_long",
            "Nguon": "portal",
            "DonViXuLy": place,
            "NgayCapNhat": "2024-08-20T10:00:00",
        }
        for number, place in enumerate(PLACES, 1)
    ]


@pytest.fixture(scope="module")
def world(
    module_warehouse: str, tmp_path_factory: pytest.TempPathFactory, module_models_alone: None
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("superset")
    write_reference(folder / "reference")
    target = ("on_time_rate", "", 2024, 0.9, "Nghị quyết thử")
    write_csv(folder / "reference" / "targets.csv", ("metric_code", "level", "year", "target", "legal_basis"), [target])
    server = OneStopServer(records(), CLIENT, SECRET).start()
    with pytest.MonkeyPatch.context() as patch, FeedbackServer(cases(), API_KEY, requests_per_second=0) as feedback:
        made = make_world(folder, module_warehouse, {"igate": server.url}, patch, reference=folder / "reference")
        text = made.settings.file.read_text().replace("credentials: IGATE,", "credentials: IGATE, quarantine_limit: 1,")
        text += f'  - {{id: pakn, kind: feedback_api, base_url: "{feedback.url}", credentials: PAKN}}\n'
        made.settings.file.write_text(text)
        patch.setenv("PAKN_API_KEY", API_KEY)
        patch.setenv(environment.VARIABLE, str(SUPERSET))
        made.settings = config.load(made.settings.file)
        try:
            environment.python_of(made.settings.local)
        except WarehouseUnavailable as missing:
            pytest.skip(f"NOT RUN, no Superset: {missing}")
        try:
            assert flows.run(made.settings, QUARTER, as_of=AS_OF).problems == []
            editions.draft(made.settings, QUARTER, at=AS_OF, by="Trần Thị B")
            yield made
        finally:
            for login in roles.logins(made.settings):
                roles.remove(made.settings, login.login, by="test")
            server.stop()


@pytest.fixture(scope="module")
def started(world: World) -> Iterator[Started]:
    bi = Bi(world.settings)
    # Somebody has a login of the same unit for another tool: the connection gets its own all the same.
    roles.add(world.settings, COMMUNE, "bi_excel", by="test")
    try:
        yield bi.connect([COMMUNE], by="test")
    finally:
        stop([bi.service])


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def signed_in(browser: Any, started: Started, user: str) -> Any:
    page = browser.new_page(viewport={"width": 1500, "height": 4000})  # charts are asked for when they come into view
    page.set_default_timeout(90_000)
    page.goto(f"{started.url}/login/")
    page.wait_for_load_state("networkidle")
    page.locator("#username").fill(user)
    page.locator("#password").fill(started.accounts[user].read_text().strip())
    page.locator("[data-test=login-button]").click()
    page.wait_for_url(lambda url: "/login" not in url, wait_until="commit")
    return page


def opened(page: Any, started: Started, slug: str, charts: int) -> dict[str, list[dict[str, Any]]]:
    """Open a dashboard, wait for all of its charts; their rows by the chart's name."""
    answers: list[Any] = []

    def heard(answer: Any) -> None:
        answers.append(answer)

    page.on("response", heard)
    page.goto(f"{started.url}/superset/dashboard/{slug}/")
    holders = page.locator("[data-test=chart-container], .dashboard-component-chart-holder")
    holders.first.wait_for()
    shown = page.locator(".slice_container:has(canvas, table, .superset-legacy-chart-big-number, .echarts)")
    failed = page.locator(".slice_container [role=alert], .slice_container :text('No results were returned')")
    shown.nth(charts - 1).or_(failed.first).first.wait_for()
    page.wait_for_load_state("networkidle")
    assert failed.count() == 0, failed.all_inner_texts()
    assert shown.count() == charts
    page.remove_listener("response", heard)
    rows: dict[str, list[dict[str, Any]]] = {}
    for answer in answers:
        if "/api/v1/chart/data" in answer.url and "slice_id" in answer.url:
            assert answer.status == 200, answer.text()
            number = str(answer.request.post_data_json["form_data"]["slice_id"])
            rows[number] = answer.json()["result"][0]["data"]
            assert rows[number], (slug, number, "no data")
            assert any(value is not None for row in rows[number] for value in row.values()), (slug, number)
    assert len(rows) == charts
    return rows


def charts_on(slug: str, data_sets_left_out: frozenset[str] = frozenset()) -> int:
    kept = {yaml.safe_load(p.read_text("utf-8"))["uuid"]: p for p in (BUNDLE / "charts").glob("*.yaml")}
    places = [node for node in BOARDS[slug]["position"].values() if isinstance(node, dict) and node["type"] == "CHART"]
    of = {u: yaml.safe_load(p.read_text("utf-8"))["dataset_uuid"] for u, p in kept.items()}
    return sum(of[node["meta"]["uuid"]] not in {dataset_uuid(name) for name in data_sets_left_out} for node in places)


def test_the_province_sees_every_dashboard_with_data_and_the_reports_figures(
    browser: Any, started: Started, world: World
) -> None:
    page = signed_in(browser, started, "province")
    for slug in sorted(BOARDS):
        opened(page, started, slug, charts_on(slug))
        if slug == "province-quarter":
            form = "received_total, resolved_total, in_progress_overdue"
            ((received, resolved, overdue),) = world.rows(
                f"select {form} from report.form_ii_06a where period_convention = 'statutory' and period = '2024-Q3'"
                " and org_view = 'as_was' and agency_code = 'H15'"
            )
            assert received > resolved > 0
            shown = [text.strip() for text in page.locator(".header-line").all_inner_texts()]
            assert [shown[0], shown[1], shown[3]] == [str(received), str(resolved), str(overdue)]
        if slug == "unit":
            ((late,),) = world.rows(
                "select count(*) from mart.fct_dossier"
                " where finished_on is null and due_on < current_date and not is_suspended"
            )
            assert late > 0
            assert page.locator(".header-line").all_inner_texts()[3].strip() == str(late)
    page.close()


def test_a_commune_sees_its_own_alone(browser: Any, started: Started, world: World) -> None:
    user = f"bi_{COMMUNE.lower().replace('.', '_')}"
    page = signed_in(browser, started, user)
    tokens: list[str] = []

    def asks(request: Any) -> None:
        if found := request.headers.get("x-csrftoken"):
            tokens.append(found)

    page.on("request", asks)
    end = COMMUNE.lower().replace(".", "-")
    for slug in sorted(set(BOARDS) - PROVINCE_ALONE):
        for rows in opened(page, started, f"{slug}-{end}", charts_on(slug, frozenset({"findings"}))).values():
            places = {str(v) for row in rows for k, v in row.items() if k in ("unit_vi", "own_unit_vi")}
            assert places <= {OWN_NAME}
        text = page.locator("body").inner_text()
        assert "Sở Tư pháp" not in text
        assert "H15.07" not in text
    request = page.request
    listed = request.get(f"{started.url}/api/v1/dashboard/?q=(page_size:100)").json()["result"]
    assert {one["slug"] for one in listed} == {f"{slug}-{end}" for slug in set(BOARDS) - PROVINCE_ALONE}
    charts = request.get(f"{started.url}/api/v1/dataset/?q=(page_size:100)").json()["result"]
    assert {one["database"]["database_name"] for one in charts} == {"Onestop, Xã Liên Sơn H15.21.01"}
    # Nor by asking for it: the province's dashboard, its data set, SQL of its own.
    assert request.get(f"{started.url}/api/v1/dashboard/province-quarter").status in (403, 404)
    headers = {
        "X-CSRFToken": tokens[-1],
        "Referer": started.url,
    }  # as the page itself asks: what is refused is the right
    own = {one["id"] for one in charts}
    foreign = next(number for number in range(1, 100) if number not in own)
    asked = {"datasource": {"id": foreign, "type": "table"}, "queries": [{"columns": ["unit_vi"], "row_limit": 5}]}
    assert request.post(f"{started.url}/api/v1/chart/data", data=asked, headers=headers).status in (403, 404)
    sql = {"database_id": 1, "sql": "select 1", "runAsync": False}
    assert request.post(f"{started.url}/api/v1/sqllab/execute/", data=sql, headers=headers).status == 403
    page.close()


def test_nobody_sees_anything_without_an_account_and_no_secret_lies_open(started: Started, world: World) -> None:
    for path in ("/api/v1/dashboard/", "/api/v1/dataset/", "/superset/dashboard/province-quarter/"):
        answer = httpx.get(started.url + path, follow_redirects=False)
        shown = answer.json().get("result", []) if answer.headers["content-type"].startswith("application/json") else []
        assert answer.status_code in (302, 401, 403, 404) or shown == []
    home = world.settings.local / "superset"
    private = [*(home / "accounts").iterdir(), home / "secret_key", home / "onestop.json"]
    private += (world.settings.local / "bi").iterdir()
    assert len(private) >= 7
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in private)
    assert not (home / "plan.json").exists()
    # Superset's own tables hold no password of the warehouse, and its web server's log none of anything.
    secrets = [file.read_bytes().strip() for file in private if file.suffix == ".password"]
    kept = (home / "superset.db").read_bytes() + Bi(world.settings).service.log.read_bytes()
    kept += (world.settings.local / "logs" / "superset-setup.log").read_bytes()
    assert secrets
    assert not any(secret in kept for secret in secrets)
    # Nor anything of a person, after all dashboards were looked at; as text, and as JSON writes it.
    assert len(kept) > 100_000
    assert not [text for text in PERSON.values() if text.encode() in kept or json.dumps(text)[1:-1].encode() in kept]


def test_what_was_imported_comes_back_byte_for_byte(started: Started, world: World, tmp_path: Path) -> None:
    written = export.export(world.settings, tmp_path)
    packaged = sorted([*(BUNDLE / "charts").glob("*.yaml"), *(BUNDLE / "dashboards").glob("*.yaml")])
    assert sorted(file.name for file in written) == sorted(file.name for file in packaged)
    for file in packaged:
        assert (tmp_path / file.parent.name / file.name).read_text("utf-8") == file.read_text("utf-8"), file.name


def test_who_made_a_connection_stands_in_the_audit_and_one_command_works_at_a_time(
    started: Started, world: World
) -> None:
    sql = (
        "select action, object, by_whom from ops.audit where action like 'bi %' or action = 'login made' order by 1, 2"
    )
    assert world.rows(sql) == [
        ("bi connection made", "bi_h15_21_01: H15.21.01", "test"),
        ("login made", "bi_excel: H15.21.01", "test"),
        ("login made", "bi_h15_21_01: H15.21.01", "test"),
        ("login made", "bi_superset: the whole province", "test"),
    ]
    bi = Bi(world.settings)
    with bi._alone():
        for command in (lambda: bi.up(by="test"), lambda: bi.connect(["H15.07"], by="test")):
            with pytest.raises(OnestopError, match=rf"by {getpass.getuser()} \(process {os.getpid()}, since \d\d:"):
                command()
    assert bi.units == [COMMUNE]


def test_each_connection_has_a_login_of_its_own(started: Started, world: World) -> None:
    sql = "select rolname from pg_roles where rolname ~ '^bi_' and rolcanlogin order by 1"
    assert [name for (name,) in world.rows(sql)] == ["bi_excel", "bi_h15_21_01", "bi_superset"]


def test_a_unit_can_be_taken_away_again(started: Started, world: World) -> None:
    bi = Bi(world.settings)
    user = f"bi_{COMMUNE.lower().replace('.', '_')}"
    told = {"username": user, "password": started.accounts[user].read_text().strip(), "provider": "db"}
    assert httpx.post(f"{started.url}/api/v1/security/login", json=told, timeout=30).status_code == 200
    bi.disconnect([COMMUNE], by="test")
    assert httpx.post(f"{started.url}/api/v1/security/login", json=told, timeout=30).status_code == 401
    assert bi.units == []
    removed = "select object, by_whom from ops.audit where action = 'bi connection removed'"
    assert world.rows(removed) == [(f"{user}: {COMMUNE}", "test")]
    assert not started.accounts[user].exists()
    admin = {"username": "admin", "password": started.accounts["admin"].read_text().strip(), "provider": "db"}
    token = httpx.post(f"{started.url}/api/v1/security/login", json=admin, timeout=30).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    for kind, key, left in (("dashboard", "slug", set(BOARDS)), ("database", "database_name", {"Onestop, toàn tỉnh"})):
        answer = httpx.get(f"{started.url}/api/v1/{kind}/?q=(page_size:100)", headers=headers, timeout=30)
        assert {one[key] for one in answer.json()["result"]} == left


@pytest.mark.skipif(
    not os.environ.get("ONESTOP_TEST_CLUSTER"), reason="NOT RUN: minutes long; ONESTOP_TEST_CLUSTER=1 asks for it"
)
def test_composes_two_services_make_and_serve_the_dashboards(
    started: Started, world: World, module_empty_database: str, tmp_path: Path
) -> None:
    """The last test: the province's login gets a new password. Superset's own tables lie in PostgreSQL."""
    stop([Bi(world.settings).service])
    processes = Processes(tmp_path, urlsplit(world.dsn).port or 0, world.folder, {})
    (processes.secrets / "warehouse_dsn").write_text(world.dsn + "\n")
    (processes.secrets / "superset_dsn").write_text(module_empty_database + "\n")
    said = processes.run("superset-prepare", seconds=600)
    assert said.splitlines()[-1] == "stopped: superset"
    kept = {file.name for file in (processes.home("superset") / ".local" / "bi").iterdir()}
    assert kept == {"bi_superset.password"}
    processes.start("superset")
    try:
        processes.wait_until_healthy("superset")
        url = f"http://127.0.0.1:{processes.ports['superset']}"
        account = processes.home("superset") / ".local" / "superset" / "accounts" / "province.password"
        told = {"username": "province", "password": account.read_text().strip(), "provider": "db"}
        token = httpx.post(f"{url}/api/v1/security/login", json=told, timeout=30).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        boards = httpx.get(f"{url}/api/v1/dashboard/?q=(page_size:100)", headers=headers, timeout=30).json()["result"]
        assert {board["slug"] for board in boards} == set(BOARDS)
        data_sets = httpx.get(f"{url}/api/v1/dataset/?q=(page_size:100)", headers=headers, timeout=30).json()["result"]
        form = next(one["id"] for one in data_sets if one["uuid"] == dataset_uuid("form"))
        asked = {"datasource": {"id": form, "type": "table"}, "queries": [{"columns": ["unit_vi"], "row_limit": 5}]}
        answer = httpx.post(f"{url}/api/v1/chart/data", json=asked, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
        assert answer.json()["result"][0]["data"]
    finally:
        processes.stop("superset")
    with closing(psycopg.connect(module_empty_database)) as metadata:
        secrets = [
            account.read_text().strip(),
            (account.parents[2] / "bi" / "bi_superset.password").read_text().strip(),
        ]
        for (table,) in metadata.execute("select relname from pg_stat_user_tables").fetchall():
            held = metadata.execute(f'select held::text from "{table}" as held'.encode()).fetchall()
            assert not [text for text in (*secrets, *PERSON.values()) if text in str(held)], table
