"""A newcomer's test: a fault is played, its alert comes, and the commands of its runbook, pasted as they stand, mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from soak import runbooks_platform, runbooks_runs, runbooks_watch
from soak.newcomer import RUNBOOKS, Newcomer, province

KINDS = frozenset(file.stem for file in RUNBOOKS.glob("*.md")) - {"README"}
PLAYED: dict[str, Callable[[Newcomer], None]] = {
    name: played
    for module in (runbooks_runs, runbooks_watch, runbooks_platform)
    for name, played in vars(module).items()
    if name in KINDS
}


def play(kinds: Mapping[str, Callable[[Newcomer], None]] | None = None) -> Iterator[str]:
    """Play each, in a province as it was before; yields those that came out right."""
    with province() as who:
        as_it_was = who.here.settings.file.read_text(encoding="utf-8")
        for kind, played in (kinds or PLAYED).items():
            played(who)
            who.restore(as_it_was)
            yield kind
