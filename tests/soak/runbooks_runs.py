"""Runbooks of what a run itself tells: a source that is down or not done in its hours, data refused, a build, the server, deliveries."""

from __future__ import annotations

import random
from contextlib import ExitStack
from datetime import datetime, timedelta

from delivery_servers import Mailbox, free_port, mail_server
from onestop.sandbox.faults import FaultPlan, FaultPlayer
from onestop.sandbox.portal_files import dossier_row, file_name, write_csv
from soak import instants
from soak.newcomer import PORTAL, Newcomer, blocks
from soak.place import PERIOD, first_night
from worlds import dossier

DOWN = FaultPlan(rate=1, kinds=("error_503",), repeats=10_000, hangs=0, token_errors=0)


def source_unavailable(who: Newcomer) -> None:
    """The source answers 503, until its operator mends that."""
    here = who.begin("ingest")
    here.source.faults = FaultPlayer(DOWN)
    who.command("ingest", "igate", fails=True)

    def operator() -> None:
        here.source.faults = None

    who.mend("source_unavailable", operator, "source_unavailable:igate")


def window_closed(who: Newcomer) -> None:
    """The hours in which the source may be asked end while it is pulled; its operator then allows an exception."""
    here = who.begin("ingest")
    local = datetime.now(here.settings.zone)
    ends = (local + timedelta(seconds=75)).replace(second=0)
    slow = {
        "credentials": f'IGATE, every: "* * * * *", window: "{local - timedelta(hours=1):%H:%M}-{ends:%H:%M}", requests_per_second: 0.02'
    }
    who.configure(**slow)
    who.command("ingest", "igate", fails=True)

    def operator() -> None:
        who.configure(requests_per_second="1000")

    who.mend("window_closed", operator, "window_closed:igate")


def data_refused(who: Newcomer) -> None:
    """A delivery of which too much breaks a rule (of 100 rows or more); its owner corrects it."""
    here = who.begin("transform")
    wrong = [dossier(2000 + n, KenhThucHien="9", NgayCapNhat="20240925070000") for n in range(120)]
    who.configure(quarantine_limit="0.6")  # the feed tells both versions of what was corrected
    here.source.commit(wrong)
    who.command("ingest", "igate", fails=True)

    def owner() -> None:
        here.source.commit([{**record, "KenhThucHien": "2", "NgayCapNhat": "20240925073000"} for record in wrong])

    who.mend("data_refused", owner, "data_refused:igate")


def build_failed(who: Newcomer) -> None:
    """Somebody has changed a table by hand."""
    here = who.begin("publish")
    here.execute("alter table mart.fct_dossier drop column dossier_code cascade")
    who.command("transform", fails=True)
    who.mend("build_failed", fingerprint="build_failed:transform__warehouse")


def warehouse_unavailable(who: Newcomer) -> None:
    """The server is killed in the middle of a load."""
    here = who.begin("ingest")
    here.player.start("ingest", "igate", "--as-of", here.now)
    here.player.wait(here.seconds["ingest"] / 2)
    instants.kill_server(here, random.Random(0))
    code, _ = here.player.finish()
    assert code
    found = blocks("warehouse_unavailable")
    for part in ("Look", "Mend"):
        who.paste(found[part])
    assert not {one for one in who.alerts if one.startswith("warehouse_unavailable")}


def many_differences(who: Newcomer) -> None:
    """The portal's file shows everything as being worked on; the next one is right."""
    here = who.begin("transform")
    exports = here.folder / "exports"
    exports.mkdir(exist_ok=True)
    first, last = datetime(2024, 6, 15).date(), datetime(2024, 9, 14).date()
    records = {record["MaHoSo"]: record for record in first_night() if record["KenhThucHien"] != "9"}

    def file(version: int, **changes: str) -> None:
        rows = [dossier_row({**record, **changes}, place) for place, record in enumerate(records.values(), 1)]
        write_csv(exports / file_name("HoSo", "H15", first, last, version, "csv"), "HoSo", rows)

    who.configure("reconcile: {limit: 0.5}\n", source=PORTAL)
    file(1, TrangThaiHoSo="4")
    who.command("ingest", "dvcqg")
    who.command("transform")
    who.command("reconcile", PERIOD, fails=True)
    who.mend("many_differences", lambda: file(2))


def delivery_failed(who: Newcomer) -> None:
    """The mail server is down when the quarter is sent."""
    here = who.begin("publish")
    port = free_port()
    who.configure(
        f"delivery: {{tries: 1, wait_seconds: 0, mail: {{host: 127.0.0.1, port: {port}, security: none, sender: bc@tinh.gov.vn}},"
        " recipients: [{id: tu_phap, mail: tuphap@tinh.gov.vn}]}\n"
    )
    for words in here.steps["publish"]:
        who.command(*words)
    who.command("quarter", "deliver", PERIOD, "--by", "Nguyễn Văn A", fails=True)
    with ExitStack() as operator:
        who.mend("delivery_failed", lambda: operator.enter_context(mail_server(Mailbox(), port)))
