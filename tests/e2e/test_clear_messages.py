"""What goes wrong gives one clear message that says what to do, and leaves the warehouse as it was."""

from __future__ import annotations

import http.server
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from onestop.sandbox.server import OneStopServer
from onestop.warehouse.embedded import WAREHOUSE, EmbeddedPostgres
from worlds import AS_OF, CLIENT, SECRET, World, dossier, make_world, write_reference

pytestmark = pytest.mark.e2e
ONESTOP = str(Path(sys.executable).with_name("onestop"))
WRONG_SECRET, WRONG_PASSWORD = "a-secret-that-is-wrong", "a-password-that-is-wrong"
MAY_CHANGE = {
    "ops.load_batch",
    "ops.ingest_attempt",
    "ops.rule_result",
    "ops.dbt_node_result",
    "ops.build",
    "ops.source_run",
    "ops.alert",
    # Which build read what, and that there was one more.
    "ops.build_round",
    "intermediate.int_build__batch",
    "intermediate.int_build__moment",
    "intermediate.int_metric__moved",
    "intermediate.int_quarantine__moved",
    *("intermediate.int_quarantine__changed", "intermediate.int_reconciliation__rejected"),
    "intermediate.int_reconciliation__reached",
    # What is built from these: a run that failed is a part of its source's history.
    "ops.reconciliation_check",
    "intermediate.int_quality__batch",
    "mart.quality_rule_day",
    "mart.source_scorecard",
}


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


def onestop(world: World, *words: str, config: str = "province.yml", **environment: str | None) -> Said:
    """The `onestop` command in a process of its own; a variable of None is not set."""
    given = {**os.environ, "ONESTOP_AS_OF": AS_OF.isoformat(), **environment}
    done = subprocess.run(
        [ONESTOP, *words, "--config", config], cwd=world.folder, capture_output=True, text=True, timeout=300,
        env={name: value for name, value in given.items() if value is not None},
    )  # fmt: skip
    return Said(done.returncode, done.stdout, done.stderr)


def assert_clear(said: Said, code: int, *words: str) -> None:
    """One message with a next step, these words in it, this exit code, no traceback and no secret."""
    assert said.code == code, said
    assert said.err.count("Error ") == 1 and said.err.count("Next step: ") == 1, said.err
    everything = said.out + said.err
    for word in words:
        assert re.search(word, said.err), f"{word!r} is not in: {said.err}"
    for foreign in ("Traceback", "Unexpected fault", 'File "', "psycopg", "httpx"):
        assert foreign not in everything
    password = urlsplit(os.environ["ONESTOP_WAREHOUSE_DSN"]).password or "?"
    keys = (os.environ["ONESTOP_DATA_KEY"], os.environ["ONESTOP_HASH_KEY"])
    for secret in (SECRET, WRONG_SECRET, WRONG_PASSWORD, password, *keys, "Nguyễn Văn"):
        assert secret not in everything


def dump(dsn: str) -> dict[str, list[str]]:
    """Every row of every table but the ledger's, as text."""
    with psycopg.connect(dsn) as connection:
        names = connection.execute(
            "select schemaname || '.' || tablename from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        return {
            name: sorted(row[0] for row in connection.execute(sql.SQL("select t::text from {} t").format(
                sql.Identifier(*name.split("."))
            )))
            for (name,) in names if name not in MAY_CHANGE
        }  # fmt: skip


