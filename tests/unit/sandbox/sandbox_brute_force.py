"""Form II.06a counted the slow way, dossier by dossier, from the contract's text: the second opinion of the tests.

Nothing is shared with onestop.sandbox.counting but the bytes that both read.
"""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date, datetime
from typing import Any


def day(stamp: str | None) -> date | None:
    return datetime.strptime(stamp, "%Y%m%d%H%M%S").date() if stamp else None


def clean(value: str | None) -> str:
    return "".join((value or "").upper().split())


def state_at(versions: list[dict[str, Any]], to: date) -> tuple[date | None, date | None, bool]:
    """(finished, due, suspended at `to`) of a dossier whose accepted versions are given in order."""
    now = versions[-1]
    finished = day(now["NgayKetThucXuLy"]) if now["TrangThaiHoSo"] in ("7", "9", "10") else None
    candidates = [day(now["NgayHenTraBanDau"]) or day(versions[0]["NgayHenTra"])]
    candidates += [day(s["NgayHenTraMoi"]) for s in now["DanhSachHoSoBoSung"]]
    due = max((c for c in candidates if c), default=None)
    suspended = False
    for s in now["DanhSachHoSoBoSung"]:
        asked, came = day(s["NgayBoSung"]), day(s["NgayTiepNhanBoSung"])
        suspended |= asked is not None and asked <= to and (came is None or came > to)
    if now["TrangThaiHoSo"] in ("6", "8") or (now["TrangThaiHoSo"] == "5" and not now["DanhSachHoSoBoSung"]):
        run = []
        for version in reversed(versions):
            if version["TrangThaiHoSo"] != now["TrangThaiHoSo"]:
                break
            run.append(version)
        began = day(run[-1]["NgayCapNhat"])
        suspended |= began is not None and began <= to
    return finished, due, suspended


def count(accepted: list[bytes], first: date, last: date, unit: str) -> dict[str, int]:
    """The form's row of a unit and everything under it.

    Args:
        accepted: rows that no quarantine rule refuses, in the order of the feed.
        unit: its H-code; what is under it begins with it (the sandbox's codes are made so).
    """
    dossiers: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for body in accepted:
        record = json.loads(body)
        dossiers[clean(record["MaHoSo"])].append(record)
    row: dict[str, int] = defaultdict(int)
    for versions in dossiers.values():
        versions.sort(key=lambda v: v["NgayCapNhat"])
        now = versions[-1]
        owner = clean(now["DonViXuLy"])
        if now["DaXoa"] == "1" or now["LaHoSoThuNghiem"] == "1" or now["TrangThaiHoSo"] in ("1", "3"):
            continue
        if owner != unit and not owner.startswith(unit + "."):
            continue
        received = day(now["NgayTiepNhan"])
        assert received is not None
        finished, due, suspended = state_at(versions, last)
        if first <= received <= last:
            row["received_online" if now["KenhThucHien"] == "2" else "received_direct_postal"] += 1
        elif received < first and (finished is None or finished >= first):
            row["received_carried_over"] += 1
        else:
            continue
        row["received_total"] += 1
        if finished is not None and finished <= last:
            row["resolved_total"] += 1
            if now["TrangThaiHoSo"] == "7" or due is None or due == finished:
                row["resolved_on_time"] += 1
            else:
                row["resolved_early" if finished < due else "resolved_overdue"] += 1
        else:
            row["in_progress_total"] += 1
            row["suspended_total"] += suspended
            late = not suspended and due is not None and due < last
            row["in_progress_overdue" if late else "in_progress_within"] += 1
    return dict(row)
