"""Why a delivery was refused, in Vietnamese for its owner: the rules that it broke, from the counts that the ledger kept."""

from __future__ import annotations

from typing import Any

import psycopg

from onestop.pipeline.quality_pages import rule_texts
from onestop.reporting.numbers_vi import integer

MOST_RULES = 5
_RULES = """
    select b.batch_id, b.entity, b.received, r.rule_id, r.failed from ops.load_batch as b
    left join ops.rule_result as r on r.batch_id = b.batch_id and r.failed > 0 and r.action in ('stop', 'quarantine')
    where b.batch_id = (select max(batch_id) from ops.load_batch where source_id = %s and state = 'refused')
    order by r.action = 'stop' desc, r.failed desc, r.rule_id limit %s
"""


def refusal_vi(connection: psycopg.Connection[Any], source_id: str) -> str:
    """The newest refused delivery of a source; empty where there is none."""
    rows = connection.execute(_RULES, [source_id, MOST_RULES]).fetchall()
    if not rows:
        return ""
    batch_id, entity, received = rows[0][:3]
    texts = rule_texts()
    broken = [
        f"{rule}{f': {text.message_vi}' if (text := texts.get((entity, rule))) else ''} ({integer(failed)} bản ghi)"
        for *_, rule, failed in rows
        if rule is not None
    ]
    whole = f"lần nhận số {batch_id}, {integer(received)} bản ghi, bị từ chối toàn bộ"
    return f"{whole}; {'; '.join(broken)}" if broken else whole
