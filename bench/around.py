"""What a province has beside its dossiers, planted beside them: a catalogue of procedures in many fields, feedback,
targets, and a year of rule results by unit. Without it half of the dashboards would ask empty tables.
"""

from __future__ import annotations

from typing import Any

import psycopg

from onestop.sandbox import planted

FIELDS, RULES, CASES_PER_DOSSIER = 30, 20, 0.01
_UNIT = "'H15.' || lpad((n %% 40 + 1)::text, 2, '0')"
_BATCH = (
    "insert into ops.load_batch (source_id, entity, origin, received, accepted, quarantined, duplicate, refused, started_at,"
    " finished_at, state, accepted_at, reached_end, is_first_load, code_version) select %s, %s, 'planted', 1000, 990, 10, 0,"
    " 0, at, at, 'loaded', at, true, false, 'planted' from generate_series(%s::timestamptz - %s * interval '1 day', %s,"
    " interval '1 day') as at returning batch_id"
)


def plant(connection: psycopg.Connection[tuple[Any, ...]], dossiers: int) -> None:
    """Plant it into a warehouse with planted dossiers, before it is built."""
    (catalogue,) = _batches(connection, "reference", "procedure", 0)
    connection.execute(
        "insert into raw.procedure (batch_id, row_number, procedure_code, name_vi, field_code, field_name_vi, service_level,"
        " has_fee, processing_days, valid_from) select %s, n + 1, '1.' || lpad(n::text, 6, '0') || '.000.00.00.H15',"
        " 'Thủ tục ' || n, 'LV' || lpad(n::text, 2, '0'), 'Lĩnh vực ' || lpad(n::text, 2, '0'), '4', '1', '5', '2004-01-01'"
        " from generate_series(0, %s - 1) as n",
        [catalogue, FIELDS],
    )
    (targets,) = _batches(connection, "reference", "target", 0)
    connection.execute(
        "insert into raw.target (batch_id, row_number, metric_code, level, year, target, legal_basis)"
        " values (%s, 1, 'on_time_rate', null, '2024', '0.9', 'Nghị quyết thử')",
        [targets],
    )
    connection.execute("insert into ops.source (source_id, kind, position) values ('pakn', 'feedback_api', 5)")
    (feedback,) = _batches(connection, "pakn", "feedback_case", 0)
    stamp = "to_char(timestamp '2023-07-01' + n %% 370 * interval '1 day' + {} * interval '1 day', 'YYYYMMDDHH24MISS')"
    connection.execute(
        "insert into raw.feedback_case (batch_id, row_number, source_id, content_hash, ma_pakn, nguon, don_vi_xu_ly,"
        " ngay_tiep_nhan, han_xu_ly, ngay_tra_loi, trang_thai, muc_do_hai_long, ngay_cap_nhat)"
        f" select %s, n, 'pakn', '', 'PA-' || n, (array['portal', 'tong_dai_1022', 'email'])[n %% 3 + 1], {_UNIT},"
        f" {stamp.format(0)}, {stamp.format(10)}, case when n %% 7 > 0 then {stamp.format('(n %% 13)')} end,"
        " case when n %% 7 > 0 then 'da_xu_ly' else 'dang_xu_ly' end,"
        f" case when n %% 7 > 0 then (array['hai_long', 'chap_nhan', 'khong_hai_long'])[n %% 3 + 1] end, {stamp.format(14)}"
        " from generate_series(1, %s) as n".encode(),
        [feedback, max(round(dossiers * CASES_PER_DOSSIER), 100)],
    )
    days = _batches(connection, "igate", "dossier", 365)
    connection.execute(
        "insert into ops.rule_result (batch_id, rule_id, action, checked, failed) select batch_id, 'OS-' || lpad(n::text, 3,"
        " '0'), (array['quarantine', 'warn'])[n %% 2 + 1], 1000, n from unnest(%s::bigint[]) as batch_id,"
        " generate_series(1, %s) as n",
        [days, RULES],
    )
    connection.execute(
        "insert into ops.rule_agency (batch_id, rule_id, agency_code, failed)"
        f" select batch_id, 'OS-' || lpad(rule::text, 3, '0'), {_UNIT}, 1 + n %% 4 from unnest(%s::bigint[]) as batch_id,"
        " generate_series(1, %s) as rule, generate_series(1, 40) as n where (rule + n) %% 3 = 0".encode(),
        [days, RULES],
    )
    connection.execute(
        "insert into ops.delivery_check (batch_id, rule_id, state, found, usual) select batch_id, 'DL-00' || n,"
        " case n when 1 then 'broken' else 'kept' end, 5, 4 from unnest(%s::bigint[]) as batch_id, generate_series(1, 5) as n",
        [days],
    )
    connection.execute(
        "insert into ops.source_run (source_id, at, reached) select source_id, accepted_at, true from ops.load_batch"
        " where source_id = 'igate'"
    )


def _batches(connection: psycopg.Connection[tuple[Any, ...]], source: str, entity: str, days: int) -> list[int]:
    """Loaded batches, one a day up to the moment that the plant is known at."""
    rows = connection.execute(_BATCH.encode(), [source, entity, planted.KNOWN_AT, days, planted.KNOWN_AT]).fetchall()
    return [int(str(number)) for (number,) in rows]
