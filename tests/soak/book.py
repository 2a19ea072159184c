"""What has been played so far, when and how it ended: `docs/reliability.json`, and the table that the document shows of it."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE, DOCUMENT = ROOT / "docs" / "reliability.json", ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- written by make soak: begin -->", "<!-- written by make soak: end -->"


@dataclass
class Entry:
    """One fault: how often it came out right, and what did not."""

    done: int = 0
    first: str = ""
    last: str = ""
    seconds: float = 0.0
    notes: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)  # dated; a failure that was mended stays, with what mended it


class Book:
    """The entries by a fault's name; each change is kept at once, so that a run that is broken off goes on where it was."""

    def __init__(self, file: Path = FILE) -> None:
        self._file = file
        kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        self.entries = {name: Entry(**entry) for name, entry in kept.items()}

    def entry(self, name: str) -> Entry:
        """A fault's entry; empty where it was not played yet."""
        return self.entries.get(name, Entry())

    def note(self, name: str, count: int, seconds: float, **notes: float) -> None:
        """So many more came out right. Of what is noted the largest figure stays."""
        entry = self.entries.setdefault(name, Entry())
        entry.done += count
        entry.seconds = round(entry.seconds + seconds, 1)
        entry.last = f"{datetime.now(UTC):%Y-%m-%d}"
        entry.first = entry.first or entry.last
        entry.notes |= {key: round(max(value, entry.notes.get(key, value)), 1) for key, value in notes.items()}
        self._keep()

    def fail(self, name: str, words: str) -> None:
        """One did not come out right."""
        entry = self.entries.setdefault(name, Entry())
        entry.failed.append(f"{datetime.now(UTC):%Y-%m-%d} {words}")
        self._keep()

    def _keep(self) -> None:
        part = self._file.with_suffix(".part")
        content = {name: asdict(entry) for name, entry in sorted(self.entries.items())}
        part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(self._file)


def table(book: Book, faults: dict[str, tuple[str, int, str]]) -> str:
    """The rows for the document: of each fault (words, how often it is to be played, how it is got over)."""
    lines = ["| fault | played | each | last | got over by | |", "|---|---|---|---|---|---|"]
    for name, (words, wanted, mended) in faults.items():
        entry = book.entry(name)
        each = f"{entry.seconds / entry.done:,.1f} s" if entry.done else ""
        said = [f"{key.replace('_', ' ')} {value:,g}" for key, value in entry.notes.items()]
        said += [f"came out wrong: {words}" for words in entry.failed]
        played = f"{entry.done} of {wanted}" if entry.done else f"**not yet run** (0 of {wanted})"
        lines.append(f"| {words} | {played} | {each} | {entry.last} | {mended} | {'; '.join(said)} |")
    return "\n".join(lines)


def write_document(text: str, document: Path = DOCUMENT) -> None:
    """Put the table into its place of the document."""
    whole = document.read_text(encoding="utf-8")
    before, rest = whole.split(BEGIN)
    _, after = rest.split(END)
    document.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def machine() -> str:
    """Where it was played."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
