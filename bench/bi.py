"""How fast BI is answered on one planted and built warehouse: the twelve queries of docs/bi, and every chart and filter of
every dashboard of Superset, by login, idle and during a load. `python -m bench bi=250000`; dashboards alone:
`python -m bench dashboards=250000`; several sizes: `python -m bench.bi 1000000 4000000`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from functools import reduce
from pathlib import Path
from typing import Any

import psycopg

from bench import around, dashboards
from bench.asking import IDLE, LOADED, PASSWORD, PROVINCE, UNIT, Load, Question, asked, show
from bench.place import planted_place
from onestop.sandbox import planted
from onestop.transform.dbt import build
from onestop.warehouse import bi_logins
from onestop.warehouse.bi_logins import Login
from onestop.warehouse.connection import connect

QUERIES = Path(__file__).parents[1] / "docs" / "bi"
PARTS = ("queries", "dashboards")


def run(dossiers: int, parts: Sequence[str] = PARTS) -> None:
    """Plant and build once, then measure the parts named and print what came out."""
    with planted_place(dossiers) as (dsn, folder):
        with closing(connect(dsn)) as connection, connection.transaction():
            around.plant(connection, dossiers)
        built = build(
            dsn,
            province_code=planted.PROVINCE,
            timezone="Asia/Ho_Chi_Minh",
            known_at=planted.KNOWN_AT,
            target_path=folder / "dbt",
        )
        print(f"{dossiers:,} dossiers, built in {built.seconds:.0f} s", flush=True)
        ask(dsn, folder, parts)


def ask(dsn: str, folder: Path, parts: Sequence[str] = PARTS) -> None:
    """Measure the parts named on a warehouse that is built; its embedded server lies in `folder`/.local."""
    with closing(connect(dsn, autocommit=True)) as owner:
        unit = _first(owner, "select agency_code from mart.fct_dossier group by 1 order by count(*) desc, 1 limit 1")
        for login in (Login(PROVINCE, None), Login(UNIT, unit)):
            bi_logins.add(owner, login, PASSWORD, by="bench")
        period = _first(
            owner,
            "select period from mart.dim_period where period_kind = 'quarter' and not is_preliminary"
            " and period_convention = 'statutory' order by period desc limit 1",
        )
        figures = _first(owner, "select to_char(count(*), 'FM999,999,999') from mart.quarterly_metric")
        ((units,),) = owner.execute("select units from ops.bi_login where login = %s", [UNIT]).fetchall()
    print(f"{figures} figures; the unit is {unit}, the quarter {period}", flush=True)
    if "queries" in parts:
        print("The twelve queries (aim: p95 200 ms idle, twice that in a load; rights 1.2)", flush=True)
        texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(QUERIES.glob("*.sql"))}
        words = {"'H15.07'": f"'{unit}'", "2024-Q3": period, "'commune'": "'department'"}  # there are no communes here
        for name, text in texts.items():
            texts[name] = reduce(lambda text, word: text.replace(word, words[word]), words, text)
        _measured(dsn, [Question(name, text, text) for name, text in texts.items()], units)
    if "dashboards" in parts:
        print("Every chart and filter of every dashboard, the same aims", flush=True)
        try:
            questions = dashboards.questions(folder, unit)
        except dashboards.NoSupersetError as missing:
            print(f"  NOT MEASURED: {missing}", flush=True)
        else:
            _measured(dsn, questions, units)


def _measured(dsn: str, questions: Sequence[Question], units: Sequence[str]) -> None:
    found = list(asked(dsn, questions, units, IDLE))
    with Load(dsn):
        found += asked(dsn, questions, units, LOADED)
    show(found)


def _first(connection: psycopg.Connection[Any], text: str) -> str:
    ((value,),) = connection.execute(text.encode()).fetchall()
    return str(value)


if __name__ == "__main__":
    for size in sys.argv[1:] or ["1000000", "4000000"]:
        run(int(size))
