"""The words of one message: what, what it keeps from being done, what was seen, what to do, where. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from onestop.alerts.model import Purpose, State

_MOST = 2000  # characters of evidence: a message is read on a telephone
_EN = {
    "first": "", "reminder": "Still: ", "recovery": "Recovered: ",
    "impact": "What it means", "seen": "Seen", "times": "{n} times, first {first}, last {last}", "once": "{last}",
    "evidence": "Evidence", "next": "Next step", "runbook": "Runbook", "run": "Run", "gone": "It was open from {first} to {end}.",
    "fingerprint": "Fingerprint",
}  # fmt: skip
_VI = {
    "first": "", "reminder": "Nhắc lại: ", "recovery": "Đã khắc phục: ",
    "impact": "Ảnh hưởng", "seen": "Ghi nhận", "times": "{n} lần, lần đầu {first}, gần nhất {last}", "once": "{last}",
    "evidence": "Chi tiết", "next": "Việc cần làm", "runbook": "Hướng dẫn", "run": "Lần chạy",
    "gone": "Kéo dài từ {first} đến {end}.", "fingerprint": "Mã cảnh báo",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """A subject line and a plain text."""

    subject: str
    text: str


def message(state: State, purpose: Purpose, *, vietnamese: bool, province: str, zone: ZoneInfo) -> Message:
    """The message about an alert, in the reader's language."""
    alert, kind = state.alert, state.alert.about
    words = _VI if vietnamese else _EN
    form = "%H:%M ngày %d/%m/%Y" if vietnamese else "%Y-%m-%d %H:%M"
    first, last = (moment.astimezone(zone).strftime(form) for moment in (state.opened_at, state.last_seen_at))
    title = (kind.title_vi if vietnamese else kind.title_en).format(subject=alert.subject)
    lines = [title + ".", ""]
    if state.recovered_at is not None:
        lines.append(words["gone"].format(first=first, end=state.recovered_at.astimezone(zone).strftime(form)))
    else:
        impact = alert.impact_vi if vietnamese else alert.impact_en
        evidence = (alert.evidence_vi or alert.evidence) if vietnamese else alert.evidence
        times = words["times" if state.times_seen > 1 else "once"]
        # The fault's own next step is in English; a data owner reads what the kind says in Vietnamese.
        step = kind.next_vi if vietnamese else alert.next_step or kind.next_en
        for name, said in (
            ("impact", impact),
            ("seen", times.format(n=state.times_seen, first=first, last=last)),
            ("evidence", evidence[:_MOST]),
            ("next", step),
            ("run", alert.run_url),
            ("runbook", "" if vietnamese else f"docs/runbooks/{kind.code}.md"),
        ):
            if said:
                lines.append(f"{words[name]}: {said}")
    lines += ["", f"{words['fingerprint']}: {alert.fingerprint}"]
    return Message(f"[Onestop {province}] {words[purpose]}{title}", "\n".join(lines) + "\n")
