"""What is kept of a person or of one dossier is removed: landed records, the hash of the identity number, sealed parts.

Figures stay: a version in raw holds codes and dates and no person. Published editions are not touched. Every place that was
looked at is a row of ops.erasure, with a proof; the audit has the whole. Killed, it goes on where it was.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from onestop.config import Settings
from onestop.crypto import keyed_hash
from onestop.errors import ConfigurationError
from onestop.landing.upkeep import Erased, Upkeep
from onestop.pipeline.hash_keys import in_force
from onestop.pipeline.ingest_result import Progress
from onestop.pipeline.key_rotation import hashed_columns, owner, without_loads
from onestop.pipeline.keys import Keys, load_keys
from onestop.sources.text import as_text

_HASH = re.compile(r"[0-9a-f]{32}")
_CODES, _IDENTITY = ("MaHoSo", "MaPAKN"), "SoDinhDanh"  # in every specification's records
_PORTAL_RUNS = """
    select distinct batch.landing_path
    from ops.load_batch as batch
    where batch.landing_path is not null and batch.entity in ('rating', 'dossier', 'payment') and (
        exists (select from raw.portal_rating as held where held.batch_id = batch.batch_id and held.ma_ho_so = any(%(codes)s))
        or exists (
            select from quarantine.rejected_row as held left join quarantine.row_sighting as seen using (rejected_id)
            left join ops.portal_file as file on file.file_id = seen.file_id
            where (held.batch_id = batch.batch_id or file.batch_id = batch.batch_id)
            and held.source_id = any(%(sources)s)
            and upper(regexp_replace(held.payload ->> 'MaHoSo', '\\s', '', 'g')) = any(%(codes)s)
        )
    )
