"""Which port of 127.0.0.1 a new server takes."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path

# Below the range from which systems lend ports to outgoing connections, so that a kept port stays free.
FIRST, COUNT = 15432, 1000


def candidates(local: Path) -> Iterator[int]:
    """All ports of the range, from a place that depends on the folder, so that neighbours rarely want the same one."""
    start = int.from_bytes(hashlib.sha256(str(local).encode()).digest()[:4], "big")
    return (FIRST + (start + i) % COUNT for i in range(COUNT))


def is_free(port: int) -> bool:
    """Whether nothing listens on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
