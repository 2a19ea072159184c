"""A sample province behind a source of every kind: which system delivers what, and what of it must be refused.

The State Treasury keeps its dossiers in a database of its own, the one-stop system `igate` has all others; the national
portal shows some of those once more, and a feedback system has cases about the same units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from onestop.sandbox.counting import read_feed
from onestop.sandbox.feed import Record
from onestop.sandbox.feedback_cases import FeedbackCases, generate_cases
from onestop.sandbox.judging import AgencyRow, Judge, code, readable
from onestop.sandbox.portal_sample import write_exports
from onestop.sandbox.province import Province
from onestop.sandbox.sql_source import write_table

ONE_STOP, TREASURY, PORTAL, FEEDBACK = "igate", "treasury", "dvcqg", "pakn"
EXPORTS = "exports"
"""The folder of the portal's files, beside province.yml."""


@dataclass(frozen=True)
class Share:
    """What a source delivers: its records, and how many of them break each quarantine rule."""

    records: int
    quarantined_by_rule: Mapping[str, int]


@dataclass
class Division:
    """Who delivers what.

    Attributes:
        one_stop, treasury: the province's feed, each dossier with all of its versions on one side.
        cases: of the feedback system; None without one.
        shares: what is known of sources that were written already, by id.
    """

    one_stop: list[Record]
    treasury: list[Record] = field(default_factory=list)
    cases: FeedbackCases | None = None
    shares: dict[str, Share] = field(default_factory=dict)


def divide(province: Province, folder: Path, sql_dsn: str | None) -> Division:
    """Spread a province over sources of every kind: write the database's table and the portal's files, make the cases.

    Args:
        folder: gets exports/.
        sql_dsn: an SQLAlchemy URL of the database that gets the State Treasury's table `dossiers`, made anew; None: the
            one-stop system keeps those, too.

    Raises:
        ConfigurationError: the database cannot be written.
    """
    division = Division(province.records)
    if sql_dsn:
        division.one_stop, division.treasury = _parted(province)
        write_table(sql_dsn, division.treasury)
    scenario, procedures = province.scenario, [p.code for p in province.procedures]
    judge = Judge(agency_rows(province), procedures, scenario.as_of)
    portal = write_exports(scenario, division.one_stop, judge, folder / EXPORTS, province.seed)
    division.cases = generate_cases(province.units, province.procedures, scenario.as_of, seed=province.seed)
    division.shares[PORTAL] = Share(*portal)
    division.shares[FEEDBACK] = Share(len(division.cases.records), division.cases.planted)
    return division


def shares(province: Province, division: Division, whole: Share) -> dict[str, Share]:
    """What each source delivers. `whole`: what the province's feed holds as one."""
    found: dict[str, Share] = {ONE_STOP: whole}
    if division.treasury:
        procedures = [p.code for p in province.procedures]
        counted = read_feed(division.treasury, agency_rows(province), procedures, province.scenario.as_of)
        rest = {rule: n - counted.by_rule.get(rule, 0) for rule, n in whole.quarantined_by_rule.items()}
        found[ONE_STOP] = Share(whole.records - counted.served, {rule: n for rule, n in rest.items() if n})
        found[TREASURY] = Share(counted.served, counted.by_rule)
    return found | division.shares


def agency_rows(province: Province) -> list[AgencyRow]:
    """The province's units as judging and counting know them."""
    return [AgencyRow(u.code, u.parent, u.valid_from, u.valid_to) for u in province.units]


def _parted(province: Province) -> tuple[list[Record], list[Record]]:
    """The feed without the State Treasury's dossiers, and these: those whose code the Treasury gave out.

    A table holds one row per code and moment, and its moments are sorted: a dossier that has two contents of one moment,
    or a moment that is none, stays in the one-stop system with all of its versions.
    """
    unit = f"{province.scenario.code}.90"
    prefixes = (f"{unit}-", f"000.00.90.{province.scenario.code}-")  # today's form, and that of Circular 01/2018
    keys = [code(record.code) or "" for record in province.records]
    mine = {key for key in keys if key.startswith(prefixes)}
    mine -= _awkward(zip(keys, province.records, strict=True))
    rest: list[Record] = []
    treasury: list[Record] = []
    for key, record in zip(keys, province.records, strict=True):
        (treasury if key in mine else rest).append(record)
    return rest, treasury


def _awkward(rows: Iterable[tuple[str, Record]]) -> set[str]:
    """The codes of dossiers that a table cannot hold as the feed does."""
    seen: set[tuple[str, str]] = set()
    found: set[str] = set()
    for key, record in rows:
        if (key, record.stamp) in seen or not readable(record.stamp):
            found.add(key)
        seen.add((key, record.stamp))
    return found