"""


@dataclass(frozen=True)
class Subject:
    """Whose data: one dossier or case by its code, or a person by the keyed hash of the identity number."""

    codes: frozenset[str]
    hashes: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """As it is kept: no more of a hash than tells it from others."""
        return f"person {min(self.hashes)[:8]}" if self.hashes else ", ".join(sorted(self.codes))


@dataclass(frozen=True)
class Place:
    """One place that was looked at: how much there was, how much was removed, and what proves it."""

    place: str
    found: int
    removed: int
    proof: str


def erase(
    settings: Settings,
    *,
    by: str,
    reason: str,
    dossier: str | None = None,
    identity: str | None = None,
    person_hash: str | None = None,
    dry_run: bool = False,
    progress: Progress = lambda step, done: None,
) -> tuple[Subject, list[Place]]:
    """Remove what is kept of a dossier or a person.

    Args:
        by: who decided it; the audit keeps it. reason: on what legal ground.
        dossier, identity, person_hash: exactly one: a code, an identity number, or its keyed hash.
        dry_run: only look in the warehouse; the landing is not searched.

    Raises:
        ConfigurationError: not exactly one is given, or it cannot be one; a key is not at hand.
    """
    if len([one for one in (dossier, identity, person_hash) if one]) != 1:
        raise ConfigurationError(
            "say whose data: a dossier's code, an identity number, or its hash",
            next_step="give one of --dossier, --identity-file and --hash",
        )
    who, why = " ".join(by.split()), " ".join(reason.split())
    if not who or not why:
        raise ConfigurationError("erasure needs a name and a legal reason", next_step="--by '...' --reason '...'")
    keys = load_keys(settings)
    with owner(settings, "erase") as connection, without_loads(connection):
        keys = in_force(connection, keys)
        subject = _subject(connection, keys, dossier, identity, person_hash)
        steps = _Erasing(settings, connection, keys, subject, who, why, dry_run)
        places: list[Place] = []
        if not dry_run:
            progress("landing", 0)
            places += steps.landing()
        # The hash last: by it a person's dossiers are found again where this was killed.
        places += [steps.payloads(), *steps.hashes()]
        return subject, places


def _subject(
    connection: psycopg.Connection[Any], keys: Keys, dossier: str | None, identity: str | None, person_hash: str | None
) -> Subject:
    if dossier:
        return Subject(frozenset([_code(dossier)]))
    hashed = person_hash or keyed_hash(unicodedata.normalize("NFC", (identity or "").strip()), keys.hash)
    if not _HASH.fullmatch(hashed):
        raise ConfigurationError("a keyed hash has 32 digits 0-9 a-f", next_step="read it from raw.one_stop_dossier")
    rows = connection.execute(
        "select distinct ma_ho_so from raw.one_stop_dossier where so_dinh_danh_hash = %s", [hashed]
    ).fetchall()
    return Subject(frozenset(row[0] for row in rows), frozenset([hashed]))


def _code(value: object) -> str:
    """A code in the form that raw has."""
    return "".join(unicodedata.normalize("NFC", as_text(value) or "").upper().split())


@dataclass
class _Erasing:
    settings: Settings
    connection: psycopg.Connection[Any]
    keys: Keys
    subject: Subject
    by: str
    reason: str
    dry_run: bool

    def hashes(self) -> list[Place]:
        """The hash of the identity number in raw; the row, which figures count, stays."""
        return [self._hash(place) for place in hashed_columns(self.connection)]

    def _hash(self, place: tuple[str, str, str]) -> Place:
        schema, table, column = place
        names = {"table": sql.Identifier(schema, table), "column": sql.Identifier(column)}
        which = " where {column} is not null and ({column} = any(%(hashes)s) or ma_ho_so = any(%(codes)s))"
        given = {"hashes": list(self.subject.hashes), "codes": list(self.subject.codes)}
        with self.connection.transaction():
            rows = self.connection.execute(
                sql.SQL("select batch_id, row_number from {table}" + which).format(**names), given
            ).fetchall()
            if not self.dry_run:
                self.connection.execute(sql.SQL("update {table} set {column} = null" + which).format(**names), given)
            proof = "rows (batch/row) " + " ".join(f"{batch}/{row}" for batch, row in rows)
            return self._kept(Place(".".join(place), len(rows), len(rows), proof))

    def payloads(self) -> Place:
        """The sealed parts of rejected rows; what is not personal stays, so that the row can still be judged."""
        with self.connection.transaction():
            rows = self.connection.execute(
                "select rejected_id, payload from quarantine.rejected_row where payload::text like '%%enc1:%%'"
                " and (key_code = any(%(codes)s) or upper(regexp_replace(payload ->> 'MaHoSo', '\\s', '', 'g')) = any(%(codes)s)"
                " or %(by_person)s)",
                {"codes": list(self.subject.codes), "by_person": bool(self.subject.hashes)},
            ).fetchall()
            taken = [(row, payload) for row, payload in rows if self._is_of(payload)]
            if not self.dry_run:
                with self.connection.cursor() as cursor:
                    cursor.executemany(
                        "update quarantine.rejected_row set payload = %s where rejected_id = %s",
                        [(Jsonb(_bare(payload)), row) for row, payload in taken],
                    )
            proof = "rows " + " ".join(str(row) for row, _ in taken)
            return self._kept(Place("quarantine.rejected_row.payload", len(taken), len(taken), proof))

    def _is_of(self, payload: Mapping[str, Any]) -> bool:
        identity = payload.get(_IDENTITY)
        if isinstance(identity, dict) and self.subject.hashes:
            identity = orjson.loads(self.keys.decrypt_payload(identity["encrypted"]))
        return self._drops({**payload, _IDENTITY: identity})

    def _drops(self, record: Mapping[str, Any]) -> bool:
        if any(_code(record[name]) in self.subject.codes for name in _CODES if record.get(name)):
            return True
        identity = record.get(_IDENTITY)
        if not self.subject.hashes or not isinstance(identity, str | int):
            return False
        text = unicodedata.normalize("NFC", (as_text(identity) or "").strip())
        return bool(text) and keyed_hash(text, self.keys.hash) in self.subject.hashes

    def landing(self) -> list[Place]:
        """Landed records of polled sources; files of the portal whole, because nothing is ever replayed from them."""
        upkeep = Upkeep(self.settings.landing_url, self.keys.data, options=self.settings.landing_options)
        # Sources that province.yml names no more have left their deliveries behind.
        kinds = dict(self.connection.execute("select source_id, kind from ops.source").fetchall())
        portals = [source for source, kind in kinds.items() if kind == "portal_export"]
        others = kinds.keys() - set(portals)
        places = [self._kept(_of_run(found)) for found in upkeep.erase(others, self._drops)]
        for path in self._portal_runs(portals):
            if found := upkeep.remove_run(path):
                places.append(self._kept(replace(_of_run(found), found=1, removed=1)))
        return places or [self._kept(Place("landing", 0, 0, "searched whole"))]

    def _portal_runs(self, sources: Collection[str]) -> Sequence[str]:
        given = {"codes": list(self.subject.codes), "sources": list(sources)}
        return [row[0] for row in self.connection.execute(_PORTAL_RUNS.encode(), given).fetchall()]

    def _kept(self, place: Place) -> Place:
        if self.dry_run:
            return replace(place, removed=0)
        self.connection.execute(
            "insert into ops.erasure (subject, by_whom, reason, place, found, removed, proof)"
            " values (%s, %s, %s, %s, %s, %s, %s)",
            [self.subject.name, self.by, self.reason, place.place, place.found, place.removed, place.proof],
        )
        return place


def _of_run(found: Erased) -> Place:
    pages = "; ".join(f"{before} -> {after or 'removed'}" for before, after in found.pages)
    return Place(f"landing {found.path}", found.records, found.records, pages)


def _bare(value: Any) -> Any:
    """A payload without its sealed parts."""
    if isinstance(value, dict):
        if value.keys() == {"encrypted"}:
            return None
        return {name: _bare(part) for name, part in value.items()}
    return [_bare(part) for part in value] if isinstance(value, list) else value
