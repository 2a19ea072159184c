"""A one-stop system over HTTP: contracts/one_stop_api.yaml, on loopback, with the faults of its x-behaviour."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from onestop.sandbox.faults import FaultPlan, FaultPlayer
from onestop.sandbox.feed import Feed, Record
from onestop.sandbox.handler import OneStopHandler
from onestop.sandbox.http_server import SandboxServer
from onestop.sandbox.tokens import Tokens


class OneStopServer(SandboxServer):
    """A one-stop system with the given records; a context manager that starts and stops it.

    Args:
        records: dossiers as JSON objects, as bytes of one, or as `Record`s; any order.
        client_id, client_secret: the credentials that get a token.
        port: 0 chooses a free one.
        faults: what goes wrong; None: nothing.
        token_seconds: how long a token lives.
    """

    def __init__(
        self,
        records: Iterable[Record | bytes | Mapping[str, Any]],
        client_id: str,
        client_secret: str,
        port: int = 0,
        faults: FaultPlan | None = None,
        token_seconds: float = 3600,
    ) -> None:
        super().__init__("the sandbox", OneStopHandler, port)
        self.feed = Feed(records)
        self.tokens = Tokens(client_id, client_secret, token_seconds)
        self.faults = FaultPlayer(faults) if faults else None
        self.records_served = 0
        if faults and faults.late_records:
            self.feed.hold_back(faults.late_records, faults.seed)

    def commit(self, records: Iterable[Record | bytes | Mapping[str, Any]]) -> None:
        """Records that come while the server runs: the next day's changes, or a deletion (DaXoa "1")."""
        self.feed.commit(records)

    def count_page(self, outcome: str, records: int) -> None:
        """Note one answer and the records in it."""
        self.count(outcome)
        with self._counting:
            self.records_served += records

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than the server runs."""
        end = time.monotonic() + seconds
        while not self.stopping.wait(min(0.2, max(0.0, end - time.monotonic()))):
            if time.monotonic() >= end:
                return