@pytest.fixture(scope="module")
def loaded(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A province with dossiers loaded, models built and reports drafted."""
    name = sql.Identifier(f"t_{secrets.token_hex(6)}")
    with psycopg.connect(postgres.admin_dsn, autocommit=True) as admin, pytest.MonkeyPatch.context() as patch:
        admin.execute(sql.SQL("create database {} owner {}").format(name, sql.Identifier(WAREHOUSE)))
        dsn = urlsplit(postgres.warehouse_dsn)._replace(path=f"/{name.as_string(None).strip(chr(34))}").geturl()
        try:
            folder = tmp_path_factory.mktemp("province")
            with OneStopServer([dossier(n) for n in range(1, 41)], CLIENT, SECRET) as server:
                world = make_world(folder, dsn, {"igate": server.url}, patch)
                said = onestop(world, "run", "--period", "2024-Q3", "--json")
            assert said.code == 0, said
            yield world
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(name))


@pytest.fixture
def world(loaded: World) -> Iterator[World]:
    """The loaded province; it must be the same after the test."""
    before = dump(loaded.dsn)
    assert {"mart.quarterly_metric", "report.form_ii_06a", "raw.one_stop_dossier"} <= before.keys()
    yield loaded
    after = dump(loaded.dsn)
    assert after.keys() == before.keys()
    assert [name for name in before if before[name] != after[name]] == []
    assert (
        loaded.rows("select 1 from ops.load_batch where received <> accepted + quarantined + duplicate + refused") == []
    )


def province(world: World, url: str = "http://127.0.0.1:9", **more: Any) -> str:
    """A province.yml of its own in the world's folder; its name."""
    source = {"id": "igate", "kind": "one_stop_api", "base_url": url, "credentials": "IGATE"}
    source |= {"retry_budget_seconds": 1, "timeout_seconds": 2}
    content = {"province": {"code": "H15", "name_vi": "Đắk Lắk"}, "sources": [source], **more}
    name = f"province-{secrets.token_hex(4)}.yml"
    (world.folder / name).write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML
    return name


@contextmanager
def login_page() -> Iterator[str]:
    """A server that shows its sign-in page whatever is asked."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = "<!DOCTYPE html><html><title>Đăng nhập</title><form></form></html>".encode()
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_wrong_client_secret(world: World) -> None:
    with OneStopServer([dossier(1)], CLIENT, SECRET) as server:
        said = onestop(world, "ingest", "igate", config=province(world, server.url), IGATE_CLIENT_SECRET=WRONG_SECRET)
    assert_clear(said, 2, "igate", "refuses the credentials", "IGATE_CLIENT_SECRET")


def test_a_wrong_warehouse_password(world: World) -> None:
    parts = urlsplit(world.dsn)
    wrong = parts._replace(netloc=f"{parts.username}:{WRONG_PASSWORD}@{parts.hostname}:{parts.port}").geturl()
    said = onestop(world, "ingest", "igate", ONESTOP_WAREHOUSE_DSN=wrong)
    assert_clear(said, 2, "warehouse", "password", "DSN")


def test_a_warehouse_that_is_not_reachable(world: World) -> None:
    dsn = f"postgresql://onestop:{WRONG_PASSWORD}@127.0.0.1:{free_port()}/onestop"
    for words in (["ingest", "igate"], ["run", "--period", "2024-Q3"], ["report", "2024-Q3"], ["transform"]):
        said = onestop(world, *words, ONESTOP_WAREHOUSE_DSN=dsn)
        assert_clear(said, 1, "warehouse", "nothing listens there")


def test_a_dsn_that_is_none(world: World) -> None:
    said = onestop(world, "ingest", "igate", ONESTOP_WAREHOUSE_DSN=f"postgresql://a:{WRONG_PASSWORD}@[::1:5432/x")
    assert_clear(said, 2, "DSN is not a libpq URI", "@host:5432/database")


def test_an_unknown_unit_in_every_row(world: World) -> None:
    records = [dossier(n, DonViXuLy="H15.99") for n in range(100, 260)]
    with OneStopServer(records, CLIENT, SECRET) as server:
        said = onestop(world, "ingest", "igate", config=province(world, server.url))
    assert_clear(said, 3, "igate", "160 of 160 rows fail", "OS-011 160 rows")
    assert world.ledger()[-1] == ("refused", 160, 0, 0, 0, 160)


def test_an_empty_feed(world: World) -> None:
    with OneStopServer([], CLIENT, SECRET) as server:
        said = onestop(world, "ingest", "igate", config=province(world, server.url))
    assert_clear(said, 3, "igate", "no records came where some were due")


def test_a_login_page(world: World) -> None:
    with login_page() as url:
        said = onestop(world, "ingest", "igate", config=province(world, url))
    assert_clear(said, 1, "igate", "login page", "Đăng nhập", "base_url")


def test_a_source_that_is_down(world: World) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert_clear(onestop(world, "ingest", "igate", config=province(world, url)), 1, "igate", "cannot connect")


def test_a_source_that_is_down_does_not_stop_a_run(world: World) -> None:
    """`run` builds all the same and says so at its end."""
    config = province(world, f"http://127.0.0.1:{free_port()}")
    said = onestop(world, "run", "--period", "2024-Q3", "--json", config=config)
    assert said.code == 1
    told = json.loads(said.out)
    assert [p["step"] for p in told["problems"]] == ["igate"] and told["problems"][0]["next_step"]
    assert told["reports"] and "Traceback" not in said.err


def test_a_refused_batch_ends_a_run_with_3(world: World) -> None:
    with OneStopServer([], CLIENT, SECRET) as server:
        said = onestop(world, "run", "--period", "2024-Q3", "--json", config=province(world, server.url))
    assert (said.code, json.loads(said.out)["exit_code"]) == (3, 3)


@pytest.mark.parametrize("missing", ["IGATE_CLIENT_ID", "ONESTOP_DATA_KEY", "ONESTOP_HASH_KEY"])
@pytest.mark.parametrize("command", [["ingest", "igate"], ["run", "--period", "2024-Q3"]])
def test_a_missing_variable(world: World, missing: str, command: list[str]) -> None:
    said = onestop(world, *command, **{missing: None})
    assert_clear(said, 2, f"not set: {missing}", "environment")


def test_a_broken_configuration(world: World) -> None:
    (world.folder / "broken.yml").write_text(
        "province: {code: H15, name_vi: Đắk Lắk, timezone: Mars}\n"
        "sources:\n"
        "  - {id: Igate, kind: one_stop_api, base_url: nowhere, credentials: IGATE}\n"
        "landingg: {}\n"
    )
    said = onestop(world, "ingest", "igate", config="broken.yml")
    assert_clear(said, 2, "broken.yml", "line 1", "line 3", "landingg", "base_url", "Asia/Ho_Chi_Minh")
    (world.folder / "broken.yml").write_text("province: {code: [\n")
    assert_clear(onestop(world, "ingest", "igate", config="broken.yml"), 2, "not YAML", "line")
    assert_clear(onestop(world, "ingest", "igate", config="nowhere.yml"), 2, "nowhere.yml", "province.example.yml")


def test_wrong_words(world: World) -> None:
    assert_clear(onestop(world, "ingest", "nobody"), 2, "nobody", "choose one of: igate")
    assert_clear(onestop(world, "run", "--period", "2024-Q5"), 2, "2024-Q5", "2024-Q3")
    assert_clear(onestop(world, "report", "someday"), 2, "someday", "2024-Q3")
    assert_clear(onestop(world, "ingest", "igate", "--as-of", "yesterday"), 2, "yesterday", "ISO 8601")
    said = onestop(world, "ingest")
    assert_clear(said, 2, "source", "onestop ingest --help")
    assert_clear(onestop(world, "run", "--perod", "2024-Q3"), 2, "--perod", "onestop run --help")
    assert_clear(onestop(world, "runn"), 2, "runn", "onestop --help")


def test_a_missing_reference_file(world: World) -> None:
    folder = world.folder / "half"
    folder.mkdir()
    shutil.copy(world.folder / "reference" / "agencies.csv", folder)
    config = province(world, reference={"path": "half"})
    for words in (["ingest", "reference"], ["run", "--period", "2024-Q3"]):
        assert_clear(onestop(world, *words, config=config), 2, "procedures.csv", "half")


def test_a_reference_file_with_mistakes(world: World) -> None:
    folder = world.folder / "mistaken"
    write_reference(folder)
    text = (folder / "agencies.csv").read_text()
    (folder / "agencies.csv").write_text(
        text + "H15.30,Xã A,,commune,H15.99,,2000-13-01,\nH15.31,,,village,H15,,,\nH15.32,Xã\0B,,commune,H15,,,\n"
    )
    config = province(world, reference={"path": "mistaken"})
    said = onestop(world, "ingest", "reference", config=config)
    assert_clear(said, 3, "agencies.csv", "line 6", "line 7", "2000-13-01", "village", "line 8: name_vi holds a NUL")


def test_a_landing_that_cannot_be_written(world: World) -> None:
    (world.folder / "a-file").write_text("")
    with OneStopServer([dossier(1)], CLIENT, SECRET) as server:
        config = province(world, server.url, landing={"url": "a-file/landing"})
        for words in (["ingest", "igate"], ["ingest", "reference"]):
            assert_clear(onestop(world, *words, config=config), 1, "landing", "a-file", "writable")


def test_a_landing_without_room(world: World) -> None:
    small = world.folder / "small"
    small.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() or not mount or subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], capture_output=True
    ).returncode:  # fmt: skip
        pytest.skip("NOT RUN: only root with the right to mount can make a small disk")
    try:
        records = [dossier(n, TrichYeuHoSo=secrets.token_hex(500)) for n in range(1, 400)]
        with OneStopServer(records, CLIENT, SECRET) as server:
            config = province(world, server.url, landing={"url": str(small)})
            assert_clear(onestop(world, "ingest", "igate", config=config), 1, "no room", "make room")
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_the_embedded_servers_port_is_taken(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world(open_folder, "unused", {"igate": "http://127.0.0.1:9"}, monkeypatch)
    server = EmbeddedPostgres(open_folder / ".local")
    try:
        assert onestop(world, "ingest", "reference", ONESTOP_WAREHOUSE_DSN=None).code == 0
        before = dump(server.warehouse_dsn)
        port = urlsplit(server.warehouse_dsn).port
        monkeypatch.setenv("ONESTOP_WAREHOUSE_DSN", server.warehouse_dsn)  # its password must not be shown
        server.stop()
        with socket.socket() as squatter:
            squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            squatter.bind(("127.0.0.1", port or 0))
            squatter.listen()
            said = onestop(world, "ingest", "igate", ONESTOP_WAREHOUSE_DSN=None)
        assert_clear(said, 1, f"port {port}", "taken by another program", "stop that program")
        server.start()
        assert dump(server.warehouse_dsn) == before
    finally:
        server.destroy()
