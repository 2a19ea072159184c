"""A published edition goes to whom it is for: real mail and SFTP servers, faults in the middle, and nothing sent twice.

The editions are made by hand from figures of a small province, so that no build is needed.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncssh
import psycopg
import pytest
from openpyxl import Workbook, load_workbook
from typer.testing import CliRunner

from delivery_servers import Mailbox, SilentInTheMiddle, certificate, free_port, mail_server, only, sftp_server
from onestop import config
from onestop.cli.app import app
from onestop.delivery import mail
from onestop.delivery.parcel import Parcel
from onestop.errors import ConfigurationError, DataRefused, DeliveryFailed, OnestopError
from onestop.periods import Period, parse
from onestop.pipeline import delivery, quarterly, undelivered
from onestop.pipeline.delivery import Deliveries
from onestop.reporting.draft import PRODUCTS
from onestop.reporting.editions import life, store, unit_answers
from onestop.reporting.editions.verify import verify
from onestop.reporting.model import Counts, ReportFigures
from onestop.warehouse.connection import connect
from onestop.warehouse.embedded import EmbeddedPostgres
from returned_mail import report
from small_editions import AT, draft
from small_province import small_figures
from worlds import World, make_world

pytestmark = pytest.mark.integration
QUARTER, MONTH = parse("2024-Q3"), parse("2024-M09")
UNIT, UNIT_NAME = "H15.31", "UBND thành phố Buôn Ma Thuột"
USER, PASSWORD = "office", "a-Secret-of-the-test"
EVERYTHING = set(PRODUCTS)
PART = "bieu-ii-06a-H15.31.xlsx"


def publish(connection: psycopg.Connection[Any], settings: config.Settings, period: Period, version: int) -> str:
    """An edition of the small province, published as any other; its hash."""
    draft(connection, period, version)
    life.approve(connection, period, at=AT, by="Nguyễn Văn A")
    return str(life.publish(connection, settings, period, at=AT, by="Nguyễn Văn A").edition.sha256)


class Office:
    """The province's office: what it delivers, to whom a test says."""

    def __init__(self, world: World, heads: dict[str, str]) -> None:
        self.world, self.heads = world, heads
        self._base = world.settings.file.read_text(encoding="utf-8")
        self.out = world.folder / "out"
        self.waited: list[float] = []

    def names(self, *recipients: str, mail: str = "", more: str = "") -> config.Settings:
        """province.yml with these recipients."""
        server = f"mail: {{{mail}}}, " if mail else ""
        text = f"{self._base}delivery: {{{server}wait_seconds: 7, {more}recipients: [{', '.join(recipients)}]}}\n"
        self.world.settings.file.write_text(text, encoding="utf-8")
        return config.load(self.world.settings.file)

    def deliver(self, settings: config.Settings, period: Period = QUARTER, **options: Any) -> Deliveries:
        """One call; waits are noted, not waited."""
        self.waited.clear()
        return delivery.deliver(settings, period, clock=lambda: AT, by="Lê C", sleep=self.waited.append, **options)

    def states(self, *recipients: str) -> list[str]:
        """What the log says of recipients, oldest first."""
        rows = self.world.rows(
            "select recipient, state from published.delivery where recipient = any(%s) order by delivery_id",
            list(recipients),
        )
        return [f"{who} {state}" if len(recipients) > 1 else state for who, state in rows]


