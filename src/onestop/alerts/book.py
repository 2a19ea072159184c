"""Keeps the events of alerts: in ops.alert, and in a file while the warehouse cannot be reached.

What is told to whom follows from the events alone, so that two processes, or one after a crash, come to the same.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg.types.json import Jsonb

from onestop.alerts.model import Event, State, state_of

_EVENTS = """
    with newest as (
        select fingerprint, max(event_id) as seen from ops.alert where event = 'seen' group by fingerprint
    ),
    began as (
        select newest.fingerprint, coalesce(max(before.event_id), 0) as after from newest
        left join ops.alert as before on before.fingerprint = newest.fingerprint
            and before.event = 'recovered' and before.event_id < newest.seen
        group by newest.fingerprint
    )
    select fingerprint, event, happened_at, purpose, channel, content
    from ops.alert join began using (fingerprint) where event_id > after order by event_id
"""


class Book(Protocol):
    """Append-only events."""

    def append(self, event: Event) -> None:
        """Keep an event."""

    def events(self) -> dict[str, list[Event]]:
        """By fingerprint, in their order, of whatever is open or was not told to be over."""

    def alone(self) -> AbstractContextManager[None]:
        """One process at a time decides and tells."""


@dataclass(frozen=True)
class DatabaseBook:
    """ops.alert. The connection commits by itself."""

    connection: psycopg.Connection[Any]

    def append(self, event: Event) -> None:
        """One row."""
        self.connection.execute(
            "insert into ops.alert (fingerprint, event, happened_at, purpose, channel, content)"
            " values (%s, %s, %s, %s, %s, %s)",
            [event.fingerprint, event.event, event.happened_at, event.purpose, event.channel, Jsonb(event.content)],
        )

    def events(self) -> dict[str, list[Event]]:
        """Of each fingerprint what came since it was last seen anew."""
        rows = self.connection.execute(_EVENTS)
        found: dict[str, list[Event]] = {}
        for row in rows:
            found.setdefault(row[0], []).append(Event(*row))
        return found

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Under an advisory lock of the session."""
        self.connection.execute("select pg_advisory_lock(hashtext('onestop.alerts'))")
        try:
            yield
        finally:
            if not self.connection.broken:
                self.connection.execute("select pg_advisory_unlock(hashtext('onestop.alerts'))")


@dataclass(frozen=True)
class FileBook:
    """A file of JSON lines."""

    path: Path

    def append(self, event: Event) -> None:
        """One line."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(event), ensure_ascii=False, default=datetime.isoformat) + "\n")

    def events(self) -> dict[str, list[Event]]:
        """All lines."""
        found: dict[str, list[Event]] = {}
        for event in self._read():
            found.setdefault(event.fingerprint, []).append(event)
        return found

    def hand_over(self, book: DatabaseBook) -> int:
        """Move everything into the warehouse; twice is once, since the file goes only after the commit."""
        if not self.path.exists():
            return 0
        with self.alone():
            events = list(self._read())
            with book.connection.transaction():
                for event in events:
                    book.append(event)
            self.path.unlink(missing_ok=True)
        return len(events)

    def _read(self) -> Iterator[Event]:
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            try:
                content = json.loads(line)
            except ValueError:  # the end of a line was not written: the disk was full
                continue
            yield Event(**{**content, "happened_at": datetime.fromisoformat(content["happened_at"])})

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Under a lock of the operating system."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def states(book: Book) -> list[State]:
    """How every fingerprint stands."""
    found: Sequence[State | None] = [state_of(events) for events in book.events().values()]
    return [state for state in found if state is not None]
