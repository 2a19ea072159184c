"""The figures of one unit, period and field out of its dossiers, and all of them: see dossier_recount.py."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from dossier_recount import Dossier, World, dossiers, percentile, shown_in
from recount import Province, Span, periods, recount

Key = tuple[str, str, str, str, str, str]  # convention, period, view, unit, field, metric
Figure = tuple[Fraction, Fraction | None]


def count(matching: Iterable[Any]) -> Fraction:
    return Fraction(sum(1 for _ in matching))


def figures(found: list[Dossier], span: Span) -> dict[str, Figure]:
    """Every metric that is counted from a list of dossiers alone."""
    new = [d for d in found if d.received >= span.first]
    carried = [d for d in found if d.received < span.first]
    resolved = [d for d in found if d.finished <= span.last]
    running = [d for d in found if d.finished > span.last]
    classes = {name: [d for d in resolved if d.outcome() == name] for name in ("early", "on_time", "overdue")}
    suspended = [d for d in running if d.is_suspended(span.last)]
    late = [d for d in running if not d.is_suspended(span.last) and d.due is not None and d.due < span.last]
    online = [d for d in new if d.online]
    full = [d for d in new if d.row.get("muc_do") == "4"]
    results = [d for d in resolved if d.status in (9, 10)]
    paying = [d for d in resolved if d.has_fee()]
    rated = [d for d in resolved if d.rating is not None]
    overdue = classes["overdue"] + late
    timed = [d for d in online if d.seconds is not None]
    offered = {d.procedure for d in new if d.level in (3, 4)}
    own = [d for d in found if not d.is_portal]
    synced = [d for d in own if d.shown is not None]
    days = [d.days or 0 for d in results]
    counts = {
        "received_total": found,
        "received_online": online,
        "received_direct_postal": [d for d in new if not d.online],
        "received_carried_over": carried,
        "resolved_total": resolved,
        "resolved_early": classes["early"],
        "resolved_on_time": classes["on_time"],
        "resolved_overdue": classes["overdue"],
        "in_progress_total": running,
        "in_progress_within": [d for d in running if d not in late],
        "in_progress_overdue": late,
        "suspended_total": suspended,
    }
    rates: dict[str, tuple[Any, Any]] = {
        "on_time_rate": (classes["early"] + classes["on_time"], resolved),
        "early_rate": (classes["early"], resolved),
        "overdue_rate": (classes["overdue"], resolved),
        "progress_rate": (classes["early"] + classes["on_time"] + counts["in_progress_within"], found),
        "no_due_date_rate": ([d for d in resolved if d.due is None], resolved),
        "apology_rate": ([d for d in overdue if d.apologised(span.last)], overdue),
        "intake_8h_rate": ([d for d in timed if (d.seconds or 0) <= 8 * 3600], timed),
        "online_submission_rate": (online, new),
        "full_online_rate": ([d for d in full if d.online], full),
        "online_procedure_rate": (offered & {d.procedure for d in online}, offered),
        "online_payment_rate": ([d for d in paying if d.paid], paying),
        "digitised_intake_rate": ([d for d in new if d.flag("ho_so_co_thanh_phan_so_hoa")], new),
        "data_reuse_rate": ([d for d in new if d.flag("duoc_tai_su_dung")], new),
        "identity_verified_rate": ([d for d in online if d.flag("tai_khoan_duoc_xac_thuc_voi_vneid")], online),
        "electronic_result_rate": ([d for d in results if d.flag("ket_qua_dien_tu")], results),
        "dossier_satisfaction_rate": ([d for d in rated if (d.rating or 0) >= 4], rated),
        "portal_sync_rate": (synced, own),
        "portal_agreement_rate": ([d for d in synced if d.agrees(span.last)], synced),
    }
    cell: dict[str, Figure] = {name: (count(one), None) for name, one in counts.items() if one}
    cell |= {name: (count(top), count(bottom)) for name, (top, bottom) in rates.items() if bottom}
    if results:
        cell["processing_working_days_mean"] = (Fraction(sum(days)), count(days))
        cell["processing_working_days_p50"] = (percentile(days, Fraction(1, 2)), Fraction(1))
        cell["processing_working_days_p90"] = (percentile(days, Fraction(9, 10)), Fraction(1))
    return cell


def certifying(province: Province, found: list[Dossier], span: Span, view: str) -> dict[str, Figure]:
    """Communes that certify copies, by the unit that they lie in."""
    on = span.last if view == "as_was" else province.known_on
    communes = {r["agency_code"] for r in province.agencies if r["level"] == "commune" and province.valid(r, on)}
    cells: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for commune in communes:
        does = any(
            commune in d.chains[view] and d.finished <= span.last and d.flag("chung_thuc_ban_sao_dien_tu")
            for d in found
        )
        for unit in province.above(commune, on):
            cells[unit][0] += does
            cells[unit][1] += 1
    return {unit: (Fraction(top), Fraction(bottom)) for unit, (top, bottom) in cells.items()}


def fee_procedures(province: Province, found: list[Dossier], span: Span) -> dict[str, Figure]:
    """B and C of the payment's score."""
    fee = {r["procedure_code"] for r in province.procedures if r["has_fee"] and province.valid(r, span.last)}
    paid = {d.procedure for d in found if d.finished <= span.last and d.has_fee() and d.paid}
    if not fee:
        return {}
    return {
        "B": (count(fee & paid), count(fee)),
        "C": (count(fee & {d.procedure for d in found}), count(fee)),
    }


