"""The quality page of one day: self-contained HTML in the report page's own style, in Vietnamese or English."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from onestop.reporting.numbers_vi import NO_BREAK_SPACE
from onestop.reporting.page import Card
from onestop.reporting.quality_day import TREND_DAYS, UNITS_SHOWN, Finding, QualityDay, RuleDay
from onestop.reporting.strings import Words
from onestop.reporting.wording import Language, province_title

_HERE = Path(__file__).parent
_MESSAGE_CHARACTERS = 400


class QualityWords(Words):
    """The page's own words; numbers and dates as in the report."""

    def __call__(self, key: str, **values: object) -> str:
        """The string of that key with its {places} filled."""
        return table(self.language)[key].format(nbsp=NO_BREAK_SPACE, **values)

    def has(self, key: str) -> bool:
        """Whether there is such a string."""
        return key in table(self.language)

    def entity(self, name: str) -> str:
        """What a kind of record is called; a reference file by its own name."""
        return self(f"entity_{name}") if self.has(f"entity_{name}") else name

    def reason(self, code: str | None) -> str:
        """Why a rule was not judged: the code and its numbers in words."""
        name, *numbers = (code or "").split()
        return table(self.language)[f"reason_{name}"].format(*numbers)


@cache
def table(language: Language) -> dict[str, str]:
    """All words of a language."""
    content: dict[str, str] = yaml.safe_load((_HERE / "words" / f"quality_{language}.yml").read_text(encoding="utf-8"))
    return content


def write_quality_page(quality: QualityDay, language: Language = "vi") -> str:
    """The page's HTML."""
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    words = QualityWords(language)
    css = "\n".join((_HERE / "templates" / name).read_text(encoding="utf-8") for name in ("report.css", "quality.css"))
    return environment.get_template("quality.html.j2").render(
        t=words,
        q=quality,
        province=province_title(quality.province_name, language),
        cards=_cards(quality, words),
        rules=[(rule, _text(quality, rule, words), _history(rule, words)) for rule in quality.rules],
        broken=[f for f in quality.findings if f.state == "broken"],
        waiting=_not_judged(quality.findings, words),
        number=lambda value: words("none") if value is None else words.decimal(float(value)),
        text=lambda rule: _text(quality, rule, words),
        days=TREND_DAYS,
        units_shown=UNITS_SHOWN,
        said=_said,
        css=Markup(css),  # noqa: S704  (the project's own files)
    )


def _cards(quality: QualityDay, words: QualityWords) -> list[Card]:
    accepted, rejected = quality.total("accepted"), quality.total("quarantined")
    unusual = len({(f.source_id, f.entity, f.rule_id, f.subject) for f in quality.findings if f.state == "broken"})
    note = (
        words("quarantined_note", share=words.percent(rejected, accepted + rejected))
        if accepted + rejected
        else words("quarantined_note_none")
    )
    count = words.integer
    received_note = words("received_note", n=count(len(quality.sources)), rules=count(quality.rules_judged))
    return [
        Card("rate", words("accepted_rate"), words.percent(accepted, accepted + rejected), words("accepted_note"), ()),
        Card("received", words("received"), count(quality.total("received")), received_note, ()),
        Card("overdue", words("quarantined"), count(rejected), note, ()),
        Card("open", words("waiting"), count(quality.total("waiting")), words("waiting_note"), ()),
        Card("resolved", words("unusual"), count(unusual), words("unusual_note"), ()),
    ]


@dataclass(frozen=True, slots=True)
class _Text:
    message: str
    owner: str


def _text(quality: QualityDay, rule: RuleDay | Finding, words: QualityWords) -> _Text:
    """A rule's message and owner; one that is no longer in the expectation files has only its id."""
    found = quality.texts.get((rule.entity, rule.rule_id))
    return _Text(found.message(words.language), words(f"owner_{found.owner}")) if found else _Text("", "")


def _history(rule: RuleDay, words: QualityWords) -> Markup:
    """A bar per day, this one last."""
    largest = max(rule.before) or 1
    numbers = ", ".join(words.integer(n) for n in rule.before)
    bars = Markup("").join(
        Markup('<rect class="{}" x="{}" y="{:.1f}" width="5" height="{:.1f}"/>').format(
            "late" if place == len(rule.before) - 1 else "open", 7 * place, 24 - height, height
        )
        for place, n in enumerate(rule.before)
        if (height := max(24 * n / largest, 1.5 if n else 0))
    )
    return Markup('<svg class="spark" width="{}" height="24" role="img" aria-label="{}">{}</svg>').format(
        7 * len(rule.before) - 2, words("history_alt", rule=rule.rule_id, numbers=numbers), bars
    )


def _not_judged(findings: Sequence[Finding], words: QualityWords) -> list[tuple[str, str]]:
    """(source and what it delivers, sentence), one per reason."""
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for finding in findings:
        if finding.state == "not_judged":
            grouped.setdefault((finding.source_id, finding.entity, finding.reason or ""), []).append(finding.rule_id)
    return [
        (
            f"{source}, {words.entity(entity)}",
            words("not_judged", rules=", ".join(dict.fromkeys(rules)), reason=words.reason(reason)),
        )
        for (source, entity, reason), rules in grouped.items()
    ]


def _said(message: str) -> str:
    """A run's message, cut short."""
    return message if len(message) <= _MESSAGE_CHARACTERS else message[:_MESSAGE_CHARACTERS] + "…"
