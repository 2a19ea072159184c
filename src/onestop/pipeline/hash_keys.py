"""Which keys the warehouse's hashes were made with: a new key is used only once all that is stored follows it.

Until `onestop keys rotate` has done that, loads go on with the keys before: the same person and the same record have the
same hash at any moment, and nothing looks new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg

from onestop.crypto import hash_key_id
from onestop.errors import ConfigurationError
from onestop.pipeline.keys import FORMER, HASH_KEY, Keys, chain


def in_force(connection: psycopg.Connection[Any], keys: Keys) -> Keys:
    """The keys that this warehouse's hashes are made with now; an empty warehouse takes all that are at hand.

    Call it with the source's lock held: a rotation waits for that.

    Raises:
        ConfigurationError: the stored hashes were made with other keys.
    """
    names = stored(connection)
    if not names:
        names = [hash_key_id(key) for key in (keys.ring[:1] if _has_rows(connection) else keys.ring)]
        note(connection, names, first=1)
        names = stored(connection)  # another load may have been first
    return replace(keys, hash=chain(keys.ring[: fitting(keys, names)]))


def fitting(keys: Keys, names: Sequence[str]) -> int:
    """How many keys of the ring are in force.

    Raises:
        ConfigurationError: the stored hashes were made with others.
    """
    at_hand = [hash_key_id(key) for key in keys.ring]
    if at_hand[: len(names)] != list(names):
        raise ConfigurationError(
            f"the warehouse's hashes were made with key {', then '.join(names)}; at hand: {', then '.join(at_hand)}",
            next_step=f"set {HASH_KEY} to the key that it was, or put that into {HASH_KEY}{FORMER} to go on with a new one",
        )
    return len(names)


def stored(connection: psycopg.Connection[Any]) -> list[str]:
    """The names of the keys that stored hashes were made with, oldest first."""
    return [row[0] for row in connection.execute("select key_id from ops.hash_key order by key_number").fetchall()]


def note(connection: psycopg.Connection[Any], names: Sequence[str], *, first: int) -> None:
    """These keys are in force from now on."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.hash_key (key_number, key_id) values (%s, %s) on conflict do nothing",
            list(enumerate(names, first)),
        )


def _has_rows(connection: psycopg.Connection[Any]) -> bool:
    """Whether something is stored under a key that nobody noted, by an older version."""
    row = connection.execute(
        "select exists (select from ops.load_batch where source_id <> 'reference' and accepted + quarantined > 0)"
    ).fetchone()
    return bool(row and row[0])