def scores(cell: dict[str, Figure], unit_field: tuple[str, str], root: str) -> dict[str, Figure]:
    """The Decision 766 scores of one calendar cell, B and C among its figures."""
    unit, field_code = unit_field
    everywhere = field_code == "*"
    found: dict[str, Figure] = {}

    def part(metric: str, most: int, full_at: Fraction = Fraction(1)) -> tuple[Fraction, Fraction] | None:
        top, bottom = cell.get(metric, (0, 0))
        if not bottom:
            return None
        return min(Fraction(most), most * Fraction(top) / (bottom * full_at)), Fraction(most)

    def score(name: str, parts: list[tuple[Fraction, Fraction] | None]) -> None:
        there = [p for p in parts if p is not None]
        if there:
            found[f"score_766_{name}"] = (
                sum((p[0] for p in there), Fraction(0)),
                sum((p[1] for p in there), Fraction(0)),
            )

    score("progress", [part("progress_rate", 20)])
    rated = part("dossier_satisfaction_rate", 6, Fraction(9, 10))
    feedback = [part("feedback_on_time_rate", 6), part("feedback_satisfaction_rate", 6)]
    if rated or any(feedback):
        full, none = (Fraction(6), Fraction(6)), (Fraction(0), Fraction(6))
        if everywhere:
            score("satisfaction", [rated or none, *(p or full for p in feedback)])
        else:
            score("satisfaction", [rated])
    at_root = everywhere and unit == root
    limit = Fraction(8, 10)
    procedures = [part("B", 2, limit), part("C", 2, limit)] if at_root else []
    score("payment", [part("online_payment_rate", 6), *procedures])
    digits = [part("electronic_result_rate", 6), part("digitised_intake_rate", 4), part("data_reuse_rate", 2, limit)]
    score("digitisation", digits)
    published = [part("procedure_on_time_publication_rate", 6), part("procedure_content_rate", 2)]
    score("transparency", [*published, part("portal_sync_rate", 6)])
    return found


def recount_dossiers(world: World) -> dict[Key, Figure]:
    """Every cell of the families form, dossier, portal and score."""
    province, all_found = world.province, dossiers(world)
    province.first_receipt = min(d.received for d in all_found)
    others = recount(province)
    result: dict[Key, Figure] = {}
    for span in periods(province):
        shown = list(shown_in(all_found, span))
        for view in ("as_was", "as_is"):
            lists: dict[tuple[str, str], list[Dossier]] = defaultdict(list)
            for d in shown:
                for unit in d.chains[view]:
                    lists[unit, "*"].append(d)
                    lists[unit, d.field].append(d)
            cells = {key: figures(part, span) for key, part in lists.items()}
            kept = {"procedure_on_time_publication_rate", "procedure_content_rate"}
            kept |= {"feedback_on_time_rate", "feedback_satisfaction_rate"}
            extra: dict[tuple[str, str], dict[str, Figure]] = defaultdict(dict)
            for (convention, name, other_view, unit, metric), figure in others.items():
                if (convention, name, other_view) == (span.convention, span.name, view) and metric in kept:
                    extra[unit, "*"][metric] = figure
            extra[province.root, "*"] |= fee_procedures(province, shown, span)
            if span.convention == "calendar":
                for key in cells.keys() | extra:
                    both = cells.get(key, {}) | extra.get(key, {})
                    cells.setdefault(key, {}).update(scores(both, key, province.root))
            for unit, figure in certifying(province, shown, span, view).items():
                cells.setdefault((unit, "*"), {})["electronic_certification_unit_rate"] = figure
            for (unit, field_code), cell in cells.items():
                for metric, figure in cell.items():
                    result[span.convention, span.name, view, unit, field_code, metric] = figure
    return result
