"""Looks for any changed byte of a period's editions: figures, lists, forms, facts, events, files, guards, the chain itself.

What can be named is named: the table and the row. A chain that somebody rebuilt whole, with new hashes throughout, is
found only against a hash that was kept elsewhere: the one printed on every report (`head`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import psycopg

from onestop.config import Settings
from onestop.errors import OnestopError
from onestop.periods import Period
from onestop.reporting.editions import canonical, products, store
from onestop.reporting.editions.canonical import CHECK_BYTES
from onestop.reporting.editions.model import Edition
from onestop.reporting.editions.tables import TABLES, Table

MOST_ROWS = 20  # named per table; more are counted
# Every table of `published`, with how many triggers guard it.
GUARDS = dict.fromkeys([t.name for t in TABLES] + ["content"], 4) | dict.fromkeys(["product", "edition"], 2)
GUARDS |= {"event": 3, "delivery": 3, "unit_statement": 3}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was approved. `version` 0: of no edition in particular."""

    version: int
    table: str
    row: str
    what: str

    def __str__(self) -> str:
        place = f"published.{self.table}" + (f" ({self.row})" if self.row else "")
        return f"edition {self.version}, {place}: {self.what}" if self.version else f"{place}: {self.what}"


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, and what was found. `head` is the hash of the newest approved edition."""

    period: Period
    head: str
    editions: int
    rows: int
    files: int
    rendered: int
    findings: tuple[Finding, ...]


def verify(
    connection: psycopg.Connection[Any], settings: Settings, period: Period, *, head: str | None = None
) -> Verified:
    """Recompute every hash of the period's approved editions, and render their files again.

    Args:
        connection: to the warehouse; only read from.
        settings: the reports' path and the time zone.
        period: whose editions.
        head: a hash from a printed report, which must be one of the chain's.

    Raises:
        OnestopError: the period has no approved edition.
    """
    with connection.transaction():
        found = [one for one in store.editions(connection, period) if one.status != "draft"]
        if not found:
            raise OnestopError(
                f"{period}: no edition was approved yet, so there is nothing to verify",
                next_step=f"draft, approve and publish one: onestop quarter draft {period}",
            )
        findings = [*_guards(connection), *_chain(found, head), *_events(connection, period, found)]
        findings += _delivered(connection, period, found)
        rows = files = rendered = 0
        for edition in found:
            said = _manifest(edition, findings)
            for table in TABLES:
                rows += _contents(connection, edition, table, said.get(table.name, {}), findings)
            looked_at, again = _products(connection, settings, edition, findings)
            files, rendered = files + looked_at, rendered + again
    return Verified(period, found[-1].sha256 or "", len(found), rows, files, rendered, tuple(findings))


def _guards(connection: psycopg.Connection[Any]) -> Iterator[Finding]:
    """The triggers that keep editions frozen are there and on."""
    rows = connection.execute(
        "select relname, count(*) from pg_trigger join pg_class on pg_class.oid = tgrelid"
        " where relnamespace = 'published'::regnamespace and not tgisinternal and tgenabled in ('O', 'A') group by relname"
    ).fetchall()
    there: Mapping[str, int] = dict(rows)
    for table, wanted in GUARDS.items():
        if there.get(table, 0) != wanted:
            yield Finding(0, table, "", f"{wanted} triggers should guard it, {there.get(table, 0)} do")


def _chain(found: list[Edition], head: str | None) -> Iterator[Finding]:
    def at(edition: Edition, what: str) -> Finding:
        return Finding(edition.version, "edition", "", what)

    for number, edition in enumerate(found, 1):
        if edition.version != number:
            yield at(edition, f"edition {number} is missing before it")
            break
    if found[0].previous_sha256 is not None:
        yield at(found[0], "previous_sha256 should be empty: it is the first")
    for before, edition in pairwise(found):
        if edition.previous_sha256 != before.sha256:
            yield at(edition, f"previous_sha256 is not the sha256 of edition {before.version}")
    published = [one for one in found if one.published_at is not None]
    for one in published:
        wanted = "published" if one is published[-1] else "superseded"
        if one.status != wanted:
            yield at(one, f"status is {one.status}, should be {wanted}")
    if head is not None and head.strip().lower() not in {one.sha256 for one in found}:
        yield Finding(
            0, "edition", "", f"no edition has the hash {head.strip()}: the chain is not the one that was printed"
        )


def _manifest(edition: Edition, findings: list[Finding]) -> dict[str, dict[str, Any]]:
    """The tables' hashes as the manifest has them; what it says of the edition is compared with its row."""
    if canonical.sha256(edition.manifest or "") != edition.sha256:
        findings.append(Finding(edition.version, "edition", "", "manifest: its hash is not sha256"))
    try:
        said = json.loads(edition.manifest or "")
        tables: dict[str, dict[str, Any]] = said["tables"]
    except (ValueError, KeyError, TypeError):
        findings.append(Finding(edition.version, "edition", "", "manifest: it cannot be read"))
        return {}
    for name, value in canonical.facts(edition).items():
        if said.get(name) != value:
            findings.append(
                Finding(edition.version, "edition", "", f"{name} is {value}, was approved as {said.get(name)}")
            )
    return tables


