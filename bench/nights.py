"""What a night costs beside a build of the whole history, by size: `python -m bench nights=250000`, or several sizes
after `python -m bench.nights`.

Each size is a server and a folder of its own, so that sizes can be measured one by one. Dossiers are planted
(onestop.sandbox.planted); a night ends 2,000 of those in progress, brings 1,000 new ones and gives 1,000 another
appointment; a reorganisation merges a third of the units. What is timed is the product's own build, tests included.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import psycopg

from bench.place import planted_place
from onestop.sandbox import planted
from onestop.transform.dbt import BuildResult, build
from onestop.warehouse.connection import connect

SIZES = (250_000, 1_000_000)
_COLUMNS = (
    "source_id, content_hash, ma_ho_so_khac, ma_tthc, kenh_thuc_hien, don_vi_tiep_nhan, don_vi_xu_ly, ngay_nop_ho_so,"
    " ngay_tiep_nhan, ngay_hen_tra_ban_dau"
)
_CHANGES = f"""
insert into raw.one_stop_dossier
    (batch_id, row_number, ma_ho_so, ngay_hen_tra, ngay_ket_thuc_xu_ly, trang_thai_ho_so, ngay_cap_nhat, {_COLUMNS})
select
    %(batch)s, (row_number() over ())::int, ma_ho_so || case when kind = 'new' then '-9' else '' end,
    case when kind = 'moved' then '20240801170000' else ngay_hen_tra end,
    case when kind = 'ended' then %(stamp)s end,
    case when kind = 'ended' then '10' else '4' end, %(stamp)s, {_COLUMNS}
from (
    select raw.*, case when number <= 2000 then 'ended' when number <= 3000 then 'moved' else 'new' end as kind
    from (
        select raw.*, row_number() over (order by md5(ma_ho_so)) as number
        from (
            select distinct on (ma_ho_so) raw.*
            from raw.one_stop_dossier as raw
            inner join mart.fct_dossier as fact on raw.ma_ho_so = fact.dossier_code and fact.finished_on is null
            where not fact.is_portal_only and raw.da_xoa is null and raw.la_ho_so_thu_nghiem is distinct from '1'
            order by raw.ma_ho_so, raw.batch_id desc, raw.row_number desc
        ) as raw
    ) as raw
    where number <= 4000
) as raw
"""


def measure(dossiers: int) -> Iterator[tuple[str, BuildResult]]:
    """The build of all, two nights after it, and a night with a reorganisation."""
    with planted_place(dossiers) as (dsn, folder):
        now = planted.KNOWN_AT

        def built() -> BuildResult:
            return build(
                dsn,
                province_code=planted.PROVINCE,
                timezone="Asia/Ho_Chi_Minh",
                known_at=now,
                target_path=folder / "dbt",
            )

        yield "the whole history", built()
        # In the first night comes, too, what a hundredth of all waited for: the portal was ahead at its export's end.
        for what in ("the night after an export, with", "a night with"):
            now += timedelta(days=1)
            with closing(connect(dsn)) as connection, connection.transaction():
                batch = _batch(connection, "igate", "dossier", now - timedelta(hours=2))
                written = connection.execute(
                    _CHANGES.encode(), {"batch": batch, "stamp": f"{now - timedelta(hours=3):%Y%m%d%H%M%S}"}
                ).rowcount
            yield f"{what} {written:,} changed dossiers", built()
        now += timedelta(hours=6)  # still the same month
        with closing(connect(dsn)) as connection, connection.transaction():
            _merge_a_third(connection, _batch(connection, "reference", "agency_succession", now - timedelta(hours=2)))
        yield "after a third of the units were merged", built()


def _batch(connection: psycopg.Connection[tuple[object, ...]], source: str, entity: str, at: object) -> int:
    ((number,),) = connection.execute(
        "insert into ops.load_batch (source_id, entity, origin, received, accepted, quarantined, duplicate, refused,"
        " started_at, finished_at, state, accepted_at, reached_end, is_first_load, code_version) values"
        " (%s, %s, 'planted', 0, 0, 0, 0, 0, %s, %s, 'loaded', %s, true, false, 'planted') returning batch_id",
        [source, entity, at, at, at],
    ).fetchall()
    return int(str(number))


def _merge_a_third(connection: psycopg.Connection[tuple[object, ...]], batch: int) -> None:
    connection.execute(
        "insert into raw.agency_succession (batch_id, row_number, predecessor_code, successor_code, effective_on, is_default)"
        " select %s, row_number, predecessor_code, successor_code, effective_on, is_default from raw.agency_succession"
        " union all select %s, 100 + n, 'H15.' || lpad(n::text, 2, '0'), 'H15.40', '2024-07-01', '1'"
        " from generate_series(1, 14) as n",
        [batch, batch],
    )


def show(sizes: list[int]) -> None:
    """Measure, and print each build as it ends: seconds, their ratio to the whole history's, what took longest."""
    nights: list[float] = []
    for dossiers in sizes:
        print(f"{dossiers:,} dossiers of the province, as many on the portal", flush=True)
        whole = 0.0
        for what, result in measure(dossiers):
            whole = whole or result.seconds
            print(f"  {what:50} {result.seconds:>8,.0f} s   {result.seconds / whole:5.2f} of the whole", flush=True)
            for node in sorted(result.nodes, key=lambda node: -node.seconds)[:12]:
                print(f"      {node.kind:8} {node.name:50} {node.seconds:>7,.1f} s", flush=True)
            if what.startswith("a night with"):
                nights.append(result.seconds)
    if len(nights) > 1:
        print(f"  a night at the largest size by one at the smallest: {nights[-1] / nights[0]:.2f}", flush=True)


if __name__ == "__main__":
    show([int(size) for size in sys.argv[1:]] or list(SIZES))
