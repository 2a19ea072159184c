"""The answers of the sandbox server: tokens, pages of the feed, and what goes wrong with them."""

from __future__ import annotations

import re
import socket
import struct
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.parse import parse_qs, parse_qsl, urlsplit

import orjson

from onestop.sandbox.tokens import Cursor, read_cursor

if TYPE_CHECKING:
    from onestop.sandbox.server import OneStopServer

STAMP = re.compile(r"[0-9]{14}", re.ASCII)
NUMBER = re.compile(r"[0-9]{1,6}", re.ASCII)
FORM_BYTES = 65_536
PLAIN_ERRORS = {"error_500": 500, "error_502": 502, "error_503": 503}
LOGIN_PAGE = (
    '<!DOCTYPE html><html lang="vi"><head><title>Đăng nhập</title></head><body><form method="post" action="/login">'
    '<label>Tên đăng nhập <input name="u"></label><label>Mật khẩu <input name="p" type="password"></label>'
    "<button>Đăng nhập</button></form></body></html>"
).encode()
BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class Asked(NamedTuple):
    """A valid request for a page."""

    first: str
    last: str
    limit: int
    cursor: Cursor | None


class OneStopHandler(BaseHTTPRequestHandler):
    """One connection; HTTP/1.1, kept alive."""

    protocol_version = "HTTP/1.1"
    server_version = "OneStopSandbox/1"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = 120

    @property
    def _owner(self) -> OneStopServer:
        return cast("OneStopServer", cast(Any, self.server).owner)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: an address can hold what nobody may read."""

    def do_POST(self) -> None:
        """A token."""
        form = self._form()
        if form is None:
            return
        if urlsplit(self.path).path != "/oauth2/token":
            self._other_path()
        elif self._owner.faults and self._owner.faults.for_token():
            self._error(503, "temporarily_unavailable", "ask again", outcome="fault:token_503")
        elif form.get("grant_type") != "client_credentials":
            self._error(400, "unsupported_grant_type", "grant_type is client_credentials")
        elif not self._owner.tokens.knows(form.get("client_id", ""), form.get("client_secret", "")):
            self._error(401, "invalid_client", "wrong client_id or client_secret")
        else:
            tokens = self._owner.tokens
            body = {"access_token": tokens.issue(), "token_type": "Bearer", "expires_in": int(tokens.seconds)}
            self._answer(200, orjson.dumps(body), "token", headers={"Cache-Control": "no-store"})

    def do_GET(self) -> None:
        """A page of the feed."""
        parts = urlsplit(self.path)
        if parts.path != "/v1/dossiers":
            self._other_path()
            return
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not self._owner.tokens.alive(token.strip()):
            self._unauthorised("401")
            return
        try:
            asked = self._read_query(parts.query)
        except ValueError as problem:
            self._error(400, "invalid_request", str(problem))
            return
        again = asked.cursor is not None and asked.cursor.turn > 0
        player = self._owner.faults
        fault = player.for_page(parts.query, asked_again=again) if player else None
        if fault is None or not self._failed(fault, asked):
            self._page(asked, fault)

    def _other_method(self) -> None:
        self.close_connection = True  # its body, if any, was not read
        self._error(405, "method_not_allowed", "GET /v1/dossiers, POST /oauth2/token")

    do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _other_method  # noqa: N815

    def _other_path(self) -> None:
        path = urlsplit(self.path).path
        known = path in ("/v1/dossiers", "/oauth2/token")
        self._error(405 if known else 404, "method_not_allowed" if known else "not_found", "see one_stop_api.yaml")

    def _form(self) -> dict[str, str] | None:
        length = self.headers.get("Content-Length", "0")
        if not NUMBER.fullmatch(length) or int(length) > FORM_BYTES:
            self.close_connection = True
            self._error(400, "invalid_request", f"Content-Length is a number up to {FORM_BYTES}")
            return None
        return dict(parse_qsl(self.rfile.read(int(length)).decode("utf-8", "replace"), keep_blank_values=True))

    def _read_query(self, query: str) -> Asked:
        values = parse_qs(query, keep_blank_values=True)
        for name in ("updated_from", "updated_to", "limit", "cursor"):
            if len(values.get(name, [])) > 1:
                raise ValueError(f"{name} is given more than once")
        for name in ("updated_from", "updated_to"):
            if not STAMP.fullmatch(values.get(name, [""])[0]):
                raise ValueError(f"{name} is required: 14 digits, yyyyMMddHHmmss")
        first, last = values["updated_from"][0], values["updated_to"][0]
        limit = values.get("limit", ["500"])[0]
        if not NUMBER.fullmatch(limit) or not 1 <= int(limit) <= 1000:
            raise ValueError("limit is a whole number from 1 to 1000")
        if "cursor" not in values:
            return Asked(first, last, int(limit), None)
        cursor = read_cursor(values["cursor"][0], self._owner.tokens)
        if (cursor.first, cursor.last) != (first, last):
            raise ValueError("the cursor belongs to another range")
        return Asked(first, last, int(limit), cursor)

    def _content(self, asked: Asked, shape: str | None) -> tuple[bytes, int, bool]:
        """The page's JSON, how many records it holds, and whether the range ends with it."""
        after = asked.cursor.after if asked.cursor else None
        turn = asked.cursor.turn if asked.cursor else 0
        limit = max(1, asked.limit // 3) if shape == "short_page" else asked.limit
        back = max(1, asked.limit // 10) if shape == "page_overlap" else 0
        # A page that repeats records never holds more than the limit that was asked for.
        part = self._owner.feed.slice(asked.first, asked.last, max(1, limit - back), after, min(back, limit - 1))
        bodies, follows = part.bodies, Cursor(asked.first, asked.last, part.after) if part.after else None
        if shape in ("page_twice", "empty_page"):
            follows = Cursor(asked.first, asked.last, after, turn + 1)
            bodies = [] if shape == "empty_page" else bodies
        text = orjson.dumps(follows.text(self._owner.tokens) if follows else None)
        body = b"".join((b'{"data":[', b",".join(bodies), b'],"next_cursor":', text, b',"total":%d}' % part.total))
        return body, len(bodies), follows is None

    def _page(self, asked: Asked, shape: str | None) -> None:
        body, records, ended = self._content(asked, shape)
        self._answer(200, body, f"fault:{shape}" if shape else "page", records=records)
        if ended:
            self._owner.feed.release()

    def _failed(self, fault: str, asked: Asked) -> bool:
        """Play the fault; False if it only changes the shape of the page."""
        owner, outcome = self._owner, f"fault:{fault}"
        wait = owner.faults.plan.retry_after_seconds if owner.faults else 0
        if fault == "token_expired":
            owner.tokens.revoke_all()
            self._unauthorised(outcome)
        elif fault == "too_many_seconds":
            self._error(429, "too_many_requests", "slow down", outcome=outcome, headers={"Retry-After": str(wait)})
        elif fault == "too_many_date":
            # The date has whole seconds: rounded up, or it could lie in the past already.
            when = formatdate(int(time.time()) + 1 + wait, usegmt=True)
            self._error(429, "too_many_requests", "slow down", outcome=outcome, headers={"Retry-After": when})
        elif fault == "error_502":
            self._answer(502, BAD_GATEWAY, outcome, kind="text/html")
        elif fault in PLAIN_ERRORS:
            self._error(PLAIN_ERRORS[fault], "server_error", "something went wrong", outcome=outcome)
        elif fault == "login_page":
            self._answer(200, LOGIN_PAGE, outcome, kind="text/html; charset=utf-8")
        elif fault == "json_cut":
            body, _, _ = self._content(asked, None)
            self._answer(200, body[: len(body) * 2 // 3], outcome)
        elif fault == "body_truncated":
            body, _, _ = self._content(asked, None)
            self.close_connection = True
            self._answer(200, body[: len(body) // 2], outcome, length=len(body))
        elif fault == "reset":
            owner.count(outcome)
            self._reset()
        elif fault == "hang":
            owner.count(outcome)
            owner.wait(owner.faults.plan.hang_seconds if owner.faults else 0)
            self.close_connection = True
        else:
            return False
        return True

    def _reset(self) -> None:
        # Lingering for zero seconds makes the kernel send RST instead of FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.rfile.close()
        self.connection.close()

    def _unauthorised(self, outcome: str) -> None:
        headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        self._error(401, "invalid_token", "ask for a new token", outcome=outcome, headers=headers)

    def _error(
        self, status: int, code: str, message: str, *, outcome: str = "", headers: dict[str, str] | None = None
    ) -> None:
        body = orjson.dumps({"error": code, "error_description": message})
        self._answer(status, body, outcome or str(status), headers=headers)

    def _answer(
        self,
        status: int,
        body: bytes,
        outcome: str,
        *,
        kind: str = "application/json",
        headers: dict[str, str] | None = None,
        length: int | None = None,
        records: int = 0,
    ) -> None:
        # Counted before it is sent: who has the answer must find it counted.
        self._owner.count_page(outcome, records)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
