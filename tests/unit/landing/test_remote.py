"""A landing behind another address than a folder: SFTP, for real."""

from __future__ import annotations

from pathlib import Path

import pytest

from delivery_servers import free_port, sftp_server
from onestop.crypto import DataKeys
from onestop.errors import ConfigurationError, DataRefused, WarehouseUnavailable
from onestop.landing.store import LandingStore

KEYS = DataKeys(["a key of more than sixteen characters"])
LOGIN = {"username": "landing", "password": "of the landing alone"}


def store(port: int, **changes: str) -> LandingStore:
    return LandingStore(f"sftp://127.0.0.1:{port}/deliveries", KEYS, options=LOGIN | changes)


def test_what_one_machine_lands_another_reads(tmp_path: Path) -> None:
    with sftp_server(tmp_path, **{"user": LOGIN["username"], "password": LOGIN["password"]}) as port:
        run = store(port).open_run("igate", "dossier", "20240925T010000-1")
        page = run.put(1, b"as received", records=1)
        assert run.put(1, b"as received", records=1) == page, "a second try changes nothing"
        run.close({"source": "igate"})
        assert b"as received" not in next(tmp_path.rglob("*.enc")).read_bytes()
        assert [path.name for path in tmp_path.rglob(".*")] == [], "no drafts are left"

        again = store(port).run(run.path)
        assert [again.read(page) for page in again.pages()] == [b"as received"]
        next(tmp_path.rglob("*.enc")).unlink()
        with pytest.raises(DataRefused, match="is missing"):
            again.read(page)


def test_one_that_is_away_or_refuses_is_said_without_its_password_and_may_be_tried_again(tmp_path: Path) -> None:
    with pytest.raises(WarehouseUnavailable, match=r"the landing sftp://127\.0\.0\.1:\d+ cannot be used") as away:
        store(free_port())
    with (
        sftp_server(tmp_path, "landing", LOGIN["password"]) as port,
        pytest.raises(WarehouseUnavailable, match="AuthenticationException") as refused,
    ):
        store(port, password="the wrong one")
    for caught in (away, refused):
        assert caught.value.retryable
        assert not {"the wrong one", LOGIN["password"]} & set(str(caught.value).split())
        assert "ONESTOP_LANDING_OPTIONS" in (caught.value.next_step or "")


def test_one_that_goes_away_while_it_is_used_is_said(tmp_path: Path) -> None:
    with sftp_server(tmp_path, "landing", LOGIN["password"]) as port:
        run = store(port).open_run("igate", "dossier", "20240925T010000-2")
        run.put(1, b"as received")
        run._files._filesystem.client.get_transport().close()  # type: ignore[attr-defined]
        with pytest.raises(WarehouseUnavailable):
            run.put(2, b"more")


def test_options_that_are_none_of_its_kind_are_refused(tmp_path: Path) -> None:
    with (
        sftp_server(tmp_path, "landing", LOGIN["password"]) as port,
        pytest.raises((ConfigurationError, WarehouseUnavailable), match="cannot be used"),
    ):
        store(port, no_such_option="x")
