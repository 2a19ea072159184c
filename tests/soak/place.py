"""A small province with a server of its own, told twice: a first night with a published quarter, and a second night.

What each step of the second night begins with and leaves is kept as a database beside (a template), so that a fault begins
where its step begins, and what is left of it is compared with an undisturbed run.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from onestop import config
from onestop.sandbox.server import OneStopServer
from onestop.warehouse.embedded import WAREHOUSE, EmbeddedPostgres
from soak.disks import LANDING_MEGABYTES, LOCAL_MEGABYTES, small_disk
from soak.player import Player
from worlds import CLIENT, SECRET, dossier, make_world

PERIOD = "2024-Q3"
FIRST, SECOND = "2024-09-25T08:00:00+07:00", "2024-10-10T08:00:00+07:00"
BEFORE, AFTER = 240, 420  # dossiers after the first night, and after the second
LATER = {"NgayCapNhat": "20241001080000"}
Commands = tuple[tuple[str, ...], ...]
SCHEMAS = ("raw", "quarantine", "intermediate", "mart", "report", "published")
# What says which attempt it was, and not what it brought.
_OWN = r"^(recorded_at|happened_at|first_seen_at|delivery_order|batch_id|.*_batch_id|.*place_id|rejected_id|edition_id|event_id|build_id|round_id|.*_run_id|is_moved)$"
_TEXT = "coalesce(regexp_replace({}::text, 'enc1:[^\"]*', 'enc1', 'g'), '')"  # the same sealed twice differs
_COUNTED = "select count(*) || ' rows ' || md5(coalesce(string_agg(md5({0}), '' order by md5({0})), '')) from {1}"


@dataclass
class Place:
    """The province, its server, and the process that runs commands in it."""

    folder: Path
    settings: config.Settings
    postgres: EmbeddedPostgres
    source: OneStopServer
    player: Player
    nights: int
    after: dict[str, dict[str, str]]  # the fingerprints that an undisturbed run leaves, by step, and "before" all
    seconds: dict[str, float]  # and how long it took

    @property
    def now(self) -> str:
        """The moment of the night whose steps are struck."""
        return SECOND if self.nights == 2 else FIRST

    @property
    def steps(self) -> dict[str, Commands]:
        """The steps of that night."""
        return steps(self.nights)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query, as the owner."""
        with closing(psycopg.connect(self.postgres.warehouse_dsn, autocommit=True)) as connection:
            return connection.execute(query.encode(), values or None).fetchall()

    def execute(self, statement: str) -> None:
        """A statement, as the owner."""
        with closing(psycopg.connect(self.postgres.warehouse_dsn, autocommit=True)) as connection:
            connection.execute(statement.encode())

    def one(self, query: str, *values: object) -> Any:
        """Its only value."""
        ((value,),) = self.rows(query, *values)
        return value

    def keep(self, name: str) -> None:
        """Keep the warehouse as it is now, under a name."""
        self._admin("drop database if exists {1}", "create database {1} template {0} strategy file_copy", name)

    def back_to(self, name: str) -> None:
        """The warehouse as it was kept; files of later editions are gone."""
        self._admin(
            "drop database if exists {0} with (force)", "create database {0} owner {0} template {1} strategy file_copy",
            name,
        )  # fmt: skip
        with closing(psycopg.connect(self.postgres.warehouse_dsn, autocommit=True)) as connection:
            connection.execute("select ops.apply_database_rights()")
        for folder in self.settings.reports_path.glob(f"*/edition-{self.nights}"):
            shutil.rmtree(folder)

    def _admin(self, *words: str) -> None:
        *statements, name = words
        with closing(psycopg.connect(self.postgres.admin_dsn, autocommit=True)) as connection:
            for statement in statements:
                connection.execute(sql.SQL(statement).format(sql.Identifier(WAREHOUSE), sql.Identifier(f"kept_{name}")))

    def fingerprint(self, *schemas: str) -> dict[str, str]:
        """The rows of each table and view."""
        return fingerprint(self.postgres.warehouse_dsn, *schemas or SCHEMAS)


