"""How fast questions to the warehouse are answered, by login: the province's, a unit's, and one without policies whose
question holds the unit's rows in words. What rights cost is the second against the third.

All ask in turn, so that all have the same caches. `Load` writes meanwhile as a night's load writes.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
import sqlglot
from psycopg import sql
from sqlglot import exp

from onestop.warehouse import bi_logins
from onestop.warehouse.connection import connect
from onestop.warehouse.rights import declaration

ROUNDS, ENOUGH_SECONDS = 20, 30.0
PASSWORD = "for one measurement alone"
PROVINCE, UNIT = "bi_bench_province", "bi_bench_unit"
IDLE, LOADED = "idle", "during a load"
AS_PROVINCE, AS_UNIT, IN_WORDS = "province", "unit", "unit, no policies"


@dataclass(frozen=True)
class Question:
    """What the province asks, and what a unit asks; either may have no such question."""

    name: str
    of_province: str | None
    of_unit: str | None

    def texts(self, units: Sequence[str]) -> dict[str, str]:
        """Its SQL by who asks."""
        found = {} if self.of_province is None else {AS_PROVINCE: self.of_province}
        if self.of_unit is not None:
            found |= {AS_UNIT: self.of_unit, IN_WORDS: in_words(self.of_unit, units)}
        return found


@dataclass(frozen=True)
class Answer:
    """Seconds of one question as one login; 95 of 100 were at most `p95`. rows: how many came."""

    query: str
    who: str
    state: str
    median: float
    p95: float
    rows: int


def asked(dsn: str, questions: Sequence[Question], units: Sequence[str], state: str) -> Iterator[Answer]:
    """Each question by each way to ask it."""
    ways: dict[str, Callable[[], psycopg.Connection[Any]]] = {
        AS_PROVINCE: lambda: psycopg.connect(as_login(dsn, PROVINCE), autocommit=True),
        AS_UNIT: lambda: psycopg.connect(as_login(dsn, UNIT), autocommit=True),
        IN_WORDS: lambda: psycopg.connect(as_login(dsn, PROVINCE), autocommit=True),
    }
    for question in questions:
        said = question.texts(units)
        seconds: dict[str, list[float]] = {who: [] for who in said}
        rows: dict[str, int] = {}
        opened = {who: ways[who]() for who in said}
        started = time.perf_counter()
        try:
            for number in range(ROUNDS + 2):
                for who, connection in opened.items():
                    began = time.perf_counter()
                    rows[who] = len(connection.execute(said[who].encode()).fetchall())
                    if number >= 2:  # the first warm the caches
                        seconds[who].append(time.perf_counter() - began)
                if number >= 6 and time.perf_counter() - started > ENOUGH_SECONDS:
                    break
        finally:
            for connection in opened.values():
                connection.close()
        if question.of_unit is not None and rows[AS_UNIT] != rows[IN_WORDS]:
            raise RuntimeError(f"{question.name}: {rows[AS_UNIT]} rows by rights, {rows[IN_WORDS]} in words")
        for who, taken in seconds.items():
            p95 = statistics.quantiles(taken, n=20, method="inclusive")[-1]
            yield Answer(question.name, who, state, statistics.median(taken), p95, rows[who])


def show(answers: list[Answer]) -> None:
    """Print the worst p95 by login and state, what rights cost, what a load costs, and the slowest questions."""
    for state in (IDLE, LOADED):
        for who in (AS_PROVINCE, AS_UNIT, IN_WORDS):
            those = [one for one in answers if (one.state, one.who) == (state, who)]
            worst = max(those, key=lambda one: one.p95)
            print(f"  {state:14} {who:18} worst p95 {worst.p95 * 1000:7.0f} ms ({worst.query}), {len(those)} asked")
    by = {(one.query, one.who, one.state): one for one in answers}
    rights = [
        (one.median / by[one.query, IN_WORDS, IDLE].median, one)
        for one in answers
        if (one.who, one.state) == (AS_UNIT, IDLE)
    ]
    load = [(one.p95 / by[one.query, one.who, IDLE].p95, one) for one in answers if one.state == LOADED]
    for what, ratios in (("rights cost", rights), ("a load costs", load)):
        median = statistics.median(ratio for ratio, _ in ratios)
        print(f"  {what} {median:.2f} times (median); worst {_worst(ratios)}", end="")
        if felt := [(ratio, one) for ratio, one in ratios if one.median >= FELT]:
            print(f"; of {FELT * 1000:.0f} ms and more {_worst(felt)}", end="")
        print()
    for one in sorted(answers, key=lambda one: -one.p95)[:10]:
        print(
            f"    {one.query:60} {one.who:18} {one.state:14} {one.median * 1000:7.0f} {one.p95 * 1000:7.0f} ms,"
            f" {one.rows} rows",
            flush=True,
        )
    if empty := sorted({one.query for one in answers} - {one.query for one in answers if one.rows}):
        print(f"  without a row: {', '.join(empty)}", flush=True)


FELT = 0.01  # seconds: of shorter questions, what the look for a login's units takes is a large part


def _worst(ratios: list[tuple[float, Answer]]) -> str:
    ratio, one = max(ratios, key=lambda pair: pair[0])
    return f"{ratio:.2f} ({one.query}, {one.who}, {one.median * 1000:.1f} ms)"


class Load:
    """Rows written as a night's load writes them, by COPY of whole versions into a table with all of raw's indexes, over and
    over until the block ends."""

    def __init__(self, dsn: str) -> None:
        self._dsn, self._end = dsn, threading.Event()
        self._rows, self._fault = 0, list[BaseException]()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        if self._fault or not self._rows:
            raise RuntimeError("nothing was loaded beside the queries") from next(iter(self._fault), None)

    def _write(self) -> None:
        try:
            with closing(connect(self._dsn, autocommit=True)) as reading, closing(connect(self._dsn)) as writing:
                writing.execute("drop table if exists public.bench_load")
                writing.execute("create table public.bench_load (like raw.one_stop_dossier including all)")
                held = reading.execute(
                    "select array_agg(attname order by attnum) from pg_attribute where attnum > 0"
                    " and attrelid = 'raw.one_stop_dossier'::regclass and attidentity = '' and attgenerated = ''"
                ).fetchall()
                names = sql.SQL(", ").join(map(sql.Identifier, held[0][0]))
                with reading.cursor().copy(
                    sql.SQL("copy (select {} from raw.one_stop_dossier limit 5000) to stdout").format(names)
                ) as out:
                    block = b"".join(bytes(part) for part in out)
                while not self._end.is_set():
                    with writing.cursor().copy(sql.SQL("copy public.bench_load ({}) from stdin").format(names)) as copy:
                        copy.write(block)
                    self._rows += 5_000
                    if self._rows % 50_000 == 0:
                        writing.execute("truncate public.bench_load")
                    writing.commit()
        except BaseException as fault:  # a load that ends early would measure nothing
            self._fault.append(fault)


def in_words(text: str, units: Sequence[str]) -> str:
    """The query with a unit's rows asked for, as the policies of rights.yml would."""
    parsed = sqlglot.parse_one(text, dialect="postgres")
    codes = ", ".join(f"'{code}'" for code in units)
    for table in list(parsed.find_all(exp.Table)):
        right = declaration().of(table.db, table.name).get(bi_logins.UNIT_GROUP)
        if right is not None and right.unit_column:
            rows = f"select * from {table.db}.{table.name} where {right.unit_column} = any(array[{codes}])"
            table.replace(
                exp.alias_(sqlglot.parse_one(f"({rows})", dialect="postgres"), table.alias_or_name, table=True)
            )
    return parsed.sql(dialect="postgres")


def as_login(dsn: str, login: str) -> str:
    parts = urlsplit(dsn)
    return parts._replace(netloc=f"{login}:{PASSWORD.replace(' ', '%20')}@{parts.hostname}:{parts.port}").geturl()
