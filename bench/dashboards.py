"""The SQL that every chart and filter of every dashboard really sends: Superset runs beside the warehouse, Chromium opens each
dashboard as the province and as a unit, and what the page asked for is asked again for its SQL.

On the way it is measured how long Superset itself takes for a chart of the province, from request to rows.
"""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import yaml

from bench.asking import Question
from onestop import config
from onestop.errors import WarehouseUnavailable
from onestop.platform.bi import environment
from onestop.platform.bi.datasets import BUNDLE
from onestop.platform.bi.server import ADMIN, VIEWER, Bi, Started
from onestop.platform.processes import stop
from onestop.warehouse.bi_logins import login_of

ROUNDS = 3
CHECKOUT = Path(__file__).parents[1]
_PROVINCE = """
province: {code: H15, name_vi: Đắk Lắk}
sources: [{id: igate, kind: one_stop_api, base_url: "http://127.0.0.1:9", credentials: IGATE}]
"""
Asked = dict[str, dict[str, Any]]
"""What pages asked for last: the body of the request, by dashboard and chart or filter."""


class NoSupersetError(RuntimeError):
    """There is no Superset or no Chromium here."""


def questions(folder: Path, unit: str) -> list[Question]:
    """The questions of all dashboards, over the warehouse whose embedded server lies in `folder`/.local.

    Raises:
        NoSupersetError: what it takes is not here.
    """
    with _superset(folder, unit) as started:
        province = _sql(started, asked := _opened(started, VIEWER, ""))
        of_unit = _sql(started, _opened(started, login_of(unit), "-" + unit.lower().replace(".", "-")))
        _show_whole_way(started, asked)
    names = sorted(province.keys() | of_unit.keys())
    return _once(Question(name, province.get(name), of_unit.get(name)) for name in names)


def _once(given: Iterable[Question]) -> list[Question]:
    """Without those that ask what another asks, as the same filter on several dashboards."""
    return list({(one.of_province, one.of_unit): one for one in reversed(list(given))}.values())[::-1]


@contextmanager
def _superset(folder: Path, unit: str) -> Iterator[Started]:
    """Superset with the province's dashboards and one unit's, stopped at the end."""
    (folder / "province.yml").write_text(_PROVINCE, encoding="utf-8")
    given = {environment.VARIABLE: os.environ.get(environment.VARIABLE) or str(CHECKOUT / ".local/superset/venv")}
    with patch.dict(os.environ, given):
        bi = Bi(config.load(folder / "province.yml"))
        try:
            environment.python_of(bi.settings.local)
        except WarehouseUnavailable as missing:
            raise NoSupersetError(str(missing)) from missing
        try:
            yield bi.connect([unit], by="bench")
        finally:
            stop([bi.service])


def _opened(started: Started, account: str, end: str) -> Asked:
    """Open each dashboard of an account in Chromium; what its charts and filters asked for last."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError as missing:
        raise NoSupersetError(str(missing)) from missing
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise NoSupersetError("there is no Chromium")
    found: Asked = {}
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        # charts are asked for when they come into view
        page = browser.new_page(viewport={"width": 1500, "height": 4000})
        page.set_default_timeout(120_000)
        page.goto(f"{started.url}/login/")
        page.wait_for_load_state("networkidle")
        page.locator("#username").fill(account)
        page.locator("#password").fill(started.accounts[account].read_text().strip())
        page.locator("[data-test=login-button]").click()
        page.wait_for_url(lambda url: "/login" not in url, wait_until="commit")
        for file in sorted((BUNDLE / "dashboards").glob("*.yaml")):
            board = yaml.safe_load(file.read_text(encoding="utf-8"))
            charts = page.request.get(f"{started.url}/api/v1/dashboard/{board['slug']}{end}/charts")
            if not charts.ok:  # the unit has no such dashboard
                continue
            names = {one["id"]: one["slice_name"] for one in charts.json()["result"]}
            for name, body in _asked_by(page, f"{started.url}/superset/dashboard/{board['slug']}{end}/", names).items():
                found[f"{board['dashboard_title']}: {name}"] = body
        browser.close()
    return found


def _asked_by(page: Any, address: str, names: dict[int, str]) -> dict[str, dict[str, Any]]:
    """Open a dashboard, wait for all of its charts; the last question of each chart and filter."""
    last: dict[str, dict[str, Any]] = {}
    waiting: set[Any] = set()

    def asks(request: Any) -> None:
        if request.method == "POST" and "/api/v1/chart/data" in request.url:
            body = request.post_data_json
            number, form = body["form_data"].get("slice_id"), body["form_data"]
            name = names[number] if number in names else f"filter {form['native_filter_id'].partition('-')[2]}"
            last[name] = body
            waiting.add(request)

    def ends(request: Any) -> None:
        waiting.discard(request)

    page.on("request", asks)
    page.on("requestfinished", ends)
    page.on("requestfailed", ends)  # the page itself takes back what it asks anew
    page.goto(address)
    until = time.monotonic() + 120
    while set(names.values()) - last.keys() or waiting:
        if time.monotonic() > until:
            raise RuntimeError(f"{address}: no answer for {sorted(set(names.values()) - last.keys()) or waiting}")
        page.wait_for_timeout(250)
    page.wait_for_load_state("networkidle")
    page.remove_listener("request", asks)
    page.remove_listener("requestfinished", ends)
    page.remove_listener("requestfailed", ends)
    return last


def _sql(started: Started, asked: Asked) -> dict[str, str]:
    """The SQL of each question, as Superset itself would send it."""
    found: dict[str, str] = {}
    with _client(started, ADMIN) as client:
        for name, body in asked.items():
            answer = client.post("/api/v1/chart/data", json=body | {"result_type": "query"}).raise_for_status()
            for place, one in enumerate(answer.json()["result"], 1):
                found[name if place == 1 else f"{name} {place}"] = one["query"].strip().rstrip(";")
    return found


def _show_whole_way(started: Started, asked: Asked) -> None:
    """Print how long Superset takes for each chart of the province, one after the other and nothing kept."""
    taken: list[tuple[float, str]] = []
    with _client(started, VIEWER) as client:
        for name, body in asked.items():
            for _ in range(ROUNDS):
                began = time.perf_counter()
                client.post("/api/v1/chart/data", json=body | {"force": True}).raise_for_status()
                taken.append((time.perf_counter() - began, name))
    seconds = [one for one, _ in taken]
    p95, (worst, name) = statistics.quantiles(seconds, n=20)[-1], max(taken)
    print(
        f"  through Superset, {len(asked)} charts and filters of the province, idle: median"
        f" {statistics.median(seconds) * 1000:.0f} ms, p95 of all {p95 * 1000:.0f} ms, longest {worst * 1000:.0f} ms ({name})",
        flush=True,
    )


def _client(started: Started, account: str) -> httpx.Client:
    told = {"username": account, "password": started.accounts[account].read_text().strip(), "provider": "db"}
    login = httpx.post(f"{started.url}/api/v1/security/login", json=told, timeout=60).raise_for_status()
    headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
    return httpx.Client(base_url=started.url, headers=headers, timeout=120)
