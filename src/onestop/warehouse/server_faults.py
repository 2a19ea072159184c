"""What PostgreSQL's programs say when they fail, in words that tell a person what to do."""

from __future__ import annotations

import re

from onestop.errors import WarehouseUnavailable

COMPLAINT = re.compile(r"FATAL|PANIC|error:|could not|No space left")
FATAL = re.compile(r"FATAL|PANIC|No space left")


class PortTaken(WarehouseUnavailable):
    """The server's port belongs to another program."""


def explain(said: str, what: str, where: str = "") -> WarehouseUnavailable:
    """The error to raise.

    Args:
        said: what the programs wrote, to the terminal or to their log.
        what: what was tried.
        where: where more can be read.
    """
    suffix = f" ({where})" if where else ""
    if re.search(r"No space left on device|Disk quota exceeded|wrote only \d+ of \d+ bytes", said):
        return disk_full(what + suffix)
    if "Address already in use" in said:
        return PortTaken(f"{what}: another program has the port{suffix}", next_step="start again")
    reasons = [line.strip() for line in said.splitlines() if COMPLAINT.search(line)]
    return WarehouseUnavailable(
        f"{what}: {reasons[-1] if reasons else said.strip()[-300:] or 'it gave no reason'}{suffix}",
        next_step="mend what the message names, then start again",
    )


def disk_full(what: str) -> WarehouseUnavailable:
    """The error to raise when the disk of the data is full."""
    return WarehouseUnavailable(
        f"{what}: the disk is full. What was committed is safe",
        next_step="free some space on the disk of this folder, then start again",
    )