@contextmanager
def place(*, nights: int = 2, small_disks: bool = False) -> Iterator[Place]:
    """The province with its nights played once, undisturbed; everything stopped and removed at the end.

    The server does not wait for the disk: a killed server loses nothing by that, a machine would.

    Args:
        nights: 1: the night that is struck is the first one, its edition the first: cheaper by a build.
        small_disks: `.local` and the landing are small disks of their own; only where `may_mount()`.
    """
    folder = Path(tempfile.mkdtemp(prefix="onestop-soak-")).resolve()
    folder.chmod(0o755)
    with (
        ExitStack() as disks,
        pytest.MonkeyPatch.context() as patch,
        OneStopServer(first_night(), CLIENT, SECRET) as source,
    ):
        if small_disks:
            disks.callback(shutil.rmtree, folder)
            disks.enter_context(small_disk(folder / ".local", LOCAL_MEGABYTES))
            disks.enter_context(small_disk(folder / "landing", LANDING_MEGABYTES))
        world = make_world(
            folder, "unused", {"igate": source.url}, patch,
            options="page_size: 40, overlap_minutes: 5, quarantine_limit: 1, retry_budget_seconds: 5",
        )  # fmt: skip
        patch.delenv("ONESTOP_WAREHOUSE_DSN")
        file = world.settings.file
        file.write_text(file.read_text(encoding="utf-8") + "landing: {url: landing}\n", encoding="utf-8")
        settings = config.load(world.settings.file)
        postgres = EmbeddedPostgres(settings.local)
        postgres.start()
        player = None
        try:
            with closing(psycopg.connect(postgres.admin_dsn, autocommit=True)) as connection:
                connection.execute("alter system set fsync = off")
                connection.execute("select pg_reload_conf()")
            player = Player(folder)
            here = Place(folder, settings, postgres, source, player, nights, {}, {})
            _tell(here)
            yield here
        finally:
            if player:
                player.close()
            postgres.destroy()
            if not small_disks:
                shutil.rmtree(folder)


def steps(night: int) -> dict[str, Commands]:
    """What is called in a night, by step; an edition for each."""
    now = ("--as-of", SECOND if night == 2 else FIRST)
    drafted = ("restate", PERIOD, "--reason", "hồ sơ tháng 9 đến muộn") if night == 2 else ("draft", PERIOD)
    return {
        "ingest": (("ingest", "igate", *now),),
        "transform": (("transform", *now),),
        "publish": (
            ("quarter", *drafted, "--by", "Trần Thị B", *now),
            ("quarter", "approve", PERIOD, "--by", "Nguyễn Văn A", *now),
            ("quarter", "publish", PERIOD, "--by", "Nguyễn Văn A", *now),
        ),
    }


def _tell(here: Place) -> None:
    here.player.run("ingest", "reference", "--as-of", FIRST)
    if here.nights == 2:
        for commands in steps(1).values():
            for words in commands:
                here.player.run(*words)
        here.source.commit(second_night())
    here.after["before"] = here.fingerprint()
    for step, commands in here.steps.items():
        here.keep(step)
        here.seconds[step] = sum(here.player.run(*words) for words in commands)
        here.after[step] = here.fingerprint()


def first_night() -> list[dict[str, Any]]:
    """Every 40th breaks a rule, every 50th is the second version of another."""
    return [_record(number) for number in range(BEFORE)]


def second_night() -> list[dict[str, Any]]:
    """New dossiers, ten that were corrected, one that was withdrawn, rejected ones that come right."""
    return [
        *(_record(number) | LATER for number in range(BEFORE, AFTER)),
        *(dossier(number, NgayKetThucXuLy="20240902100000", **LATER) for number in range(10, 20)),
        {"MaHoSo": dossier(30)["MaHoSo"], "DaXoa": "1", **LATER},
        *(dossier(number, **LATER) for number in (3, 43)),
    ]


def _record(number: int) -> dict[str, Any]:
    unit = ("H15.07", "H15.21", "H15.21.01")[number % 3]
    changes: dict[str, Any] = {"KenhThucHien": "9"} if number % 40 == 3 else {}
    code = {} if number % 50 else {"MaHoSo": dossier(number + 1)["MaHoSo"]}
    return dossier(number, DonViXuLy=unit, **changes, **code)


def fingerprint(dsn: str, *schemas: str) -> dict[str, str]:
    """The rows of each table and view, whatever their order, without what differs from attempt to attempt."""
    found: dict[str, str] = {}
    with closing(psycopg.connect(dsn, autocommit=True)) as connection:
        tables = connection.execute(
            "select table_schema, table_name, array_agg(column_name::text order by ordinal_position)"
            f"   filter (where column_name !~ '{_OWN}')"
            " from information_schema.columns where table_schema = any(%s) group by 1, 2",
            [list(schemas)],
        ).fetchall()
        for schema, table, columns in tables:
            row = sql.SQL(" || '|' || ").join(
                sql.SQL("coalesce(regexp_replace({}::text, 'enc1:[^\"]*', 'enc1', 'g'), '')").format(
                    sql.Identifier(column)
                )
                for column in columns or ()
            )
            if columns:
                counted = sql.SQL(
                    "select count(*) || ' rows ' || md5(coalesce(string_agg(md5({0}), '' order by md5({0})), '')) from {1}"
                )
                ((found[f"{schema}.{table}"],),) = connection.execute(
                    counted.format(row, sql.Identifier(schema, table))
                ).fetchall()
    return found
