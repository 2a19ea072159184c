"""Reads letters that came back: what a mail server writes to the sender when it could not deliver after all (RFC 3464).

Only a report of failure speaks; delays, notes of absence and whatever else lies in a mailbox say nothing about a delivery.
"""

from __future__ import annotations

import email
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.errors import MessageError
from email.message import EmailMessage, Message
from pathlib import Path

from onestop.errors import ConfigurationError

LARGEST = 20 * 2**20  # a letter that comes back whole, with its attachments; what is larger is none of ours
_LONGEST_SAID = 300


@dataclass(frozen=True, slots=True)
class Returned:
    """One letter that was not delivered.

    message_id: of what was sent, with its angle brackets.
    address: whom it did not reach, in lower case.
    said: what the last server said of it.
    """

    message_id: str
    address: str
    said: str


def mailbox(folder: Path, since: datetime) -> Iterator[Path]:
    """The letters in a folder, one file each (.eml, or a Maildir), changed since a moment.

    Raises:
        ConfigurationError: the folder is not there or cannot be read.
    """
    places = [part for name in ("new", "cur") if (part := folder / name).is_dir()] or [folder]
    try:
        for place in places:
            for path in sorted(place.iterdir()):
                if path.is_file() and not path.name.startswith("."):
                    seen = path.stat()
                    if seen.st_mtime >= since.timestamp() and seen.st_size <= LARGEST:
                        yield path
    except OSError as problem:
        raise ConfigurationError(
            f"delivery.returned: {folder} cannot be read: {problem.strerror or problem}",
            next_step="correct it in province.yml, or give whoever runs the watch the right to read it",
        ) from None


def returned(content: bytes) -> list[Returned]:
    """Whom a letter did not reach, by the report in it; empty where it is no report of failure."""
    try:
        letter = email.message_from_bytes(content, policy=policy.default)
        if letter.get_content_type() != "multipart/report":
            return []
        parts = [part for part in letter.walk() if isinstance(part, EmailMessage | Message)]
        sent = next((name for part in parts if (name := _message_id(part))), "")
        failed = [
            found for part in parts if part.get_content_type() == "message/delivery-status" for found in _failed(part)
        ]
    except (MessageError, LookupError, ValueError, AttributeError, TypeError):  # whatever a stranger may write
        return []
    return [Returned(sent, address, said) for address, said in failed] if sent else []


def _message_id(part: Message) -> str:
    """Of the letter that is enclosed, whole or only its head."""
    if part.get_content_type() == "message/rfc822":
        enclosed = part.get_payload(0)
    elif part.get_content_type() == "text/rfc822-headers":
        text = part.get_payload(decode=True)
        enclosed = email.message_from_bytes(text if isinstance(text, bytes) else b"")
    else:
        return ""
    return str(enclosed.get("Message-ID", "")).strip() if isinstance(enclosed, Message) else ""


def _failed(part: Message) -> Iterator[tuple[str, str]]:
    blocks = part.get_payload()
    for block in blocks if isinstance(blocks, list) else []:
        if not isinstance(block, Message) or str(block.get("Action", "")).strip().lower() != "failed":
            continue
        address = str(block.get("Original-Recipient") or block.get("Final-Recipient") or "").rpartition(";")[2].strip()
        said = str(block.get("Diagnostic-Code") or block.get("Status") or "").rpartition("smtp;")[2]
        yield address.lower(), " ".join(said.split())[:_LONGEST_SAID]
