"""Somebody new on duty: they have an alert, the folder of province.yml, and the commands of the alert's runbook.

What only others can do (a clerk corrects at the source, an operator starts a server again) is done between the two parts,
"Look" and "Mend"; nothing else is.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from onestop import config
from onestop.platform import local_platform
from onestop.sandbox.feed import Feed
from soak.book import ROOT
from soak.place import Place, first_night, place

RUNBOOKS = ROOT / "docs" / "runbooks"
_BLOCK = re.compile(r"^## (\w+)\n.*?^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECONDS = 600
PORTAL = "{id: dvcqg, kind: portal_export, path: exports, quarantine_limit: 1}"
# What `date` says in that shell: the moment that is played.
_DATE = """#!/bin/sh
said=
if [ "$1" = -d ]; then said=$2; shift 2; fi
exec /bin/date -d "${ONESTOP_AS_OF:-now} $said" "$@"
"""


def blocks(kind: str) -> dict[str, str]:
    """The commands of a runbook by their heading, as they stand."""
    return dict(_BLOCK.findall((RUNBOOKS / f"{kind}.md").read_text(encoding="utf-8")))


@dataclass
class Newcomer:
    """Somebody in the folder of province.yml with a shell.

    Attributes:
        now: the moment that is played, as ISO 8601; "": the clock's, where what is played stands in the ledger's own times.
    """

    here: Place
    now: str

    def begin(self, step: str, now: str | None = None) -> Place:
        """The province and its source as they were before that step, at that moment (the night's, if none is said)."""
        self.here.back_to(step)
        self.here.source.feed = Feed(first_night())
        self.now = self.here.now if now is None else now
        return self.here

    def paste(self, commands: str, *, well: bool = True) -> str:
        """Run a block in one shell. `well`: its last command must go well; one that only looks may say what is wrong."""
        environment = {**os.environ, "PATH": f"{self.here.folder / 'bin'}:{os.environ['PATH']}"}
        if self.now:
            environment["ONESTOP_AS_OF"] = self.now
        done = subprocess.run(
            ["bash", "-c", commands], cwd=self.here.folder, env=environment, capture_output=True, text=True,
            timeout=_SECONDS, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == 0 or not well, f"{commands}\nended with {done.returncode}:\n{said[-3000:]}"
        assert "Traceback" not in said and "command not found" not in said, said[-3000:]
        return said

    def command(self, *words: str, fails: bool = False) -> None:
        """What a night does, before anybody looks."""
        self.here.player.start(*words, environment={"ONESTOP_AS_OF": self.now} if self.now else {})
        code, printed = self.here.player.finish()
        assert bool(code) == fails, printed[-3000:]

    def configure(self, more: str = "", *, source: str = "", **changes: str) -> None:
        """Change province.yml: lines behind it, a line of one more source, other values of keys that it has."""
        text = self.here.settings.file.read_text(encoding="utf-8")
        for old, new in changes.items():
            text, found = re.subn(rf"{old}: [^,}}\n]+", f"{old}: {new}", text)
            assert found, old
        if source:
            text = text.replace("landing:", f"  - {source}\nlanding:")
        self.restore(text + more)

    def restore(self, text: str) -> None:
        """Write province.yml."""
        self.here.settings.file.write_text(text, encoding="utf-8")
        self.here.settings = config.load(self.here.settings.file)

    @property
    def alerts(self) -> set[str]:
        """The fingerprints of what is wrong now."""
        return {row[0] for row in self.here.rows("select fingerprint from ops.alert_open")}

    def alert(self, kind: str) -> str:
        """The fingerprint of the only alert of a kind."""
        found = {one for one in self.alerts if one.partition(":")[0] == kind}
        assert len(found) == 1, f"{kind}: {self.alerts}"
        return found.pop()

    def mend(self, kind: str, between: Callable[[], None] = lambda: None, fingerprint: str | None = None) -> None:
        """From the alert: look, let others do theirs, mend; then it is over."""
        wrong = fingerprint or self.alert(kind)
        assert wrong in self.alerts, f"{wrong} was not raised: {self.alerts}"
        found = blocks(kind)
        self.paste(found["Look"], well=False)
        between()
        self.paste(found["Mend"])
        assert wrong not in self.alerts, f"{wrong} is not over"


@contextmanager
def province() -> Iterator[Newcomer]:
    """The small province, one night old, with the product's programs where runbooks look for them."""
    with place(nights=1) as here:
        (here.folder / ".venv").symlink_to(Path(sys.prefix))
        date = here.folder / "bin" / "date"
        date.parent.mkdir()
        date.write_text(_DATE, encoding="utf-8")
        date.chmod(0o755)
        try:
            yield Newcomer(here, here.now)
        finally:
            local_platform.down(here.settings)
