"""Access tokens and cursors: the two kinds of opaque text that the sandbox server gives out and takes back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import time
from typing import NamedTuple

import orjson

from onestop.sandbox.feed import Position


class Tokens:
    """OAuth 2.0 client credentials: who may ask, and which tokens are alive."""

    def __init__(self, client_id: str, client_secret: str, seconds: float) -> None:
        self._client = (client_id.encode(), client_secret.encode())
        self.seconds = seconds
        self._alive: dict[str, float] = {}
        self._lock = threading.Lock()

    def knows(self, client_id: str, client_secret: str) -> bool:
        """Whether these are the credentials; takes the same time either way."""
        same_id = hmac.compare_digest(client_id.encode(), self._client[0])
        same_secret = hmac.compare_digest(client_secret.encode(), self._client[1])
        return same_id and same_secret

    def issue(self) -> str:
        """A new token."""
        token = secrets.token_urlsafe(24)
        now = time.monotonic()
        with self._lock:
            self._alive = {t: end for t, end in self._alive.items() if end > now}
            self._alive[token] = now + self.seconds
        return token

    def alive(self, token: str) -> bool:
        """Whether the token was issued here and has not run out."""
        with self._lock:
            return self._alive.get(token, 0.0) > time.monotonic()

    def revoke_all(self) -> None:
        """Every token given out so far is void."""
        with self._lock:
            self._alive.clear()

    def sign(self, text: bytes) -> bytes:
        """A short signature, so that a cursor that was not given out here is recognised."""
        return hmac.new(self._client[1], text, hashlib.sha256).digest()[:6]


class Cursor(NamedTuple):
    """Where the next page of a range begins: behind `after` (None: at the range's beginning).

    `turn` tells two cursors to the same place apart: a page served again has another cursor, or the client could
    not tell it from a loop.
    """

    first: str
    last: str
    after: Position | None
    turn: int = 0

    def text(self, tokens: Tokens) -> str:
        """The cursor as the client sees it."""
        content = orjson.dumps([self.first, self.last, self.after, self.turn])
        return base64.urlsafe_b64encode(tokens.sign(content) + content).decode().rstrip("=")


def read_cursor(text: str, tokens: Tokens) -> Cursor:
    """The cursor behind its text.

    Raises:
        ValueError: it was not given out by this server.
    """
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (ValueError, UnicodeEncodeError):
        raise ValueError("the cursor is not one of this server's") from None
    signature, content = raw[:6], raw[6:]
    if not hmac.compare_digest(signature, tokens.sign(content)):
        raise ValueError("the cursor is not one of this server's")
    first, last, after, turn = orjson.loads(content)
    return Cursor(first, last, tuple(after) if after else None, turn)
