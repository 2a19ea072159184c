"""A one-stop system over HTTP: contracts/one_stop_api.yaml, on loopback, with the faults of its x-behaviour."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Any

from onestop.errors import ConfigurationError
from onestop.sandbox.faults import FaultPlan, FaultPlayer
from onestop.sandbox.feed import Feed, Record
from onestop.sandbox.handler import OneStopHandler
from onestop.sandbox.tokens import Tokens


class _Listener(ThreadingHTTPServer):
    """Knows its open connections, so that stopping it ends them all."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], owner: OneStopServer) -> None:
        self.owner = owner
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, OneStopHandler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._open_lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news, and a traceback could show a record."""
        self.owner.count("connection lost")

    def close_connections(self) -> None:
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class OneStopServer:
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
        self.feed = Feed(records)
        self.tokens = Tokens(client_id, client_secret, token_seconds)
        self.faults = FaultPlayer(faults) if faults else None
        self.stopping = threading.Event()
        self.outcomes: Counter[str] = Counter()
        """Answers by outcome: token, page, 400, 401, 404, 405, fault:<kind>, connection lost."""
        self.records_served = 0
        self._port = port
        self._counting = threading.Lock()
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None
        if faults and faults.late_records:
            self.feed.hold_back(faults.late_records, faults.seed)

    @property
    def url(self) -> str:
        """The base address, without a slash at its end. Raises RuntimeError before `start`."""
        if self._listener is None:
            raise RuntimeError("the sandbox server has not been started")
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    def start(self) -> OneStopServer:
        """Listen on 127.0.0.1 and answer in the background.

        Raises:
            ConfigurationError: the port is taken or not allowed.
        """
        if self._listener is not None:
            return self
        try:
            self._listener = _Listener(("127.0.0.1", self._port), self)
        except (OSError, OverflowError) as problem:
            raise ConfigurationError(
                f"the sandbox cannot listen on 127.0.0.1:{self._port}: {problem}",
                next_step="choose another port, or 0 for a free one",
            ) from problem
        self.stopping.clear()
        self._thread = threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.05}, name="sandbox", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop answering, end open connections (hanging ones too) and free the port."""
        listener, thread = self._listener, self._thread
        if listener is None or thread is None:
            return
        self.stopping.set()
        listener.shutdown()
        listener.close_connections()
        listener.server_close()
        thread.join(timeout=10)
        self._listener = self._thread = None

    def commit(self, records: Iterable[Record | bytes | Mapping[str, Any]]) -> None:
        """Records that come while the server runs: the next day's changes, or a deletion (DaXoa "1")."""
        self.feed.commit(records)

    def count(self, outcome: str, records: int = 0) -> None:
        """Note one answer and the records in it."""
        with self._counting:
            self.outcomes[outcome] += 1
            self.records_served += records

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than the server runs."""
        end = time.monotonic() + seconds
        while not self.stopping.wait(min(0.2, max(0.0, end - time.monotonic()))):
            if time.monotonic() >= end:
                return

    def __enter__(self) -> OneStopServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
