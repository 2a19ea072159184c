"""A newcomer's test: a fault is played, its alert comes, and the commands of its runbook, pasted as they stand, mend it.

What only others can do (a clerk corrects at the source, an operator starts a server again) is done between the two parts,
"Look" and "Mend"; nothing else is.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from onestop import config
from onestop.platform import local_platform
from onestop.sandbox.faults import FaultPlan, FaultPlayer
from soak import instants
from soak.book import ROOT
from soak.place import Place, place
from worlds import AGENCIES, dossier, write_csv

RUNBOOKS = ROOT / "docs" / "runbooks"
_BLOCK = re.compile(r"^## (\w+)\n.*?^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECONDS = 600
DOWN = FaultPlan(rate=1, kinds=("error_503",), repeats=10_000, hangs=0, token_errors=0)


def blocks(kind: str) -> dict[str, str]:
    """The commands of a runbook by their heading, as they stand."""
    return dict(_BLOCK.findall((RUNBOOKS / f"{kind}.md").read_text(encoding="utf-8")))


@dataclass
class Newcomer:
    """Somebody in the folder of province.yml with a shell."""

    here: Place

    def paste(self, commands: str) -> str:
        """Run a block in one shell; the last command must go well."""
        environment = {**os.environ, "ONESTOP_AS_OF": self.here.now}
        done = subprocess.run(
            ["bash", "-c", commands], cwd=self.here.folder, env=environment, capture_output=True, text=True,
            timeout=_SECONDS, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{commands}\nended with {done.returncode}:\n{said[-3000:]}"
        return said

    def command(self, *words: str, fails: bool = False) -> None:
        """What a night does, before anybody looks."""
        self.here.player.start(*words, "--as-of", self.here.now)
        code, printed = self.here.player.finish()
        assert bool(code) == fails, printed[-3000:]

    @property
    def alerts(self) -> set[str]:
        """The fingerprints of what is wrong now."""
        return {row[0] for row in self.here.rows("select fingerprint from ops.alert_open")}


@contextmanager
def province() -> Iterator[Newcomer]:
    """The small province, one night old, with the product's programs where runbooks look for them."""
    with place(nights=1) as here:
        (here.folder / ".venv").symlink_to(Path(sys.prefix))
        yield Newcomer(here)
        local_platform.down(here.settings)


def mend(who: Newcomer, kind: str, fingerprint: str, between: Callable[[], None] = lambda: None) -> None:
    """From the alert: look, let others do theirs, mend; then it is over."""
    assert fingerprint in who.alerts, f"{fingerprint} was not raised: {who.alerts}"
    found = blocks(kind)
    who.paste(found["Look"])
    between()
    who.paste(found["Mend"])
    assert fingerprint not in who.alerts, f"{fingerprint} is not over"


def source_unavailable(who: Newcomer) -> None:
    """The source answers 503, until its operator mends that."""
    here = who.here
    here.back_to("ingest")
    here.source.faults = FaultPlayer(DOWN)
    who.command("ingest", "igate", fails=True)

    def operator() -> None:
        here.source.faults = None

    mend(who, "source_unavailable", "source_unavailable:igate", operator)


def data_refused(who: Newcomer) -> None:
    """A delivery of which too much breaks a rule; its owner corrects it."""
    here = who.here
    here.back_to("transform")
    wrong = [dossier(2000 + n, KenhThucHien="9", NgayCapNhat="20240925070000") for n in range(60)]
    _limit(here, 0.2)
    here.source.commit(wrong)
    who.command("ingest", "igate", fails=True)

    def owner() -> None:
        here.source.commit([{**record, "KenhThucHien": "2", "NgayCapNhat": "20240925073000"} for record in wrong])

    mend(who, "data_refused", "data_refused:igate", owner)
    _limit(here, 1)


def build_failed(who: Newcomer) -> None:
    """Somebody has changed a table by hand."""
    here = who.here
    here.back_to("publish")
    here.execute("alter table mart.fct_dossier drop column dossier_code cascade")
    who.command("transform", fails=True)
    mend(who, "build_failed", "build_failed:transform__warehouse")


def warehouse_unavailable(who: Newcomer) -> None:
    """The server is killed in the middle of a load."""
    here = who.here
    here.back_to("ingest")
    here.player.start("ingest", "igate", "--as-of", here.now)
    here.player.wait(here.seconds["ingest"] / 2)
    instants.kill_server(here, random.Random(0))
    code, _ = here.player.finish()
    assert code
    found = blocks("warehouse_unavailable")
    for part in ("Look", "Mend"):
        who.paste(found[part])
    assert not {one for one in who.alerts if one.startswith("warehouse_unavailable")}


def quarantine_waiting(who: Newcomer) -> None:
    """A unit is missing in the reference file: its rows wait for weeks."""
    here = who.here
    here.back_to("transform")
    late = [dossier(3000 + n, DonViXuLy="H15.88", NgayCapNhat="20240925070000") for n in range(3)]
    here.source.commit(late)
    who.command("ingest", "igate")
    here.execute(
        "update quarantine.rejected_row set first_seen_at = first_seen_at - interval '30 days'"
        " where batch_id = (select max(batch_id) from quarantine.rejected_row)"
    )
    here.player.start("watch", "--as-of", here.now)
    here.player.finish()

    def clerk() -> None:
        units = [(code, name, "", level, parent, "", "2000-01-01", "") for code, name, level, parent in AGENCIES]
        units.append(("H15.88", "Sở Mới", "", "department", "H15", "", "2000-01-01", ""))
        header = ("agency_code", "name_vi", "name_en", "level", "parent_code", "gso_code", "valid_from", "valid_to")
        write_csv(here.settings.reference_path / "agencies.csv", header, units)

    mend(who, "quarantine_waiting", "quarantine_waiting:igate", clerk)


PLAYED: dict[str, Callable[[Newcomer], None]] = {
    name: played
    for name, played in globals().items()
    if name in {file.stem for file in RUNBOOKS.glob("*.md")} and callable(played)
}


def play(kinds: Mapping[str, Callable[[Newcomer], None]] | None = None) -> list[str]:
    """Play each; which ones came out right."""
    done = []
    with province() as who:
        for kind, played in (kinds or PLAYED).items():
            played(who)
            done.append(kind)
    return done


def _limit(here: Place, share: float) -> None:
    """What share of a delivery may be rejected."""
    file = here.settings.file
    text = re.sub(r"quarantine_limit: [0-9.]+", f"quarantine_limit: {share}", file.read_text(encoding="utf-8"))
    file.write_text(text, encoding="utf-8")
    here.settings = config.load(file)
