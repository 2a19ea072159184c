"""Fixtures of the connector's tests: the fake source, a clock that only waits move, a connector to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fake_one_stop import CLIENT_ID, CLIENT_SECRET, FakeTime, OneStopServer, source
from onestop.sources.one_stop_api import OneStopApi


@pytest.fixture
def server() -> Iterator[OneStopServer]:
    server = OneStopServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.ending.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def connect(server: OneStopServer, fake_time: FakeTime) -> Callable[..., OneStopApi]:
    def make(secret: str = CLIENT_SECRET, **settings: Any) -> OneStopApi:
        return OneStopApi(
            source(server, **settings), CLIENT_ID, secret, sleep=fake_time.sleep, monotonic=fake_time.monotonic
        )

    return make
