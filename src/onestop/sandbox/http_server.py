"""What the sandbox's HTTP servers share: listening on loopback in the background, counting answers, stopping at once."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from onestop.errors import ConfigurationError


class Listener(ThreadingHTTPServer):
    """Knows its open connections, so that stopping it ends them all."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, owner: SandboxServer, handler: type[BaseHTTPRequestHandler]) -> None:
        self.owner = owner
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(("127.0.0.1", port), handler)

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


class SandboxServer:
    """A server on 127.0.0.1; a context manager that starts and stops it. Its handlers find it as `server.owner`.

    Args:
        name: what to call it in errors.
        handler: answers the requests.
        port: 0 chooses a free one.
    """

    def __init__(self, name: str, handler: type[BaseHTTPRequestHandler], port: int) -> None:
        self.stopping = threading.Event()
        self.outcomes: Counter[str] = Counter()
        """Answers by outcome, such as page, 401 and fault:<kind>."""
        self._name, self._handler, self._port = name, handler, port
        self._counting = threading.Lock()
        self._listener: Listener | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The base address, without a slash at its end. Raises RuntimeError before `start`."""
        if self._listener is None:
            raise RuntimeError(f"{self._name} has not been started")
        return f"http://127.0.0.1:{self._listener.server_address[1]}"

    def start(self) -> Self:
        """Listen and answer in the background.

        Raises:
            ConfigurationError: the port is taken or not allowed.
        """
        if self._listener is not None:
            return self
        try:
            self._listener = Listener(self._port, self, self._handler)
        except (OSError, OverflowError) as problem:
            raise ConfigurationError(
                f"{self._name} cannot listen on 127.0.0.1:{self._port}: {problem}",
                next_step="choose another port, or 0 for a free one",
            ) from problem
        self.stopping.clear()
        self._thread = threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.05}, name=self._name, daemon=True
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
        with contextlib.suppress(OSError):
            listener.server_close()
        thread.join(timeout=10)
        self._listener = self._thread = None

    def count(self, outcome: str) -> None:
        """Note one answer."""
        with self._counting:
            self.outcomes[outcome] += 1

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
