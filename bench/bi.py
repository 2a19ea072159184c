"""How fast BI's twelve queries answer: as the province and as a unit, with the rights of a unit and without, while nothing
else runs and while a load writes. `python -m bench bi=250000`.

Three ask in turn, so that all have the same caches: the province's login, a unit's, and one without policies whose query
holds the same rows in words. What rights cost is the second against the third.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import sqlglot
from psycopg import sql
from sqlglot import exp

from bench.place import planted_place
from onestop.sandbox import planted
from onestop.transform.dbt import build
from onestop.warehouse import bi_logins
from onestop.warehouse.bi_logins import Login
from onestop.warehouse.connection import connect
from onestop.warehouse.rights import declaration

QUERIES = Path(__file__).parents[1] / "docs" / "bi"
ROUNDS = 15
PASSWORD = "for one measurement alone"
PROVINCE, UNIT = "bi_bench_province", "bi_bench_unit"


@dataclass(frozen=True)
class Answer:
    """Seconds of one query as one login; 95 of 100 were at most `p95`."""

    query: str
    who: str
    state: str
    median: float
    p95: float


def measure(dossiers: int) -> list[Answer]:
    """Every query, by login, idle and during a load."""
    with planted_place(dossiers) as (dsn, folder):
        build(
            dsn,
            province_code=planted.PROVINCE,
            timezone="Asia/Ho_Chi_Minh",
            known_at=planted.KNOWN_AT,
            target_path=folder / "dbt",
        )
        with closing(connect(dsn, autocommit=True)) as owner:
            unit = _busiest_unit(owner)
            for login in (Login(PROVINCE, None), Login(UNIT, unit)):
                bi_logins.add(owner, login, PASSWORD, by="bench")
            period = _newest_quarter(owner)
            ((units,),) = owner.execute(
                "select array_agg(distinct agency_code) from mart.dim_agency where %s = any(string_to_array(tree_path, '/'))",
                [unit],
            ).fetchall()
        texts = {
            path.stem: _of(path.read_text(encoding="utf-8"), unit, period) for path in sorted(QUERIES.glob("*.sql"))
        }
        found = list(_asked(dsn, texts, units, "idle"))
        with _Load(dsn):
            found += _asked(dsn, texts, units, "during a load")
        return found


def show(answers: list[Answer]) -> None:
    """Print each query's p95 by login and state, then what rights cost and what a load costs."""
    for state in ("idle", "during a load"):
        for who in ("province", "unit", "unit, no policies"):
            those = [one for one in answers if (one.state, one.who) == (state, who)]
            worst = max(those, key=lambda one: one.p95)
            print(f"  {state:14} {who:18} worst p95 {worst.p95 * 1000:7.0f} ms ({worst.query})")
    by = {(one.query, one.who, one.state): one for one in answers}
    rights = [
        (one.median / by[one.query, "unit, no policies", "idle"].median, one.query)
        for one in answers
        if (one.who, one.state) == ("unit", "idle")
    ]
    load = [
        (one.p95 / by[one.query, one.who, "idle"].p95, one.query) for one in answers if one.state == "during a load"
    ]
    print(f"  rights cost {statistics.median(r for r, _ in rights):.2f} times (median of queries), worst {max(rights)}")
    print(f"  a load costs {statistics.median(r for r, _ in load):.2f} times (median), worst {max(load)}")
    for one in sorted(answers, key=lambda one: -one.p95)[:12]:
        print(
            f"    {one.query:16} {one.who:18} {one.state:14} {one.median * 1000:7.0f} {one.p95 * 1000:7.0f} ms",
            flush=True,
        )


def _asked(dsn: str, texts: dict[str, str], units: list[str], state: str) -> Iterator[Answer]:
    """Each query by each way to ask it."""
    ways: dict[str, Callable[[], psycopg.Connection[Any]]] = {
        "province": lambda: psycopg.connect(_as(dsn, PROVINCE), autocommit=True),
        "unit": lambda: psycopg.connect(_as(dsn, UNIT), autocommit=True),
        "unit, no policies": lambda: psycopg.connect(_as(dsn, PROVINCE), autocommit=True),
    }
    for query, text in texts.items():
        said = dict.fromkeys(ways, text) | {"unit, no policies": _in_words(text, units)}
        seconds: dict[str, list[float]] = {who: [] for who in ways}
        opened = {who: way() for who, way in ways.items()}
        try:
            for number in range(ROUNDS + 2):
                for who, connection in opened.items():
                    began = time.perf_counter()
                    connection.execute(said[who].encode()).fetchall()
                    if number >= 2:  # the first warm the caches
                        seconds[who].append(time.perf_counter() - began)
        finally:
            for connection in opened.values():
                connection.close()
        for who, taken in seconds.items():
            yield Answer(query, who, state, statistics.median(taken), statistics.quantiles(taken, n=20)[-1])


class _Load:
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


def _of(text: str, unit: str, period: str) -> str:
    return text.replace("'H15.07'", f"'{unit}'").replace("2024-Q3", period)


def _in_words(text: str, units: list[str]) -> str:
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


def _busiest_unit(connection: psycopg.Connection[Any]) -> str:
    ((code,),) = connection.execute(
        "select agency_code from mart.fct_dossier group by 1 order by count(*) desc, 1 limit 1"
    ).fetchall()
    return str(code)


def _newest_quarter(connection: psycopg.Connection[Any]) -> str:
    ((period,),) = connection.execute(
        "select period from mart.dim_period where period_kind = 'quarter' and not is_preliminary"
        " and period_convention = 'statutory' order by period desc limit 1"
    ).fetchall()
    return str(period)


def _as(dsn: str, login: str) -> str:
    parts = urlsplit(dsn)
    return parts._replace(netloc=f"{login}:{PASSWORD.replace(' ', '%20')}@{parts.hostname}:{parts.port}").geturl()