def _contents(
    connection: psycopg.Connection[Any],
    edition: Edition,
    table: Table,
    said: Mapping[str, Any],
    findings: list[Finding],
) -> int:
    """Compare a table with the manifest; where it differs, find the rows. Its rows now."""
    row = connection.execute(
        "select row_count, sha256, row_checks from published.content where edition_id = %s and table_name = %s",
        [edition.edition_id, table.name],
    ).fetchone()
    checks = bytes(row[2]) if row else b""

    def note(name: str, what: str, where: str = table.name) -> None:
        findings.append(Finding(edition.version, where, name, what))

    found = canonical.hashed(connection, edition.edition_id, table)
    if not said and row is None and not found.rows:
        return 0  # a table that an earlier version of onestop did not have yet
    is_whole = found.sha256 == said.get("sha256") and found.rows == said.get("rows")
    if row is None or (row[0], row[1]) != (said.get("rows"), said.get("sha256")):
        note(f"table_name {table.name}", "it is not what the manifest says", "content")
    if hashlib.sha256(checks).hexdigest() != said.get("row_checks_sha256"):
        note(f"table_name {table.name}", "row_checks are not those that were approved", "content")
        if not is_whole:
            note("", "changed; the row cannot be named")
    elif not is_whole:
        named = list(_rows_that_differ(connection, edition, table, checks))
        for name, what in named[:MOST_ROWS]:
            note(name, what)
        if len(named) > MOST_ROWS:
            note("", f"{len(named) - MOST_ROWS} more rows differ")
        if not named:
            note("", "its hash is not the one that was approved")
    return found.rows


def _rows_that_differ(
    connection: psycopg.Connection[Any], edition: Edition, table: Table, checks: bytes
) -> Iterator[tuple[str, str]]:
    """Rows that were changed, added or removed: their names, and what was done."""
    kept = [checks[i : i + CHECK_BYTES] for i in range(0, len(checks), CHECK_BYTES)]
    waiting: dict[bytes, list[int]] = {}
    for place, check in enumerate(kept):
        waiting.setdefault(check, []).append(place)
    strange, last = [], "its first row"
    after: dict[int, str] = {}
    for place, line in enumerate(canonical.lines(connection, edition.edition_id, table)):
        name = table.named(canonical.values(line)) if table.key else "its only row"
        places = waiting.get(canonical.row_check(line))
        if places:
            places.pop(0)
        else:
            strange.append((place, name))
        after.setdefault(place, last)
        last = name
    gone = sorted(place for places in waiting.values() for place in places)
    for _, name in strange:
        yield name, "changed" if gone else "added"
        if gone:
            gone.pop(0)
    for place in gone:
        yield f"row {place + 1}, after {after.get(place, last)}", "removed"


def _events(connection: psycopg.Connection[Any], period: Period, found: list[Edition]) -> Iterator[Finding]:
    """The events are chained, and say what the editions say of their publishing."""
    previous, when = None, {}
    for event in store.events(connection, period):
        name = f"event_id {event['event_id']}"
        if event["previous_sha256"] != previous:
            yield Finding(event["version"], "event", name, "it does not follow the event before")
        if store.event_hash(period, event["version"], event, previous) != event["sha256"]:
            yield Finding(event["version"], "event", name, "changed")
        previous = event["sha256"]
        when[event["version"], event["event"]] = (event["happened_at"], event["by_whom"])
    for one in found:
        facts = {
            "approved": (one.approved_at, one.approved_by),
            "published": (one.published_at, one.published_by),
        }
        for kind, (at, by) in facts.items():
            if at is not None and when.get((one.version, kind)) != (at, by):
                yield Finding(
                    one.version, "edition", "", f"{kind}: {at:%Y-%m-%d %H:%M} by {by} is not what the events say"
                )
        if one.superseded_at is not None and when.get((one.version, "superseded"), (None,))[0] != one.superseded_at:
            yield Finding(one.version, "edition", "", "superseded_at is not what the events say")


def _delivered(connection: psycopg.Connection[Any], period: Period, found: list[Edition]) -> Iterator[Finding]:
    """What was delivered went out under the hashes that the editions have: a chain made anew whole has others."""
    rows = connection.execute(
        "select distinct version, head from published.delivery"
        " where period_convention = %s and period = %s and head is not null order by version, head",
        [period.convention, period.name],
    ).fetchall()
    heads = {one.version: one.sha256 for one in found}
    for version, head in rows:
        if heads.get(version) != head:
            yield Finding(version, "edition", "", f"it was delivered under another hash, {head}")


def _products(
    connection: psycopg.Connection[Any], settings: Settings, edition: Edition, findings: list[Finding]
) -> tuple[int, int]:
    """The stored files, those of the folder, and those rendered anew are the same bytes; how many of the first and last."""
    if edition.published_at is None:
        return 0, 0
    kept = products.kept(connection, edition)
    said: dict[str, str] = {}
    for event in store.events(connection, edition.value):
        if event["version"] == edition.version and event["event"] == "published":
            said = json.loads(event["details"] or "{}").get("files", {})

    def note(name: str, what: str) -> None:
        findings.append(Finding(edition.version, "product", f"file_name {name}", what))

    for name in sorted(said.keys() - kept.keys()):
        note(name, "removed")
    same = [made_by for _, _, made_by in kept.values()] == [products.renderer()] * len(kept)
    try:
        again = products.render_edition(connection, edition, settings.zone) if same else {}
    except OnestopError as problem:
        again = {}
        note("*", problem.message)
    for name, (content, sha256, _) in kept.items():
        if store.file_hash(content) != sha256 or said.get(name) != sha256:
            note(name, "its bytes are not those that were published")
        if again and again.get(name) != content:
            note(name, "rendered again it has other bytes")
        path = products.folder(settings, edition) / name
        if path.exists() and path.read_bytes() != content:
            note(name, f"the file in {path.parent.name} is not the one that was published")
    return len(kept), len(again)
