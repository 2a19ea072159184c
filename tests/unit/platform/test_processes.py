"""Servers as child processes: found again, stopped whole, and never mistaken for another process."""

from __future__ import annotations

import getpass
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from onestop.errors import OnestopError, WarehouseUnavailable
from onestop.platform.processes import Service, alone, port_is_free, port_to_keep, stop, wait_until

SLEEPER = "import time; print('ready', flush=True); time.sleep(60)"
# Starts a child that leaves its process group and ignores SIGTERM, as a task may.
PARENT = """
import os, signal, subprocess, sys, time
child = subprocess.Popen(
    [sys.executable, '-c', 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); '
     'print("child is up", flush=True); time.sleep(60)'],
    process_group=0,
)
time.sleep(60)
"""


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service("server", tmp_path / "run", tmp_path / "server.log")


def start(service: Service, code: str, said: str = "") -> None:
    service.start([sys.executable, "-c", code], os.environ)
    eventually(lambda: said in service.log_tail())


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_it_is_found_again_by_another_object_and_stopped(service: Service) -> None:
    start(service, SLEEPER, "ready")
    pid = service.pid
    again = Service(service.name, service.run, service.log)
    assert again.pid == pid
    again.start([sys.executable, "-c", "raise SystemExit(1)"], os.environ)  # runs already: nothing happens
    assert again.pid == pid
    stop([again])
    assert service.pid is None
    assert list(service.run.iterdir()) == []


def test_what_it_started_is_stopped_too_though_it_ignores_requests(service: Service) -> None:
    start(service, PARENT, "child is up")
    members = service.members()
    assert len(members) == 2
    stop([service], grace_seconds=0.5)
    assert [process for process in members if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []


def test_what_it_left_behind_is_stopped_after_it_was_killed(service: Service) -> None:
    start(service, PARENT, "child is up")
    leader = psutil.Process(service.pid)
    leader.kill()
    leader.wait(10)
    assert not service.running
    assert len(service.members()) == 1
    stop([service], grace_seconds=0.2)
    assert service.members() == []


def test_a_pid_that_was_given_away_is_left_alone(service: Service) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        service.run.mkdir()
        note = {"pid": stranger.pid, "started": psutil.Process(stranger.pid).create_time() - 3600}
        (service.run / "server.json").write_text(json.dumps(note))
        assert not service.running
        stop([service], grace_seconds=0.2)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x", "started": 1}', '{"pid": 1}'])
def test_a_damaged_note_counts_as_not_running(service: Service, text: str) -> None:
    service.run.mkdir()
    (service.run / "server.json").write_text(text)
    assert not service.running
    stop([service])


def test_one_that_dies_at_its_start_is_shown_with_its_last_words(service: Service) -> None:
    service.start([sys.executable, "-c", "raise SystemExit('the port is taken')"], os.environ)
    with pytest.raises(WarehouseUnavailable, match="the port is taken") as caught:
        wait_until(lambda: False, [service], what="Airflow", timeout_seconds=20)
    assert str(service.log) in (caught.value.next_step or "")


def test_one_that_never_gets_ready_is_given_up(service: Service) -> None:
    start(service, SLEEPER, "ready")
    try:
        with pytest.raises(WarehouseUnavailable, match="Airflow was not ready after 0 seconds"):
            wait_until(lambda: False, [service], what="Airflow", timeout_seconds=0)
    finally:
        stop([service])


def test_a_program_that_does_not_exist_is_said(service: Service) -> None:
    with pytest.raises(WarehouseUnavailable, match="server cannot be started"):
        service.start(["/nowhere/at/all"], os.environ)


def test_a_port_to_keep_is_free_and_differs_between_folders(tmp_path: Path) -> None:
    port = port_to_keep(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert not port_is_free(port)
        assert port_to_keep(tmp_path) != port
    assert len({port_to_keep(tmp_path / str(i)) for i in range(8)}) > 4


def test_a_second_command_is_told_who_is_at_it(tmp_path: Path) -> None:
    lock = tmp_path / "new" / "part.lock"
    for _ in range(2):  # let go at the end of the block, also after somebody was refused
        with alone(lock, "the part"):
            with pytest.raises(OnestopError) as refused, alone(lock, "the part"):
                pass
            assert (
                f"the part is being started, changed or stopped by {getpass.getuser()} (process {os.getpid()}, since"
                in str(refused.value)
            )
