"""The connector of one-stop systems over HTTP: tokens, cursor paging, and every way it goes wrong.

It yields pages as received; it judges no record. A page is
the whole answer's bytes beside its records, so that landing keeps exactly what the source said.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime

import orjson

from onestop.clock import system_now
from onestop.config import OneStopApiSource
from onestop.errors import ConfigurationError, SourceUnavailable
from onestop.sources.http import HttpClient, Reply
from onestop.sources.pacing import Pace
from onestop.sources.paging import Feed, ForeignBodyError, LoopGuard, Page, parse_page
from onestop.sources.retries import Retries

__all__ = ["OneStopApi", "Page", "parse_page"]

LONGEST_TOKEN_LIFE = 3600.0


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    renew_at: float  # monotonic seconds


class _TokenRefusedError(Exception):
    """The feed answered 401."""


class _TokenDueError(Exception):
    """The token ends soon."""


class OneStopApi:
    """Reads one source of the kind one_stop_api. Its feeds share a token.

    Args:
        source: its part of province.yml.
        client_id, client_secret: OAuth 2.0 client credentials; they appear in no message.
        sleep: waits that many seconds between tries; by default a wait that `Feed.stop` ends.
        now: the clock that an HTTP date in Retry-After is compared with.
        monotonic: measures how long tries last and tokens live.
    """

    def __init__(
        self,
        source: OneStopApiSource,
        client_id: str,
        client_secret: str,
        *,
        sleep: Callable[[float], object] | None = None,
        now: Callable[[], datetime] = system_now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._credentials = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }
        self._sleep = sleep
        self._now = now
        self._monotonic = monotonic
        self._token: _Token | None = None

    def pages(self, updated_from: str, updated_to: str) -> Feed:
        """The pages of the dossiers whose NgayCapNhat lies in [updated_from, updated_to).

        Memory does not grow with the number of pages.

        Args:
            updated_from, updated_to: yyyyMMddHHmmss in the province's local time.

        Raises:
            ConfigurationError: base_url is none; while reading: the source refuses the credentials or the
                very first request.
            SourceUnavailable: while reading: the retry budget is used up, the feed goes round, or it broke off in
                a way that asking again does not change.
        """
        source = self._source
        stopped = threading.Event()
        http = HttpClient(
            source.id,
            source.base_url,
            timeout_seconds=source.timeout_seconds,
            now=self._now,
            pace=Pace.of(source.requests_per_second, sleep=self._sleep or stopped.wait, monotonic=self._monotonic),
        )

        def stop() -> None:
            stopped.set()
            http.abort()

        return Feed(self._pages(http, stopped, updated_from, updated_to), stop)

    def _pages(
        self, http: HttpClient, stopped: threading.Event, updated_from: str, updated_to: str
    ) -> Generator[Page, None, None]:
        source = self._source
        retries = Retries(
            source.id,
            source.retry_budget_seconds,
            sleep=self._sleep or stopped.wait,
            stopped=stopped,
            monotonic=self._monotonic,
        )
        guard = LoopGuard()
        params: dict[str, str | int] = {
            "updated_from": updated_from,
            "updated_to": updated_to,
            "limit": source.page_size,
        }
        number = 0
        try:
            while True:
                number += 1
                page, cursor = self._page(http, retries, number, params)
                yield page
                if cursor is None:
                    return
                if guard.goes_round(cursor, page.records):
                    raise self._loop(number, cursor)
                del page  # the consumer alone decides how long it lives
                params["cursor"] = cursor
        finally:
            http.close()

    def _page(
        self, http: HttpClient, retries: Retries, number: int, params: dict[str, str | int]
    ) -> tuple[Page, str | None]:
        refusals = 0
        while True:
            token = self._token = self._token or retries.run("the token request", lambda: self._ask_token(http))
            try:
                return retries.run(f"page {number}", lambda: self._ask_page(http, token, number, params))  # noqa: B023
            except _TokenDueError:
                self._token = None
            except _TokenRefusedError:
                self._token = None
                refusals += 1
                if refusals == 2:
                    raise ConfigurationError(
                        f"source {self._source.id}, page {number}: status 401 also with a new access token",
                        next_step=f"ask the source's operator whether the client of {self._variables} "
                        "may read the feed",
                    ) from None

    def _ask_page(
        self, http: HttpClient, token: _Token, number: int, params: dict[str, str | int]
    ) -> tuple[Page, str | None]:
        if self._monotonic() >= token.renew_at:  # a wait between two tries can outlive the token
            raise _TokenDueError
        headers = {"Authorization": f"Bearer {token.text}"}
        reply = http.send(f"page {number}", "GET", "/v1/dossiers", params=params, headers=headers)
        if reply.status == 401:
            raise _TokenRefusedError
        if reply.status != 200:
            raise self._refused(f"page {number}", reply, first=number == 1)
        try:
            records, cursor = parse_page(reply.body)
        except ForeignBodyError as problem:
            raise reply.foreign(str(problem)) from None
        return Page(number, reply.body, records), cursor

    def _ask_token(self, http: HttpClient) -> _Token:
        asked_at = self._monotonic()
        reply = http.send("the token request", "POST", "/oauth2/token", data=self._credentials)
        if reply.status == 401 or (reply.status in (400, 403) and not reply.is_html):
            raise ConfigurationError(
                f"source {self._source.id}: refuses the credentials (status {reply.status} on the token request)",
                next_step=f"check {self._variables}: set both to what the source's operator gave out for this client",
            )
        if reply.status != 200:
            raise self._refused("the token request", reply, first=True)
        text, life = _token_of(reply)
        life = min(life, LONGEST_TOKEN_LIFE)
        # Renewed a little early, but at least one request is made with each token.
        return _Token(text, asked_at + max(1.0, life - min(30.0, life / 10)))

    @property
    def _variables(self) -> str:
        return f"{self._source.credentials}_CLIENT_ID and {self._source.credentials}_CLIENT_SECRET"

    def _refused(self, where: str, reply: Reply, *, first: bool) -> ConfigurationError | SourceUnavailable:
        message = f"source {self._source.id}, {where}: refused, {reply.seen}"
        if first:
            return ConfigurationError(
                message,
                next_step="check base_url, page_size and the client's rights: the system there does not answer as a "
                "one_stop_api source",
            )
        # The same settings served the page before, so that it is not for the configuration to change.
        return SourceUnavailable(message, next_step="run again; if it stays so, tell the source's operator")

    def _loop(self, number: int, cursor: str) -> SourceUnavailable:
        mark = hashlib.sha256(cursor.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        return SourceUnavailable(
            f"source {self._source.id}, page {number}: page loop at the cursor with SHA-256 {mark}...: "
            "the feed keeps coming back to it",
            next_step="tell the source's operator that paging does not reach its end; then run again",
        )


def _token_of(reply: Reply) -> tuple[str, float]:
    try:
        content = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        raise reply.foreign("not JSON, or cut short") from None
    text, life = (content.get("access_token"), content.get("expires_in")) if isinstance(content, dict) else (None, None)
    if isinstance(life, str) and life.isascii() and life.isdigit():
        life = float(life)
    if not isinstance(text, str) or not text or not text.isascii() or not text.isprintable():
        raise reply.foreign("no access token in it")
    if isinstance(life, bool) or not isinstance(life, int | float) or life < 0:
        raise reply.foreign("no expires_in in it")
    return text, float(life)
