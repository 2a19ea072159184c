"""What all HTTP sources share: one bounded request at a time.

A request ends by its deadline whatever the other side does, and a body never grows past a limit.
Messages say what was seen (status, type, an HTML page's title), never a body, a header or a secret.
"""

from __future__ import annotations

import html
import ipaddress
import logging
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from onestop import __version__
from onestop.clock import system_now
from onestop.errors import ConfigurationError, SourceUnavailable
from onestop.sources.retries import AttemptError, date_of_answer, retry_after_seconds

MAX_BODY_BYTES = 64 * 1024 * 1024
DEADLINE_FACTOR = 4  # a whole request may take this many times the time-out of one of its steps
RETRIED_STATUS = frozenset({408, 425, 429})
_TITLE_BYTES = 65536
_TITLE = re.compile(rb"<title[^>]*>(.{0,400}?)</title", re.IGNORECASE | re.DOTALL)
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,40}/[\w.+-]{1,60}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer: its status, media type and (decompressed) body."""

    status: int
    media_type: str
    body: bytes

    @property
    def is_html(self) -> bool:
        """Whether this is a page for people."""
        start = self.body[:512].lstrip(b"\xef\xbb\xbf \t\r\n")
        return "html" in self.media_type or (start.startswith(b"<") and not start.startswith(b"<?xml"))

    @property
    def seen(self) -> str:
        """Status, media type and an HTML page's title: all of an answer that a message may hold."""
        words = f"status {self.status}, {self.media_type or 'no content type'}"
        title = _TITLE.search(self.body[:_TITLE_BYTES]) if self.is_html else None
        if title:
            text = " ".join(html.unescape(title[1].decode("utf-8", "replace")).split())
            words += f", titled {''.join(c for c in text if c.isprintable())[:80]!r}"
        return words

    def foreign(self, why: str) -> AttemptError:
        """The fault of an answer under 200 that is not what the contract promises."""
        return AttemptError(self.seen if self.is_html else f"{self.seen}: {why}", login_page=self.is_html)


class _Line:
    """The client's one connection, kept so that another thread can cut it.

    httpx bounds each read, not their sum: a server that drips a byte a second is never late. Shutting the
    socket down wakes the blocked read.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self.closed_for_good = False
        self.was_cut = False

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """httpx's trace extension: remembers each new connection."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            with self._lock:
                self._socket = info["return_value"].get_extra_info("socket")
                if self.was_cut or self.closed_for_good:
                    self._shut()

    def cut(self) -> None:
        """Ends the request under way."""
        with self._lock:
            self.was_cut = True
            self._shut()

    def _shut(self) -> None:
        if self._socket is not None:
            with suppress(OSError):  # already closed
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Cuts the connection if the block lasts longer."""
        self.was_cut = False
        timer = threading.Timer(seconds, self.cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()  # so that it cannot cut the next request


class HttpClient:
    """Sends one bounded request at a time to one source. Redirects are not followed.

    Args:
        source_id: named in messages.
        base_url: where the paths of `send` start.
        timeout_seconds: for each connect, read and write; a whole request may take four times that.
        now: the clock that an HTTP date in Retry-After is compared with when the answer carries no Date.
        pace: entered around each request: keeps the source's rate limit.
        max_body_bytes: a longer (decompressed) body is refused.

    Raises:
        ConfigurationError: base_url is no address, or holds a user or a password.
    """

    def __init__(
        self,
        source_id: str,
        base_url: str,
        *,
        timeout_seconds: float,
        now: Callable[[], datetime] = system_now,
        pace: AbstractContextManager[None] | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._source_id = source_id
        self._timeout = timeout_seconds
        self._now = now
        self._pace = pace or nullcontext()
        self._max_body = max_body_bytes
        self._line = _Line()
        try:
            url = httpx.URL(base_url)
        except httpx.InvalidURL:
            raise ConfigurationError(
                f"source {source_id}: base_url is no address", next_step="write it as https://host:port in province.yml"
            ) from None
        if url.userinfo:
            raise ConfigurationError(
                f"source {source_id}: base_url holds a user or a password",
                next_step="take them out of province.yml; secrets are read from the environment",
            )
        for name in ("httpx", "httpcore"):  # they log addresses with cursors, and headers
            logging.getLogger(name).setLevel(logging.WARNING)
        self._client = httpx.Client(
            base_url=url,
            timeout=httpx.Timeout(timeout_seconds),
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            follow_redirects=False,
            # The network's proxy cannot reach this machine's own servers.
            mounts={"http://": None, "https://": None, "all://": None} if _is_loopback(url.host) else None,
            headers={"User-Agent": f"onestop/{__version__}", "Accept": "application/json"},
        )

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()

    def abort(self) -> None:
        """From another thread: ends the request under way, and every later one."""
        self._line.closed_for_good = True
        self._line.cut()

    def send(
        self,
        where: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One attempt at one request.

        Args:
            where: which request this is, for messages: "page 7".

        Returns:
            the answer, whose status is 200 or a refusal (4xx) that asking again would not change.

        Raises:
            AttemptError: no answer, a broken one, a redirect, or a status that is worth retrying.
            SourceUnavailable: the body is larger than the limit.
        """
        with self._pace, self._line.deadline(DEADLINE_FACTOR * self._timeout):
            try:
                with self._client.stream(
                    method,
                    path,
                    params=dict(params or {}),
                    data=dict(data) if data else None,
                    headers=dict(headers or {}),
                    extensions={"trace": self._line.trace},
                ) as response:
                    reply = Reply(response.status_code, _media_type(response), self._read(where, response))
            except httpx.HTTPError as problem:
                raise AttemptError(self._seen(problem)) from None  # its own words and request could quote a header
            if self._line.was_cut:  # a body that ends with the connection looks whole when it is cut
                raise AttemptError(self._seen(None))
        if reply.status == 200 or (400 <= reply.status < 500 and reply.status not in RETRIED_STATUS):
            return reply
        if 300 <= reply.status < 400:
            raise AttemptError(f"{reply.seen}: a redirect", login_page=True)
        server_time = date_of_answer(response.headers.get("Date"), self._now())
        raise AttemptError(
            reply.seen, retry_after=retry_after_seconds(response.headers.get("Retry-After"), server_time)
        )

    def _read(self, where: str, response: httpx.Response) -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if response.status_code != 200 and len(body) > _TITLE_BYTES:
                break  # a page about an error: its beginning is enough
            if len(body) > self._max_body:
                raise SourceUnavailable(
                    f"source {self._source_id}, {where}: an answer is larger than {self._max_body / 2**20:g} MB",
                    next_step="set a smaller page_size in province.yml",
                )
        return bytes(body)

    def _seen(self, problem: httpx.HTTPError | None) -> str:
        if self._line.was_cut:
            return f"no whole answer within {DEADLINE_FACTOR * self._timeout:g} s"
        if isinstance(problem, httpx.ConnectTimeout):
            return f"no connection within {self._timeout:g} s"
        if isinstance(problem, httpx.TimeoutException):
            return f"no answer within {self._timeout:g} s"
        if isinstance(problem, httpx.ConnectError | httpx.ProxyError):
            return f"cannot connect: {str(problem)[:200]}"
        if isinstance(problem, httpx.DecodingError):
            return "a compressed answer that is damaged"
        return "the connection broke before the answer was whole"


def _media_type(response: httpx.Response) -> str:
    found = _MEDIA_TYPE.match(response.headers.get("Content-Type", ""))
    return found[0].lower() if found else ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