@pytest.fixture(scope="module")
def office(module_warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("delivery")
    with pytest.MonkeyPatch.context() as patch:
        world = make_world(folder, module_warehouse, {"igate": "http://127.0.0.1:9"}, patch)
        patch.setenv("OFFICE_USER", USER)
        patch.setenv("OFFICE_PASSWORD", PASSWORD)
        with closing(connect(world.dsn, autocommit=True)) as connection:
            heads = {str(period): publish(connection, world.settings, period, 1) for period in (QUARTER, MONTH)}
        made = Office(world, heads)
        made.out.mkdir()
        yield made


def plain(port: int) -> str:
    return f"host: 127.0.0.1, port: {port}, security: none, sender: baocao@daklak.gov.vn"


def test_each_gets_its_own_part_by_mail_and_nothing_twice(office: Office) -> None:
    box = Mailbox()
    with mail_server(box) as port:
        settings = office.names(
            "{id: all_of_it, mail: vp@daklak.gov.vn}", f"{{id: city, unit: {UNIT}, mail: bmt@daklak.gov.vn}}",
            mail=plain(port),
        )  # fmt: skip
        done = office.deliver(settings)
        again = office.deliver(settings, retry=True)
    assert [(one.recipient, one.state, one.is_new) for one in done.all] == [
        ("all_of_it", "sent", True),
        ("city", "sent", True),
    ]
    assert [(one.state, one.is_new) for one in again.all] == [("sent", False)] * 2 and not again.alerts
    (whole,), (part,) = box.messages["vp@daklak.gov.vn"], box.messages["bmt@daklak.gov.vn"]
    files = {str(one.get_filename()): one.get_payload(decode=True) for one in whole.iter_attachments()}
    stored = dict(
        office.world.rows(
            "select file_name, bytes from published.product join published.edition using (edition_id)"
            " where period = '2024-Q3'"
        )
    )
    assert files == stored and set(files) == EVERYTHING
    assert part["Subject"] == f"Số liệu giải quyết thủ tục hành chính Quý III/2024, {UNIT_NAME} (bản công bố lần 1)"
    assert "Văn phòng UBND tỉnh Đắk Lắk" in part["From"] and part["To"] == "bmt@daklak.gov.vn"
    (attached,) = part.iter_attachments()
    content = attached.get_payload(decode=True)
    assert isinstance(content, bytes) and attached.get_filename() == PART
    letter = part.get_body()
    assert letter is not None
    said = letter.get_content()
    assert hashlib.sha256(content).hexdigest() in said and office.heads["statutory:2024-Q3"] in said
    assert "Kính gửi: UBND thành phố Buôn Ma Thuột" in said and "Nguyễn Văn A phê duyệt" in said
    # What went to whom, with its hashes and the head of the chain.
    rows = office.world.rows(
        "select recipient, agency_code, state, by_whom, files, head, message from published.delivery"
        " where recipient in ('all_of_it', 'city') order by delivery_id"
    )
    assert [row[:4] for row in rows] == [
        ("all_of_it", None, "reserved", "Lê C"), ("all_of_it", None, "sent", "Lê C"),
        ("city", UNIT, "reserved", "Lê C"), ("city", UNIT, "sent", "Lê C"),
    ]  # fmt: skip
    assert json.loads(rows[3][4]) == {PART: hashlib.sha256(content).hexdigest()}
    assert {row[5] for row in rows} == {office.heads["statutory:2024-Q3"]}
    assert part["Message-ID"] in rows[3][6]


def test_a_refused_address_bounces_and_the_others_get_theirs(office: Office) -> None:
    box = Mailbox(answers={"gone@daklak.gov.vn": ["550 5.1.1 no such user"] * 9})
    wrong, right = (
        "{id: gone, unit: H15.01, mail: gone@daklak.gov.vn}",
        "{id: there, unit: H15.02, mail: yt@daklak.gov.vn}",
    )
    with mail_server(box) as port:
        settings = office.names(wrong, right, mail=plain(port))
        done = office.deliver(settings)
        assert [(one.recipient, one.state) for one in done.alerts] == [("gone", "bounced")]
        assert "550 5.1.1 no such user" in done.alerts[0].message and "--again gone" in str(done.alerts[0].next_step)
        office.deliver(settings, retry=True)
        assert box.asked.count("gone@daklak.gov.vn") == 1  # never by itself
        with pytest.raises(OnestopError, match="1 of 2 recipients") as raised:
            delivery.alarm(office.deliver(settings))
        assert not raised.value.retryable and "gone@daklak.gov.vn" in str(raised.value)
        # The address corrected, it goes without a word more; the other one has its part already.
        settings = office.names(wrong.replace("gone@", "tuphap@"), right, mail=plain(port))
        assert not office.deliver(settings).alerts
    assert len(box.messages["tuphap@daklak.gov.vn"]) == len(box.messages["yt@daklak.gov.vn"]) == 1
    assert office.states("gone") == ["reserved", "bounced", "reserved", "sent"]


def test_not_now_is_tried_again_after_the_others(office: Office) -> None:
    box = Mailbox(answers={"busy@daklak.gov.vn": ["451 greylisted"] * 2})
    with mail_server(box) as port:
        busy, idle = "{id: busy, mail: busy@daklak.gov.vn}", "{id: idle, mail: idle@daklak.gov.vn}"
        done = office.deliver(office.names(busy, idle, mail=plain(port)))
    assert not done.alerts and office.waited == [7.0, 7.0]
    assert box.asked == [f"{who}@daklak.gov.vn" for who in ("busy", "idle", "busy", "busy")]
    assert office.states("busy") == ["reserved", "failed", "reserved", "failed", "reserved", "sent"]
    assert len(box.messages["busy@daklak.gov.vn"]) == 1


def test_a_server_that_is_down_fails_and_a_retry_sends_it(office: Office) -> None:
    port, box = free_port(), Mailbox()
    settings = office.names("{id: early, unit: H15.20, mail: kb@daklak.gov.vn}", mail=plain(port), more="tries: 2, ")
    done = office.deliver(settings)
    assert [one.state for one in done.all] == ["failed"] and office.waited == [7.0]
    with pytest.raises(OnestopError) as raised:
        delivery.alarm(done)
    assert raised.value.retryable  # Airflow may try again
    with mail_server(box, port):
        assert [(o.state, o.is_new) for o in office.deliver(settings).all] == [("failed", False)]  # said, not hidden
        assert [(o.state, o.attempt) for o in office.deliver(settings, retry=True).all] == [("sent", 3)]
    assert office.states("early")[-2:] == ["reserved", "sent"] and len(box.messages) == 1


def test_a_connection_lost_after_the_message_is_unknown_and_never_sent_again_by_itself(office: Office) -> None:
    box = Mailbox(cut={"cut@daklak.gov.vn"})
    with mail_server(box) as port:
        settings = office.names("{id: cut, unit: H15.01, mail: cut@daklak.gov.vn}", mail=plain(port))
        assert [(one.state, one.is_new) for one in office.deliver(settings).alerts] == [("unknown", True)]
        assert [(one.state, one.is_new) for one in office.deliver(settings, retry=True).alerts] == [("unknown", False)]
        assert len(box.messages["cut@daklak.gov.vn"]) == 1
        box.cut.clear()
        with pytest.raises(ConfigurationError, match="needs a reason"):
            office.deliver(settings, again="cut")
        assert not office.deliver(settings, again="cut", reason="hỏi rồi: chưa đến").alerts
    first, second = box.messages["cut@daklak.gov.vn"]
    assert first["Message-ID"] == second["Message-ID"]  # had the first arrived, it could be told
    assert [one.reason for one in delivery.deliveries(settings, QUARTER) if one.recipient == "cut"] == [
        None, "hỏi rồi: chưa đến",
    ]  # fmt: skip
    # Wanted once more after it was surely sent: another message.
    with mail_server(box) as port:
        settings = office.names("{id: cut, unit: H15.01, mail: cut@daklak.gov.vn}", mail=plain(port))
        assert not office.deliver(settings, again="cut", reason="họ xóa nhầm").alerts
    assert box.messages["cut@daklak.gov.vn"][2]["Message-ID"] != second["Message-ID"]


def test_a_connection_lost_within_the_message_is_surely_not_delivered() -> None:
    server = SilentInTheMiddle()
    try:
        to = config.Mail(host="127.0.0.1", port=server.port, security="none", sender="a@daklak.gov.vn")
        parcel = Parcel({"large.bin": bytes(24_000_000)}, "x", "s", "t")
        message = mail.letter(to, "b@daklak.gov.vn", parcel, sender_name="A", name="<1@x>", at=AT)
        found = mail.send(to, "b@daklak.gov.vn", message)
    finally:
        server.stop()
    assert (found.state, found.can_retry, server.calls) == ("failed", True, 1)
    assert "before the message's end" in found.message


def test_an_answer_to_the_message_itself_is_heeded(office: Office) -> None:
    box = Mailbox(final={"full@daklak.gov.vn": "552 5.2.2 mailbox full", "slow@daklak.gov.vn": "451 later"})
    with mail_server(box) as port:
        found = office.deliver(
            office.names(
                "{id: full, mail: full@daklak.gov.vn}", "{id: slow, mail: slow@daklak.gov.vn}", mail=plain(port)
            )
        ).all
    assert [(one.state, one.attempt) for one in found] == [("bounced", 1), ("failed", 3)]


def test_killed_while_sending(office: Office) -> None:
    box = Mailbox(waits={"kill@daklak.gov.vn": threading.Event()})
    with mail_server(box) as port:
        settings = office.names("{id: kill, unit: H15.01, mail: kill@daklak.gov.vn}", mail=plain(port))
        words = [
            str(Path(sys.executable).with_name("onestop")),
            "quarter",
            "deliver",
            "2024-Q3",
            "--config",
            str(settings.file),
        ]
        running = subprocess.Popen(words, env={**os.environ}, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while "kill@daklak.gov.vn" not in box.asked:
            assert running.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        with pytest.raises(OnestopError, match="under way"):
            office.deliver(settings)
        running.send_signal(signal.SIGKILL)
        running.wait()
        box.waits["kill@daklak.gov.vn"].set()
        assert office.states("kill") == ["reserved"]
        until = time.monotonic() + 30
        while True:  # the server notices a lost client within a moment
            try:
                found = office.deliver(settings, retry=True)
                break
            except OnestopError as problem:
                assert "under way" in problem.message and time.monotonic() < until
                time.sleep(0.1)
        assert [(one.state, one.is_new) for one in found.alerts] == [("unknown", False)]
        assert "stopped while it was sending" in found.alerts[0].message
        assert box.messages == {} and box.asked == ["kill@daklak.gov.vn"]
        assert not office.deliver(settings, again="kill", reason="chưa đến").alerts
    assert len(box.messages["kill@daklak.gov.vn"]) == 1


def test_mail_over_tls_with_a_log_in(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box, (file, context) = Mailbox(), certificate(tmp_path)
    monkeypatch.setenv("SMTP_USER", USER)
    monkeypatch.setenv("SMTP_PASSWORD", "wrong")
    options = {"tls_context": context, "require_starttls": True, "auth_required": True}
    with mail_server(box, authenticator=only(USER, PASSWORD), **options) as port:
        safe = f"host: 127.0.0.1, port: {port}, sender: baocao@daklak.gov.vn, credentials: SMTP"
        settings = office.names("{id: safe, unit: H15.01, mail: safe@daklak.gov.vn}", mail=safe)
        (found,) = office.deliver(settings).all
        assert found.state == "failed" and "certificate is not trusted" in found.message and office.waited == []
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        (found,) = office.deliver(settings, retry=True).all
        assert found.state == "failed" and "refused the log-in" in found.message and "wrong" not in found.message
        monkeypatch.setenv("SMTP_PASSWORD", PASSWORD)
        assert not office.deliver(settings, retry=True).alerts
    assert len(box.messages["safe@daklak.gov.vn"]) == 1
    # A server that offers no encryption gets nothing.
    with mail_server(box) as port:
        bare = f"host: 127.0.0.1, port: {port}, sender: baocao@daklak.gov.vn"
        (found,) = office.deliver(office.names("{id: bare, mail: bare@daklak.gov.vn}", mail=bare)).all
        assert found.state == "failed" and office.waited == []
    assert "bare@daklak.gov.vn" not in box.messages


def test_sftp_gets_the_files_whole_and_never_over_others(office: Office, tmp_path: Path) -> None:
    served = tmp_path / "served"
    (served / "in").mkdir(parents=True)
    key = asyncssh.generate_private_key("ssh-ed25519")
    with sftp_server(served, USER, PASSWORD, key=key) as port:
        to = f'sftp: "sftp://127.0.0.1:{port}/in", credentials: OFFICE'
        settings = office.names(f"{{id: ministry, {to}}}", f"{{id: city_sftp, unit: {UNIT}, {to}}}")
        assert not office.deliver(settings).alerts
        folder = served / "in" / "statutory_2024-Q3" / "edition-1"
        assert {path.name for path in folder.iterdir()} == {*EVERYTHING, PART}  # no unfinished one
        kept = office.world.settings.reports_path / "statutory_2024-Q3" / "edition-1"
        assert all((folder / name).read_bytes() == (kept / name).read_bytes() for name in EVERYTHING)
        # Anew: what lies there already is what was sent.
        again = office.deliver(settings, again="ministry", reason="thử").all
        assert f"{len(EVERYTHING)} lay there with the same bytes" in again[0].message
        (folder / PART).write_bytes(b"somebody's own")
        found = office.deliver(settings, again="city_sftp", reason="thử").all
        assert found[0].state == "failed" and "other content" in found[0].message
        assert (folder / PART).read_bytes() == b"somebody's own"
        (folder / PART).unlink()
        assert not office.deliver(settings, retry=True).alerts
        # A folder that is not there is never made: it may be a mount that is missing.
        settings = office.names(f"{{id: lost, {to.replace('/in', '/out')}}}")
        assert "is not there" in office.deliver(settings).alerts[0].message and not (served / "out").exists()
    with sftp_server(served, USER, PASSWORD, port=port):  # another key on the same port
        settings = office.names(f"{{id: impostor, {to}}}")
        (found,) = office.deliver(settings).alerts
        assert "shows another host key" in found.message and office.waited == []
    (found,) = office.deliver(office.names(f"{{id: nobody_there, {to}}}")).alerts
    assert found.state == "failed" and office.states("nobody_there") == ["reserved", "failed"] * 3


def test_a_folder_of_this_machine(office: Office) -> None:
    settings = office.names(f"{{id: share, unit: {UNIT}, folder: out}}", "{id: no_mount, folder: missing}")
    done = office.deliver(settings)
    assert [one.state for one in done.all] == ["sent", "failed"]
    folder = office.out / "statutory_2024-Q3" / "edition-1"
    assert [path.name for path in folder.iterdir()] == [PART]
    assert not (office.world.folder / "missing").exists()
    # Killed between reservation and end: it can be looked at, so a retry needs nobody.
    with closing(connect(office.world.dsn, autocommit=True)) as connection:
        connection.execute(
            "insert into published.delivery (period_convention, period, version, edition_id, kind, recipient, agency_code,"
            " channel, address, attempt, state, happened_at, by_whom, files, head)"
            " select period_convention, period, version, edition_id, kind, recipient, agency_code, channel, address, 2,"
            " 'reserved', happened_at, by_whom, files, head from published.delivery where recipient = 'share'"
            " and state = 'reserved'"
        )
    assert [one.state for one in office.deliver(settings).all] == ["unknown", "failed"]
    found = office.deliver(settings, retry=True).all
    assert [one.state for one in found] == ["sent", "failed"] and "1 lay there" in found[0].message


def test_a_letter_that_comes_back_is_noted_once_and_alerted_until_it_is_mended(office: Office) -> None:
    def look(settings: config.Settings) -> list[tuple[str, str]]:
        with closing(connect(office.world.dsn, autocommit=True)) as connection:
            return [(found.subject, found.evidence) for found in undelivered.undelivered(connection, settings, AT)]

    box, back = Mailbox(), office.world.folder / "back"
    recipient = "{id: moved, unit: H15.20, mail: moved@daklak.gov.vn}"
    with mail_server(box) as port:
        settings = office.names(recipient, mail=plain(port), more="returned: back, ")
        assert not office.deliver(settings).alerts
        ((mailbox, said),) = look(settings)  # the folder may be a mount that is missing: that is said, not hidden
        assert mailbox == "returned mail" and "cannot be read" in said
        back.mkdir()
        assert look(settings) == []
        (sent,) = box.messages["moved@daklak.gov.vn"]
        letter = report(name=sent["Message-ID"]).replace("Vanthu@so.", "Moved@").encode()
        for name in ("1.eml", "again.eml"):
            (back / name).write_bytes(letter)
            os.utime(back / name, (AT.timestamp(), AT.timestamp()))
        assert look(settings) == look(settings)  # read twice, noted once
        ((period, said),) = look(settings)
        assert period == "statutory:2024-Q3" and "moved (mail, moved@daklak.gov.vn) returned" in said
        assert "User unknown" in said
        assert office.states("moved") == ["reserved", "sent", "returned"]
        (found,) = office.deliver(settings, retry=True).alerts  # never sent again by itself
        assert (found.state, found.is_new) == ("returned", False) and "correct the address" in str(found.next_step)
        # A command tells what the watch would: the same alert, once; the corrected address settles it.
        words = ["quarter", "deliver", "2024-Q3", "--config", str(settings.file)]
        assert CliRunner().invoke(app, words).exit_code == 1
        query = "select fingerprint from ops.alert_open where fingerprint like 'delivery_failed:%%'"
        assert office.world.rows(query) == [("delivery_failed:statutory:2024-Q3",)]
        # What goes well for one recipient settles nothing for the other.
        office.names(recipient, "{id: beside, folder: out}", mail=plain(port), more="returned: back, ")
        assert CliRunner().invoke(app, [*words, "--again", "beside", "--reason", "thử"]).exit_code == 0
        assert office.world.rows(query) == [("delivery_failed:statutory:2024-Q3",)]
        settings = office.names(recipient.replace("moved@", "found@"), mail=plain(port), more="returned: back, ")
        assert CliRunner().invoke(app, words).exit_code == 0
        assert office.world.rows(query) == [] and look(settings) == []
        # The address was right, the mailbox full: what is sent anew is another letter.
        settings = office.names(recipient, mail=plain(port), more="returned: back, ")
        assert not office.deliver(settings, again="moved", reason="hộp thư đã dọn").alerts
    assert box.messages["moved@daklak.gov.vn"][1]["Message-ID"] != sent["Message-ID"]
    assert look(settings) == []


def test_wrong_recipients_stop_everything_before_anything_is_sent(office: Office) -> None:
    settings = office.names(
        "{id: good, folder: out}", "{id: bad, unit: H15.99, folder: out}", "{id: root, unit: H15, folder: out}"
    )
    with pytest.raises(ConfigurationError, match=r"bad \(H15.99\), root \(H15\); nothing was sent"):
        office.deliver(settings)
    assert office.states("good", "bad", "root") == []
    with pytest.raises(ConfigurationError, match="no recipient 'x'"):
        office.deliver(settings, again="x", reason="y")
    with pytest.raises(ConfigurationError, match="names nobody"):
        office.deliver(office.names())
    with pytest.raises(OnestopError, match="no edition is published"):
        office.deliver(office.names("{id: good, folder: out}"), parse("2024-Q2"))


def test_a_restatement_is_a_delivery_of_its_own(office: Office) -> None:
    settings = office.names(f"{{id: month, unit: {UNIT}, folder: out}}")
    assert [(one.state, one.is_new) for one in office.deliver(settings, MONTH).all] == [("sent", True)]
    with closing(connect(office.world.dsn, autocommit=True)) as connection:
        second = publish(connection, office.world.settings, MONTH, 2)
    with pytest.raises(OnestopError, match="superseded; only what is published"):
        office.deliver(settings, MONTH, version=1)
    assert [(one.state, one.is_new) for one in office.deliver(settings, MONTH, version=2).all] == [("sent", True)]
    assert [(one.state, one.is_new) for one in office.deliver(settings, MONTH).all] == [("sent", False)]
    heads = office.world.rows(
        "select version, head from published.delivery where recipient = 'month' and state = 'sent'"
    )
    assert heads == [(1, office.heads["statutory:2024-M09"]), (2, second)]
    folders = sorted(path.name for path in (office.out / "statutory_2024-M09").iterdir())
    assert folders == ["edition-1", "edition-2"]


@pytest.mark.parametrize(
    "statement",
    [
        "update published.delivery set state = 'sent'",
        "delete from published.delivery",
        "truncate published.delivery",
        "insert into published.delivery select * from published.delivery limit 1",
        # An end without a beginning; a reservation of something that is not published under this hash.
        "insert into published.delivery (period_convention, period, version, edition_id, kind, recipient, channel, address,"
        " attempt, state, happened_at, by_whom, files, head) select period_convention, period, version, edition_id, 'edition',"
        " 'ghost', 'folder', 'x', 1, 'sent', now(), 'x', '{}', sha256 from published.edition where status = 'published'",
        "insert into published.delivery (period_convention, period, version, edition_id, kind, recipient, channel, address,"
        " attempt, state, happened_at, by_whom, files, head) select period_convention, period, version, edition_id, 'edition',"
        " 'ghost', 'folder', 'x', 1, 'reserved', now(), 'x', '{}', repeat('0', 64) from published.edition",
    ],
)
def test_the_log_is_append_only_and_in_order(office: Office, statement: str) -> None:
    assert office.world.one("select count(*) from published.delivery") > 0
    with closing(connect(office.world.dsn)) as connection, pytest.raises(psycopg.Error):
        connection.execute(statement.encode())


def test_a_chain_made_anew_has_not_the_hash_that_was_delivered(office: Office, postgres: EmbeddedPostgres) -> None:
    name = str(psycopg.conninfo.conninfo_to_dict(office.world.dsn)["dbname"])
    with closing(psycopg.connect(psycopg.conninfo.make_conninfo(postgres.admin_dsn, dbname=name))) as connection:
        settings = office.world.settings
        assert verify(connection, settings, QUARTER).findings == ()
        connection.execute("set session_replication_role = replica")
        connection.execute(
            "update published.edition set sha256 = repeat('0', 64) where period = '2024-Q3' and version = 1"
        )
        found = [one.what for one in verify(connection, settings, QUARTER).findings]
        connection.rollback()
    assert f"it was delivered under another hash, {office.heads['statutory:2024-Q3']}" in found


def test_the_commands_and_the_dag_s_step(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONESTOP_AS_OF", AT.isoformat())
    settings = office.names("{id: by_command, folder: out}", "{id: broken, folder: missing_too}")
    words = ["quarter", "deliver", "2024-Q3", "--by", "Lê C", "--config", str(settings.file)]
    answer = CliRunner().invoke(app, [*words, "--json"])
    found = json.loads(answer.stdout)
    assert (answer.exit_code, found["edition"]) == (1, 1)
    assert [(one["recipient"], one["state"]) for one in found["deliveries"]] == [
        ("by_command", "sent"),
        ("broken", "failed"),
    ]
    spoken = CliRunner().invoke(app, words)
    assert spoken.exit_code == 1 and "by_command (folder out): sent before" in spoken.output
    listed = CliRunner().invoke(app, ["quarter", "deliveries", "2024-Q3", "--json", "--config", str(settings.file)])
    last = json.loads(listed.stdout)["deliveries"][-1]
    assert (last["recipient"], last["state"], set(last["files"])) == ("broken", "failed", EVERYTHING)
    with pytest.raises(OnestopError, match="broken .folder, missing_too. failed"):
        quarterly.deliver(settings, "statutory:2024-Q3")
    (office.world.folder / "missing_too").mkdir()
    assert quarterly.deliver(settings, "statutory:2024-Q3") == ["by_command: sent", "broken: sent"]
    assert quarterly.deliver(office.names(), "statutory:2024-Q3") == []


AUGUST = parse("2024-M08")


def answered(folder: Path, unit: str, name: str, words: str, line: tuple[str, str, str] | None = None) -> Path:
    """The newest workbook that a unit was sent, filled in."""
    sent = max(folder.rglob(f"du-thao-bieu-ii-06a-{unit}.xlsx"), key=lambda path: path.stat().st_mtime_ns)
    book = load_workbook(sent)
    sheet = book["Trả lời"]
    places = {cell.value: cell.row for cell in sheet["A"] if cell.value}
    sheet.cell(places["Trả lời (chọn)"], 2).value = words
    sheet.cell(places["Người trả lời"], 2).value = name
    for column, text in enumerate(line or (), 1):
        sheet.cell(places["Cột của biểu"] + 1, column).value = text
    file = folder / f"{unit}-{name}.xlsx"
    book.save(file)
    return file


def test_units_speak_before_the_province_approves(office: Office) -> None:
    box, out = Mailbox(), office.out
    words = [f"{{id: {name}, unit: {unit}, folder: out}}" for name, unit in (("tp", "H15.01"), ("yt", "H15.02"))]
    with mail_server(box) as port:
        settings = office.names(
            "{id: everything, folder: out}",
            *words,
            f"{{id: bmt, unit: {UNIT}, mail: bmt@daklak.gov.vn}}",
            mail=plain(port),
        )

        def call(*words: str, as_of: str = AT.isoformat()) -> Any:
            options = ["--json", "--as-of", as_of, "--config", str(settings.file)]
            answer = CliRunner().invoke(app, ["quarter", words[0], "2024-M08", *words[1:], *options])
            if answer.exception and not isinstance(answer.exception, SystemExit):
                raise answer.exception
            return json.loads(answer.stdout)

        with closing(connect(office.world.dsn, autocommit=True)) as connection:
            with pytest.raises(OnestopError, match="there is no edition yet"):
                call("ask")
            draft(connection, AUGUST, 1)
            asked = call("ask", "--until", "2024-09-27")
            assert [one["state"] for one in asked["deliveries"]] == ["sent"] * 3  # whoever has no unit is not asked
            call("ask")  # nobody is asked twice
            (letter,) = box.messages["bmt@daklak.gov.vn"]
            body = letter.get_body()
            assert body is not None and "gửi lại trước 17:00 27/09/2024" in body.get_content()
            assert "(bản dự thảo)" in letter["Subject"]
            assert set(call("answers")["stands"].values()) == {"waiting"}

            def line(at: str) -> tuple[str, str]:
                moment = datetime.fromisoformat(at)
                found = unit_answers.condition(connection, AUGUST, settings.zone, moment)
                return found.state, found.text_en

            assert line("2024-09-27T16:59:00+07:00") == (
                "note",
                "3 units were asked (until 2024-09-27 17:00): 3 with time left.",
            )
            yes = answered(out, "H15.01", "Phạm D", "Xác nhận")
            no = answered(out, "H15.02", "Lý E", "Không nhất trí", ("(10)", "H15.02-240801-0001", "Đã trả đúng hạn"))
            done = call("answers", "--import", str(yes), "--import", str(no))
            assert [one["said"] for one in done["imported"]] == ["H15.01: confirmed", "H15.02: contested, 1 objections"]
            assert done["stands"] == {"H15.01": "confirmed", "H15.02": "contested", UNIT: "waiting"}
            assert "was kept before" in call("answers", "--import", str(yes))["imported"][0]["said"]
            (contested,) = [one for one in done["statements"] if one["kind"] == "contested"]
            assert (contested["column_name"], contested["dossier_codes"], contested["by_whom"]) == (
                "resolved_overdue", ["H15.02-240801-0001"], "Lý E",
            )  # fmt: skip
            assert line("2024-09-28T00:00:00+07:00") == (
                "open",
                "3 units were asked (until 2024-09-27 17:00): 1 confirmed, 1 contested and not replied to,"
                " 1 silent at the deadline.",
            )
            with pytest.raises(OnestopError, match="is no contested figure"):
                call("answers", "--reply", "999", "--words", "x")
            call(
                "answers", "--reply", str(contested["statement_id"]), "--words", "Hồ sơ quá hạn 1 ngày", "--by", "Lê C"
            )
            assert call("answers")["stands"]["H15.02"] == "answered"
            # Other figures: a confirmation of the old ones is none of these; the unit is asked anew.
            store.remove_draft(connection, store.edition(connection, AUGUST))
            draft(connection, AUGUST, 1, other_figures("H15.01"))
            assert call("answers")["stands"]["H15.01"] == "changed"
            assert [one["is_new"] for one in call("ask")["deliveries"]] == [True] * 3
            assert call("answers", "--import", str(answered(out, "H15.01", "Phạm D lần 2", "xác nhận")))["stands"] == {
                "H15.01": "confirmed", "H15.02": "answered", UNIT: "waiting",
            }  # fmt: skip
            # Approved, what was said is part of the edition: frozen, hashed, and nobody speaks any more.
            edition = life.approve(connection, AUGUST, at=AT, by="Nguyễn Văn A")
            said = call("answers")["statements"]
            kept = office.world.one(
                "select count(*) from published.unit_answer where edition_id = %s", edition.edition_id
            )
            assert kept == len(said) == 8
            assert json.loads(edition.manifest or "")["tables"]["unit_answer"]["rows"] == 8
            for refused in (("ask",), ("answers", "--import", str(no)), ("answers", "--reply", "1", "--words", "x")):
                with pytest.raises(OnestopError, match="units speak before an edition is approved"):
                    call(*refused)
            assert verify(connection, settings, AUGUST).findings == ()


def other_figures(code: str) -> ReportFigures:
    """The small province with one dossier more that a unit resolved late."""
    figures = small_figures()
    more = Counts(received_total=1, received_direct_postal=1, resolved_total=1, resolved_overdue=1)
    units = tuple(replace(one, counts=one.counts + more) if one.code == code else one for one in figures.units)
    return replace(figures, units=units)


def test_a_workbook_that_is_no_answer_is_refused_by_name(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    period = parse("2024-M07")
    settings = office.names("{id: july, unit: H15.01, folder: out}")
    with closing(connect(office.world.dsn, autocommit=True)) as connection:
        draft(connection, period, 1)
    # As the DAG asks; whom it may not ask, and where nobody receives for a unit, it asks nobody.
    from onestop.pipeline import unit_answers as flow

    monkeypatch.setenv("ONESTOP_AS_OF", AT.isoformat())
    assert quarterly.ask(settings, str(period)) == ["july: sent"] == quarterly.ask(settings, str(period))
    assert quarterly.ask(office.names("{id: all, folder: out}"), str(period)) == []
    silent = office.names("{id: july, unit: H15.01, folder: gone}", more="ask_units: false, ")
    assert quarterly.ask(silent, str(period)) == []
    with pytest.raises(DeliveryFailed, match="july .folder, gone. failed"):
        quarterly.ask(office.names("{id: july, unit: H15.01, folder: gone}"), str(period))
    settings = office.names("{id: july, unit: H15.01, folder: out}")
    other = answered(office.out / "statutory_2024-M07", "H15.01", "Phạm D", "Xác nhận")
    text, empty = tmp_path / "text.xlsx", tmp_path / "empty.xlsx"
    text.write_text("not a workbook")
    Workbook().save(empty)
    strange = load_workbook(other)
    sheet = strange["Trả lời"]
    next(c for c in sheet["B"] if c.value == "H15.01").value = "H15.02"
    strange.save(tmp_path / "strange.xlsx")
    for file, words in (
        (text, "text.xlsx: "), (empty, "empty.xlsx: it has no sheet Trả lời"), (tmp_path / "missing.xlsx", "missing.xlsx: "),
        (tmp_path / "strange.xlsx", "H15.02 was never asked"),
    ):  # fmt: skip
        with pytest.raises(DataRefused, match=words):
            flow.take(settings, period, [file], at=AT)
    assert flow.take(settings, period, [other], at=AT) == [(other, "H15.01: confirmed")]
    with closing(connect(office.world.dsn, autocommit=True)) as connection:
        draft(connection, parse("2024-M06"), 1)
    with pytest.raises(DataRefused, match="it answers statutory:2024-M07, not statutory:2024-M06"):
        flow.take(settings, parse("2024-M06"), [other], at=AT)


@pytest.mark.parametrize(
    "statement",
    [
        "update published.unit_statement set words = 'x'",
        "delete from published.unit_statement",
        "truncate published.unit_statement cascade",
        "update published.unit_answer set words = 'x'",
        "delete from published.unit_answer",
    ],
)
def test_what_units_said_is_append_only(office: Office, statement: str) -> None:
    assert office.world.one("select count(*) from published.unit_answer") > 0
    with closing(connect(office.world.dsn)) as connection, pytest.raises(psycopg.Error):
        connection.execute(statement.encode())
