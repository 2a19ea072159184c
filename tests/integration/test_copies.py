"""COPYs beside what comes next: on the caller's transaction, one after the other; their faults are the caller's."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pyarrow as pa
import pytest

from onestop.warehouse.copy import Copies, bytea, copy_columns

pytestmark = [pytest.mark.integration, pytest.mark.every_server]


def columns(first: int, count: int = 2_000) -> dict[str, pa.Array]:
    values = [number.to_bytes(16) for number in range(first, first + count)]
    return {"number": pa.array(range(first, first + count)), "hash": bytea(values)}


def test_they_are_part_of_the_transaction_and_follow_one_another(warehouse: str) -> None:
    with closing(psycopg.connect(warehouse)) as connection, connection.cursor() as cursor:
        cursor.execute("create temporary table copied (number bigint, hash bytea)")
        copies = Copies()
        with copies.beside():
            for first in (0, 2_000, 4_000):
                copies.start(cursor, "pg_temp", "copied", columns(first))
            copies.wait()
            cursor.execute("select count(*), min(encode(hash, 'hex')), max(encode(hash, 'hex')) from copied")
            assert cursor.fetchone() == (6_000, bytes(16).hex(), (5_999).to_bytes(16).hex())
            copies.start(cursor, "pg_temp", "copied", columns(6_000))
        copies.start(cursor, "pg_temp", "copied", columns(8_000))  # outside of the block: done at once
        cursor.execute("select count(*) from copied")
        assert cursor.fetchone() == (10_000,)
        connection.rollback()
        assert connection.execute("select to_regclass('pg_temp.copied')").fetchone() == (None,)


SIGNS = ["a", "a, b", "ế", None, "", "a\tb", "a\nb", "a\r", 'a"b', "\\N", "\\.", "a\\\\b", "\x1f", "NULL"]


@pytest.mark.parametrize(
    "left_out", [(), ('a"b', "a\tb", "a\nb", "a\r"), ('a"b', "a\tb", "a\nb", "a\r", "\\N", "\\.", "a\\\\b"), SIGNS[4:]]
)
def test_texts_arrive_as_they_are(warehouse: str, left_out: tuple[str, ...]) -> None:
    texts = [text for text in SIGNS if text not in left_out]
    for given in (texts, [text for text in texts if text != ""], [None]):
        written = {"place": pa.array(range(len(given))), "text": pa.array(given, pa.string())}
        hashes = bytea([bytes([place, 0x5C, 0xFF]) for place in range(len(given) + 1)])[1:]
        with closing(psycopg.connect(warehouse)) as connection, connection.cursor() as cursor:
            cursor.execute("create temporary table copied (place bigint, text text, hash bytea)")
            assert copy_columns(cursor, "pg_temp", "copied", written | {"hash": hashes}) == len(given)
            cursor.execute("select text, hash from copied order by place")
            assert cursor.fetchall() == [(text, bytes([at, 0x5C, 0xFF])) for at, text in enumerate(given, 1)]
            connection.rollback()


def test_a_fault_is_raised_where_the_caller_waits(warehouse: str) -> None:
    with closing(psycopg.connect(warehouse)) as connection, connection.cursor() as cursor:
        copies = Copies()
        with pytest.raises(psycopg.errors.UndefinedTable), copies.beside():
            copies.start(cursor, "raw", "nothing", columns(0))
        connection.rollback()
        with pytest.raises(psycopg.errors.UndefinedTable), copies.beside():
            copies.start(cursor, "raw", "nothing", columns(0))
            copies.start(cursor, "raw", "nothing", columns(0))


def test_the_connection_is_free_when_the_caller_gives_up(warehouse: str) -> None:
    with closing(psycopg.connect(warehouse)) as connection, connection.cursor() as cursor:
        cursor.execute("create temporary table copied (number bigint, hash bytea)")
        copies = Copies()
        with pytest.raises(KeyError), copies.beside():
            copies.start(cursor, "pg_temp", "copied", columns(0, 200_000))
            raise KeyError
        cursor.execute("select count(*) from copied")
        assert cursor.fetchone() == (200_000,)
        connection.rollback()
