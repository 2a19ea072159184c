"""What is sent, and how sending it ended: values that every way of sending shares. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

State = Literal["sent", "failed", "bounced", "unknown", "returned"]


@dataclass(frozen=True, slots=True)
class Parcel:
    """What one recipient gets.

    files: name -> bytes.
    folder: the folder under the recipient's own, as in statutory_2024-Q3/edition-1.
    subject, text: the letter around the files, where there is one.
    """

    files: Mapping[str, bytes]
    folder: str
    subject: str
    text: str

    @property
    def hashes(self) -> dict[str, str]:
        """name -> SHA-256."""
        return {name: hashlib.sha256(content).hexdigest() for name, content in sorted(self.files.items())}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended.

    state: failed: surely not delivered. bounced: refused for good. unknown: the other side had all of it and never said
        whether it took it. returned: taken, and sent back later.
    can_retry: a later try may succeed without anybody doing anything.
    """

    state: State
    message: str
    next_step: str | None = None
    can_retry: bool = False
