"""One message per cause: over a real mail server and a real webhook, kept in the file that stands in for the warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from alert_channels import ENGINEER, HOOK, OWNER, Mailbox, alert_settings, mail_server, port_of, text_of
from onestop import config
from onestop.alerts.book import FileBook, states
from onestop.alerts.desk import Desk
from onestop.alerts.model import Alert, kinds
from onestop.errors import ConfigurationError

NIGHT = datetime.fromisoformat("2024-09-25T02:10:00+07:00")
HOUR = timedelta(hours=1)
DOWN = Alert(
    "source_unavailable",
    "igate",
    evidence="igate does not answer",
    impact_en="statutory 2024-Q3 cannot be drafted: igate silent since 2024-09-24 02:00",
    run_url="http://127.0.0.1:17432/dags/ingest__igate/runs/x",
)
REFUSED = Alert("data_refused", "igate", evidence="12 % of rows fail", impact_vi="Chưa thể lập báo cáo Quý III/2024")


class Place:
    """A desk with its mailbox and its webhook."""

    def __init__(self, folder: Path, http: HTTPServer, port: int, mailbox: Mailbox) -> None:
        self.folder, self.http, self.port, self.mailbox = folder, http, port, mailbox
        self.book = FileBook(folder / "alerts.jsonl")
        self.workbook = folder / "H15.07.xlsx"
        self.workbook.write_bytes(b"a workbook")

    def desk(self, more: str = "") -> Desk:
        settings = alert_settings(self.folder, self.port, more)
        return Desk(settings, self.book, lambda alert: [self.workbook])

    @property
    def hooked(self) -> list[dict[str, str]]:
        return [request.get_json() for request, _ in self.http.log if request.path == "/hook"]


@pytest.fixture
def place(tmp_path: Path, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    httpserver.expect_request("/hook").respond_with_data("")
    monkeypatch.setenv(HOOK, f"json://127.0.0.1:{httpserver.port}/hook")
    server, mailbox = mail_server()
    try:
        yield Place(tmp_path, httpserver, port_of(server), mailbox)
    finally:
        server.stop()


def test_a_cause_is_told_once_reminded_of_and_taken_back(place: Place) -> None:
    desk = place.desk()
    for minute in range(5):  # five attempts: one message
        desk.raise_(DOWN, NIGHT + timedelta(minutes=minute))
        desk.tell(NIGHT + timedelta(minutes=minute))
    (mail,) = place.mailbox.to(ENGINEER)
    assert mail["Subject"] == "[Onestop Đắk Lắk] Source igate could not be read"
    text = text_of(mail)
    for said in (DOWN.impact_en, DOWN.evidence, DOWN.run_url, "docs/runbooks/source_unavailable.md", "Next step: "):
        assert said in text
    assert [hook["title"] for hook in place.hooked] == [mail["Subject"]]

    assert desk.tell(NIGHT + 23 * HOUR) == []
    desk.tell(NIGHT + 24 * HOUR)
    reminder = place.mailbox.to(ENGINEER)[1]
    assert reminder["Subject"] == "[Onestop Đắk Lắk] Still: Source igate could not be read"
    assert "5 times, first 2024-09-25 02:10, last 2024-09-25 02:14" in text_of(reminder)
    assert reminder["References"] == mail["References"]

    assert desk.settle(lambda alert: alert.subject == "igate", NIGHT + 25 * HOUR) == [DOWN.fingerprint]
    for _ in range(2):
        desk.tell(NIGHT + 25 * HOUR)
    subjects = [mail["Subject"] for mail in place.mailbox.mails]
    assert subjects[2:] == ["[Onestop Đắk Lắk] Recovered: Source igate could not be read"]
    assert len(place.hooked) == 3

    desk.raise_(DOWN, NIGHT + 48 * HOUR)  # the same again is news, in a thread of its own
    desk.tell(NIGHT + 48 * HOUR)
    again = place.mailbox.to(ENGINEER)[3]
    assert (again["Subject"], again["References"] == mail["References"]) == (mail["Subject"], False)


def test_a_fault_of_data_goes_to_the_owner_in_vietnamese_with_the_workbook(place: Place) -> None:
    desk = place.desk()
    desk.raise_(REFUSED, NIGHT)
    desk.tell(NIGHT)
    (mail,) = place.mailbox.mails
    assert (mail["To"], mail["Subject"]) == (
        OWNER,
        "[Onestop Đắk Lắk] Dữ liệu của nguồn igate bị từ chối toàn bộ",
    )
    body = mail.get_body()
    assert body is not None
    assert "Ảnh hưởng: Chưa thể lập báo cáo Quý III/2024" in body.get_content()
    assert [(part.get_filename(), part.get_content()) for part in mail.iter_attachments()] == [
        ("H15.07.xlsx", b"a workbook")
    ]
    assert place.hooked == []


def test_without_an_owner_the_engineer_is_told_in_english(place: Place) -> None:
    desk = place.desk()
    desk.raise_(Alert("coverage_gap", "dvcqg", evidence="2024-09-03 to 2024-09-05"), NIGHT)
    desk.tell(NIGHT)
    (mail,) = place.mailbox.mails
    assert (mail["To"], mail["Subject"]) == (ENGINEER, "[Onestop Đắk Lắk] Files of dvcqg leave days uncovered")
    assert list(mail.iter_attachments()) == []


def test_in_quiet_hours_it_waits_and_what_was_over_by_then_is_not_told(place: Place) -> None:
    desk = place.desk('  quiet_hours: "22:00-06:00"\n')
    desk.raise_(DOWN, NIGHT)
    desk.raise_(Alert("task_failed", "transform__warehouse.build_marts"), NIGHT)
    assert desk.tell(NIGHT) == []
    desk.settle(lambda alert: alert.kind == "task_failed", NIGHT + HOUR)
    desk.tell(NIGHT + 4 * HOUR)
    assert [mail["Subject"] for mail in place.mailbox.mails] == ["[Onestop Đắk Lắk] Source igate could not be read"]


def test_a_failing_channel_is_noted_told_to_the_others_and_tried_again(place: Place) -> None:
    desk = place.desk()
    place.mailbox.refuse = "554 5.7.1 no relaying from here"
    desk.raise_(DOWN, NIGHT)
    told = desk.tell(NIGHT)
    assert [(t.channel, t.problem is None) for t in told if t.fingerprint == DOWN.fingerprint] == [
        (ENGINEER, False),
        (HOOK, True),
    ]
    assert [hook["title"] for hook in place.hooked] == [
        "[Onestop Đắk Lắk] Source igate could not be read",
        f"[Onestop Đắk Lắk] Alerts cannot be told to {ENGINEER}",
    ]
    assert "no relaying" in place.hooked[1]["message"]
    failing = {s.alert.fingerprint: s.failing for s in states(place.book)}
    assert "no relaying" in failing[DOWN.fingerprint][ENGINEER]

    place.mailbox.refuse = None
    desk.tell(NIGHT + HOUR)
    assert [mail["Subject"] for mail in place.mailbox.mails] == ["[Onestop Đắk Lắk] Source igate could not be read"]
    assert place.hooked[-1]["title"].startswith("[Onestop Đắk Lắk] Recovered: Alerts cannot be told to")
    assert not any(s.failing for s in states(place.book))


def test_a_webhook_that_is_down_or_not_set_is_seen_without_its_secret(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = place.desk()
    monkeypatch.setenv(HOOK, "json://user:a-secret@127.0.0.1:9/hook")
    desk.raise_(DOWN, NIGHT)
    desk.tell(NIGHT)
    monkeypatch.delenv(HOOK)
    desk.tell(NIGHT + HOUR)
    assert [mail["Subject"] for mail in place.mailbox.mails] == [
        "[Onestop Đắk Lắk] Source igate could not be read",
        f"[Onestop Đắk Lắk] Alerts cannot be told to {HOOK}",
    ]
    assert "a-secret" not in place.book.path.read_text()
    assert "not set: ONCALL_HOOK" in place.book.path.read_text()


def test_every_kind_has_its_words() -> None:
    for kind in kinds().values():
        assert kind.audience in ("engineer", "data_owner")
        assert kind.title_en and kind.next_en
        assert bool(kind.title_vi and kind.next_vi) == (kind.audience == "data_owner")
        assert "{subject}" in kind.title_en or kind.code == "warehouse_unavailable"


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("  quiet_hours: from ten\n", "line 6: alerts.quiet_hours: not two different local times"),
        ("  data_owner: [nobody]\n", "line 6: alerts.data_owner: neither a mail address nor the name"),
        ("  data_owner: [TO_A_HOOK]\n  remind_hours: 0\n", "line 7: alerts.remind_hours"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, part: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        alert_settings(tmp_path, 25, part)
    assert said in caught.value.message


def test_owners_and_mail_server_must_exist(tmp_path: Path) -> None:
    alert_settings(tmp_path, 25)
    file = tmp_path / "province.yml"
    text = file.read_text()
    file.write_text(text.replace("{igate: [chu", "{vnpt: [chu"))
    with pytest.raises(ConfigurationError, match="no source vnpt"):
        config.load(file)
    file.write_text("\n".join(line for line in text.splitlines() if "mail:" not in line))
    with pytest.raises(ConfigurationError, match=r"alerts\.mail is missing"):
        config.load(file)
