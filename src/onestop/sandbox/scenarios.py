"""Named sample provinces: which period is calibrated to which figures, seen from which moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone

from onestop.errors import ConfigurationError
from onestop.sandbox.calibration import complete

VIETNAM = timezone(timedelta(hours=7))


@dataclass(frozen=True)
class Mix:
    """What else lies in the feed, as shares of the calibrated dossiers.

    Attributes:
        before, after: received and finished before the period; received after it.
        refused, new, test, deleted: dossiers that are never counted.
        bad: rows that a quarantine rule must refuse; at least two of each kind, unless 0.
        oddities: rows of each kind that are right but unusual, or that a warning rule counts.
        history: dossiers of which the feed holds earlier versions too.
    """

    before: float = 0.012
    after: float = 0.010
    refused: float = 0.008
    new: float = 0.003
    test: float = 0.002
    deleted: float = 0.003
    bad: float = 0.003
    oddities: float = 0.001
    history: float = 0.06


@dataclass(frozen=True)
class Scenario:
    """A sample province and its calibrated period.

    Attributes:
        gso: the province's GSO code before July 2025.
        code, name_vi: its H-code and name.
        period: the period's name, as `onestop run --period` takes it.
        first, last: the period's days, inclusive.
        as_of: the moment of the last change in the feed; nothing happens after it.
        target: figures of form II.06a that come out exactly; missing ones are chosen.
    """

    name: str
    gso: str
    code: str
    name_vi: str
    period: str
    first: date
    last: date
    as_of: datetime
    target: Mapping[str, int]
    mix: Mix = field(default_factory=Mix)

    def scaled(self, factor: float, name: str) -> Scenario:
        """The same with every figure multiplied; what rounding leaves over goes to those received in person."""
        row = {key: round(value * factor) for key, value in complete(self.target).items()}
        row["resolved_total"] = row["resolved_early"] + row["resolved_on_time"] + row["resolved_overdue"]
        row["in_progress_total"] = row["in_progress_within"] + row["in_progress_overdue"]
        row["received_total"] = row["resolved_total"] + row["in_progress_total"]
        row["received_direct_postal"] = row["received_total"] - row["received_online"] - row["received_carried_over"]
        return replace(self, name=name, target=row)


DAK_LAK = Scenario(
    name="dak_lak_2024_q3",
    gso="66",
    code="H15",
    name_vi="Đắk Lắk",
    period="2024-Q3",
    first=date(2024, 6, 15),
    last=date(2024, 9, 14),
    as_of=datetime(2024, 9, 25, 8, tzinfo=VIETNAM),
    target={
        "resolved_total": 224_187,
        "resolved_early": 183_477,
        "resolved_on_time": 39_491,
        "resolved_overdue": 1_219,
    },
)
DAK_NONG = Scenario(
    name="dak_nong_2021_h1",
    gso="67",
    code="H16",
    name_vi="Đắk Nông",
    period="2021-H1",
    first=date(2020, 12, 15),
    last=date(2021, 6, 14),
    as_of=datetime(2021, 6, 25, 8, tzinfo=VIETNAM),
    target={
        "received_total": 218_763,
        "received_online": 19_838,
        "received_direct_postal": 190_319,
        "received_carried_over": 8_606,
        "resolved_total": 206_885,
        "resolved_early": 99_558,
        "resolved_on_time": 106_018,
        "resolved_overdue": 1_309,
        "in_progress_total": 11_878,
    },
)
SMALL = DAK_LAK.scaled(1 / 75, "small")
SCENARIOS: dict[str, Scenario] = {s.name: s for s in (DAK_LAK, DAK_NONG, SMALL)}


def scenario(name: str) -> Scenario:
    """The scenario of that name.

    Raises:
        ConfigurationError: there is none.
    """
    if name not in SCENARIOS:
        raise ConfigurationError(f"there is no scenario {name!r}", next_step=f"choose one of: {', '.join(SCENARIOS)}")
    return SCENARIOS[name]
