"""Runbooks of what the watch finds: no start, a slow run, silence, gaps, rows that wait, no room, no backup, a dead channel."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from typing import Any

from alert_channels import ENGINEER
from delivery_servers import Mailbox, free_port, mail_server
from onestop.sandbox.portal_files import dossier_row, file_name, write_csv
from soak.newcomer import PORTAL, Newcomer
from soak.place import FIRST, Place
from worlds import AGENCIES, dossier
from worlds import write_csv as write_reference

_UNITS = ("H15.07", "H15.21")
_LEDGER = ("ops.load_batch", "started_at"), ("ops.load_batch", "finished_at"), ("ops.ingest_attempt", "started_at")


def run_slow(who: Newcomer) -> None:
    """A pull was killed hours ago, and nobody noticed."""
    here = who.begin("ingest", "")
    here.player.start("ingest", "igate")
    here.player.wait(here.seconds["ingest"] / 2)
    here.player.kill()
    here.player.finish()
    here.execute("update ops.ingest_attempt set started_at = started_at - interval '8 hours' where ended_at is null")
    who.command("watch")
    who.mend("run_slow", fingerprint="run_slow:igate")


def backup_failed(who: Newcomer) -> None:
    """Data have been there for days, and no backup was made."""
    aged(who.begin("transform", ""), 4)
    who.command("watch")
    who.mend("backup_failed")


def disk_low(who: Newcomer) -> None:
    """Old logs have filled the disk."""
    here = who.begin("transform")
    log = here.settings.local / "logs" / "old" / "airflow.log"
    log.parent.mkdir(parents=True)
    free = shutil.disk_usage(log.parent).free
    with log.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 6 * 2**30)
    os.utime(log, (1e9, 1e9))
    who.configure(f"watch: {{free_gib: {free / 2**30 - 3:.2f}}}\n")
    who.command("watch")
    who.mend("disk_low")
    assert not log.exists()


def channel_failed(who: Newcomer) -> None:
    """The mail server of the alerts is down."""
    here = who.begin("transform")
    port = free_port()
    who.configure(
        f"alerts: {{mail: {{host: 127.0.0.1, port: {port}, security: none, sender: onestop@tinh.gov.vn}}, engineer: [{ENGINEER}]}}\n"
    )
    aged(here, 4)
    who.now = ""
    who.command("watch")  # there is no backup: that cannot be told
    with ExitStack() as operator:
        who.mend("channel_failed", lambda: operator.enter_context(mail_server(Mailbox(), port)))


def source_silent(who: Newcomer) -> None:
    """The source answers and has had nothing new for days; then its records are released."""
    here = who.begin("transform", "2024-10-02T08:00:00+07:00")
    who.command("ingest", "igate")
    who.command("watch")
    late = [dossier(4000 + n, NgayCapNhat=f"20240930{8 + n % 9:02d}0000") for n in range(12)]
    who.mend("source_silent", lambda: here.source.commit(late), "source_silent:igate")


def unit_silent(who: Newcomer) -> None:
    """A unit that sends dossiers every week sends none; its system had stopped."""
    here = who.begin("transform")
    for week in range(1, 6):
        who.now = (datetime.fromisoformat(FIRST) + timedelta(weeks=week)).isoformat()
        units = _UNITS if week < 5 else _UNITS[:1]
        here.source.commit(_of_units(who.now, units, week))
        who.command("ingest", "igate")
    who.command("watch")
    later = (datetime.fromisoformat(who.now) + timedelta(minutes=20)).isoformat()

    def unit() -> None:
        here.source.commit(_of_units(later, _UNITS, 6))
        who.now = later

    who.mend("unit_silent", unit, "unit_silent:igate")


def coverage_gap(who: Newcomer) -> None:
    """The portal's files leave out two working days; then the missing file comes."""
    here = who.begin("transform")
    exports = here.folder / "exports"
    exports.mkdir(exist_ok=True)
    who.configure(source=PORTAL)

    def file(first: date, last: date, number: int) -> None:
        row = dossier_row(dossier(5000 + number, NgayTiepNhan=f"{first:%Y%m%d}081500"), 1)
        write_csv(exports / file_name("HoSo", "H15", first, last, 1, "csv"), "HoSo", [row])

    file(date(2024, 9, 4), date(2024, 9, 10), 1)
    file(date(2024, 9, 13), date(2024, 9, 20), 2)
    who.command("ingest", "dvcqg")
    who.command("watch")
    who.mend("coverage_gap", lambda: file(date(2024, 9, 11), date(2024, 9, 12), 3), "coverage_gap:dvcqg")


def quarantine_waiting(who: Newcomer) -> None:
    """A unit is missing in the reference file: its rows wait for weeks."""
    here = who.begin("transform")
    late = [dossier(3000 + n, DonViXuLy="H15.88") for n in range(3)]
    here.source.commit(late)
    who.command("ingest", "igate")
    here.execute(
        "update quarantine.rejected_row set first_seen_at = first_seen_at - interval '10 days'"
        " where batch_id = (select max(batch_id) from quarantine.rejected_row)"
    )
    who.command("watch")

    def clerk() -> None:
        units = [(code, name, "", level, parent, "", "2000-01-01", "") for code, name, level, parent in AGENCIES]
        units.append(("H15.88", "Sở Mới", "", "department", "H15", "", "2000-01-01", ""))
        header = ("agency_code", "name_vi", "name_en", "level", "parent_code", "gso_code", "valid_from", "valid_to")
        write_reference(here.settings.reference_path / "agencies.csv", header, units)

    who.mend("quarantine_waiting", clerk, "quarantine_waiting:igate")


def aged(here: Place, days: int) -> None:
    """As if all this had happened days before."""
    for table, column in _LEDGER:
        here.execute(f"update {table} set {column} = {column} - interval '{days} days'")


def _of_units(now: str, units: tuple[str, ...], week: int) -> list[dict[str, Any]]:
    """Six dossiers of each, changed an hour before."""
    changed = datetime.fromisoformat(now) - timedelta(hours=1)
    return [
        dossier(6000 + 100 * week + 10 * place + n, DonViXuLy=unit, NgayCapNhat=f"{changed:%Y%m%d%H%M}{n:02d}")
        for place, unit in enumerate(units)
        for n in range(6)
    ]
