"""`make soak`: play every fault as often as docs/reliability.md says, going on where an earlier run ended.

Names of faults as arguments play only those; `NAME=COUNT` as often as that. `--anew` forgets what was played.
"""

from __future__ import annotations

import os
import signal
import sys
import time

os.environ.pop("ONESTOP_WAREHOUSE_DSN", None)  # faults have servers of their own
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

from soak.book import FILE, Book, machine, table, write_document
from soak.faults import FAULTS, Stage, play


def main(words: list[str]) -> int:
    """1 where a fault did not come out right."""
    for number in (signal.SIGTERM, signal.SIGINT):  # whoever ends it leaves no server behind
        signal.signal(number, lambda *_: sys.exit(1))
    if "--anew" in words:
        FILE.unlink(missing_ok=True)
    asked = dict(_asked(word) for word in words if word != "--anew") or {name: f.wanted for name, f in FAULTS.items()}
    if unknown := asked.keys() - FAULTS:
        sys.exit(f"there is no fault {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}")
    book, wrong = Book(), 0
    try:
        with Stage() as stage:
            for name, wanted in asked.items():
                if book.entry(name).done >= wanted:
                    continue
                _say(f"{FAULTS[name].words}: {wanted - book.entry(name).done} times")
                right = play(stage, book, name, wanted, seed=time.time_ns())
                wrong += not right
                _say(f"  {book.entry(name).done} of {wanted}" + ("" if right else f": {book.entry(name).failed[-1]}"))
    finally:
        write_document(_rows(book))
    return int(wrong > 0)


def _rows(book: Book) -> str:
    lines = {name: (fault.words, fault.wanted, fault.mended) for name, fault in FAULTS.items()}
    return f"Played on {machine()}.\n\n{table(book, lines)}"


def _asked(word: str) -> tuple[str, int]:
    name, _, count = word.partition("=")
    return name, int(count) if count else FAULTS[name].wanted if name in FAULTS else 0


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
