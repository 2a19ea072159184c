"""Whether a period is ready to be signed: a line per condition, in the office's words and in English.

Nothing here holds anything up: an office may publish with a declared gap. `late` is what the approver must know before and
after: what came, or would count otherwise, since the edition was drafted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import psycopg

from onestop.config import Settings
from onestop.errors import OnestopError
from onestop.periods import Period
from onestop.reporting import reconciliation
from onestop.reporting.editions import store, unit_answers
from onestop.reporting.editions.build import newest_build
from onestop.reporting.editions.model import Condition, State
from onestop.reporting.model import Gap
from onestop.reporting.numbers_vi import day, decimal, integer
from onestop.reporting.wording import previous

FILES = "portal_export"
MOST_NAMED = 5
_OUTLIERS = """
    select now.agency_code, now.agency_name_vi
    from report.form_ii_06a as now
    join report.form_ii_06a as earlier using (period_convention, org_view, agency_code)
    where now.period_convention = %(convention)s and now.org_view = 'as_was'
        and now.period = %(now)s and earlier.period = %(before)s
        and least(now.received_total, earlier.received_total) >= %(least)s
        and (
            now.received_total >= 2 * earlier.received_total or 2 * now.received_total <= earlier.received_total
            or (
                least(now.resolved_total, earlier.resolved_total) >= %(least)s
                and abs(
                    (now.resolved_early + now.resolved_on_time)::numeric / now.resolved_total
                    - (earlier.resolved_early + earlier.resolved_on_time)::numeric / earlier.resolved_total
                ) > 0.1
            )
        )
    order by now.agency_code collate "C"
"""


@dataclass(frozen=True, slots=True)
class Readiness:
    """All conditions of a period."""

    period: Period
    looked_at: datetime
    conditions: tuple[Condition, ...]

    @property
    def is_ready(self) -> bool:
        """No condition is open."""
        return all(condition.state != "open" for condition in self.conditions)


def readiness(connection: psycopg.Connection[Any], settings: Settings, period: Period, *, at: datetime) -> Readiness:
    """Look at every condition.

    Raises:
        OnestopError: the models were not built.
    """
    reader = _Reader(connection, settings, period, at)
    return Readiness(
        period,
        at,
        (
            reader.closed(),
            *(reader.delivered(source.id, source.kind) for source in settings.sources),
            *(reader.last_run(source.id) for source in settings.sources),
            reader.built(),
            reader.quarantine(),
            reader.reconciled(),
            reader.outliers(),
            reader.late_inputs(),
            unit_answers.condition(connection, period, settings.zone, at),
        ),
    )


def gaps(connection: psycopg.Connection[Any], settings: Settings, period: Period, *, at: datetime) -> tuple[Gap, ...]:
    """The sources that had not delivered to the closing day by a moment: what an edition of it declares."""
    reader = _Reader(connection, settings, period, at)
    found = (reader.delivered(source.id, source.kind) for source in settings.sources)
    return tuple(Gap(one.text_vi, one.text_en) for one in found if one.state == "open")


class _Reader:
    """One method per condition."""

    def __init__(self, connection: psycopg.Connection[Any], settings: Settings, period: Period, at: datetime) -> None:
        self._connection, self._settings, self._period, self._at = connection, settings, period, at
        # The closing day is over with its last moment, local time.
        self._closing = datetime.combine(period.last + timedelta(days=1), time(), settings.zone)

    def _one(self, query: str, *values: object) -> Any:
        row = self._connection.execute(query.encode(), values).fetchone()
        return row[0] if row else None

    def closed(self) -> Condition:
        last = day(self._period.last)
        if self._at >= self._closing:
            return Condition(
                "closed", "ok", f"Kỳ báo cáo đã chốt ngày {last}.", f"The period closed on {self._period.last}."
            )
        return Condition(
            "closed",
            "open",
            f"Kỳ báo cáo chưa kết thúc; ngày chốt số liệu là {last}.",
            f"The period is not over; it closes on {self._period.last}.",
        )

    def delivered(self, source: str, kind: str) -> Condition:
        """Whether the source was read to its end after the closing day; of files, whether they cover it."""
        code, last = f"delivered:{source}", day(self._period.last)
        if kind == FILES:
            covered = self._one(
                "select max(covers_to) from ops.portal_file where source_id = %s and entity = 'dossier'", source
            )
            reached = covered is not None and covered >= self._period.last
            until, until_en = (day(covered), str(covered)) if covered else ("chưa có", "nothing yet")
        else:
            newest = self._one(
                "select max(accepted_at) from ops.load_batch where source_id = %s and reached_end"
                " and state in ('loaded', 'duplicate') and accepted_at <= %s",
                source,
                self._at,
            )
            reached = newest is not None and newest >= self._closing
            local = newest.astimezone(self._settings.zone) if newest else None
            until = f"{local:%H:%M} ngày {day(local.date())}" if local else "chưa có"
            until_en = f"{local:%Y-%m-%d %H:%M}" if local else "nothing yet"
        if reached:
            return Condition(
                code, "ok", f"Nguồn {source}: đã có dữ liệu đến ngày chốt ({until}).",
                f"Source {source} delivered to the closing day (up to {until_en}).",
            )  # fmt: skip
        return Condition(
            code, "open", f"Nguồn {source}: chưa có dữ liệu đến ngày chốt {last} (mới đến: {until}).",
            f"Source {source} has not delivered to the closing day (up to: {until_en}).",
        )  # fmt: skip

    def last_run(self, source: str) -> Condition:
        """Whether something of the source was refused or failed and nothing came after it: a gap."""
        gaps = self._one(
            "select count(*) from ops.load_batch as batch where source_id = %s and state in ('refused', 'failed')"
            " and accepted_at <= %s and not exists (select from ops.load_batch as later"
            " where later.source_id = batch.source_id and later.entity = batch.entity and later.reached_end"
            " and later.state in ('loaded', 'duplicate') and later.batch_id > batch.batch_id)",
            source,
            self._at,
        )
        code = f"gaps:{source}"
        if not gaps:
            return Condition(
                code, "ok", f"Nguồn {source}: không có lần nhận dữ liệu nào còn bị từ chối hoặc lỗi.",
                f"Source {source}: no delivery is left refused or failed.", 0,
            )  # fmt: skip
        return Condition(
            code, "open", f"Nguồn {source}: {integer(gaps)} lần nhận dữ liệu bị từ chối hoặc lỗi, chưa có lần nào thay thế.",
            f"Source {source}: {gaps:,} deliveries were refused or failed, and none came after.", gaps,
        )  # fmt: skip

    def built(self) -> Condition:
        build = newest_build(self._connection)
        local = build.known_at.astimezone(self._settings.zone)
        if build.is_behind:
            return Condition(
                "built", "open", "Có dữ liệu mới nhận sau lần tính gần nhất: cần chạy lại bước tính.",
                "Something was loaded after the models were built: run `onestop transform`.",
            )  # fmt: skip
        return Condition(
            "built", "ok", f"Số liệu đã tính đến {local:%H:%M} ngày {day(local.date())}.",
            f"The figures know what was known at {local:%Y-%m-%d %H:%M}.",
        )  # fmt: skip

    def quarantine(self) -> Condition:
        """Rejected rows that still wait, and how many figures of the province they could move notably."""
        waiting = self._one("select count(*) from quarantine.rejected_row where status = 'open'")
        notable = self._one(
            "select count(*) from mart.metric_consequence where period_convention = %s and period = %s"
            " and org_view = 'as_was' and agency_code = %s and field_code = '*' and is_notable",
            self._period.convention,
            self._period.name,
            self._settings.province.code,
        )
        if not waiting:
            return Condition("quarantine", "ok", "Không có bản ghi nào chờ sửa.", "No row waits in quarantine.", 0)
        state: State = "open" if notable else "note"
        return Condition(
            "quarantine", state,
            f"{integer(waiting)} bản ghi đang chờ sửa; {integer(notable)} chỉ tiêu toàn tỉnh có thể thay đổi đáng kể.",
            f"{waiting:,} rows wait in quarantine; they could move {notable} figures of the province notably.",
            waiting,
        )  # fmt: skip

    def reconciled(self) -> Condition:
        """The share of dossiers that differ between province and portal, against the province's limit."""
        if not any(source.kind == FILES for source in self._settings.sources):
            return Condition(
                "reconciled", "note", "Không có nguồn của Cổng Dịch vụ công quốc gia để đối chiếu.",
                "There is no portal source to reconcile with.",
            )  # fmt: skip
        try:
            found = reconciliation.read(
                self._connection,
                self._period,
                province_code=self._settings.province.code,
                zone=self._settings.zone,
                limit=self._settings.reconcile.limit,
            )
        except OnestopError as problem:
            return Condition("reconciled", "open", "Chưa có số liệu đối chiếu của kỳ này.", problem.message)
        state: State = "open" if found.is_over_limit else "note" if found.differing else "ok"
        limit = "" if found.limit is None else f", giới hạn {decimal(found.limit * 100, 2)} %"
        limit_en = "" if found.limit is None else f", the limit is {found.limit:.2%}"
        return Condition(
            "reconciled", state,
            f"Đối chiếu với Cổng: {integer(found.differing)} trên {integer(found.compared)} hồ sơ khác nhau"
            f" ({decimal(found.share * 100, 2)} %{limit}).",
            f"{found.differing:,} of {found.compared:,} dossiers differ from the portal ({found.share:.2%}{limit_en}).",
            found.differing,
        )  # fmt: skip

    def outliers(self) -> Condition:
        """Units whose figures left their usual place: far from the period of the same kind before."""
        before = previous(self._period)
        rows = self._connection.execute(
            _OUTLIERS.encode(),
            {
                "convention": self._period.convention,
                "now": self._period.name,
                "before": before.name if before else "",
                "least": self._settings.ranking.minimum_dossiers,
            },
        ).fetchall()
        if not rows:
            return Condition(
                "outliers", "ok", "Không có đơn vị nào có số liệu khác thường so với kỳ trước.",
                "No unit's figures are far from those of the period before.", 0,
            )  # fmt: skip
        names = ", ".join(f"{name} ({code})" for code, name in rows[:MOST_NAMED]) + (
            "…" if len(rows) > MOST_NAMED else ""
        )
        return Condition(
            "outliers", "note",
            f"{integer(len(rows))} đơn vị có số tiếp nhận gấp đôi hoặc dưới một nửa kỳ trước, hoặc tỷ lệ đúng hạn lệch quá 10"
            f" điểm phần trăm: {names}.",
            f"{len(rows):,} units received twice or less than half of the period before, or their on-time rate moved by more"
            f" than 10 points: {names}.",
            len(rows),
        )  # fmt: skip

    def late_inputs(self) -> Condition:
        """What was accepted after the newest edition's moment: counted here, never in the edition."""
        editions = store.editions(self._connection, self._period)
        if not editions:
            return Condition(
                "late_inputs", "note", "Chưa lập bản dự thảo nào để so sánh.", "No edition was drafted yet."
            )
        newest = editions[-1]
        late = self._one(
            "select coalesce(sum(accepted), 0)::bigint from ops.load_batch"
            " where state = 'loaded' and accepted_at > %s and source_id <> 'reference'",
            newest.known_at,
        )
        local = newest.known_at.astimezone(self._settings.zone)
        moment = f"{local:%H:%M} ngày {day(local.date())}"
        if not late:
            return Condition(
                "late_inputs", "ok", f"Không có bản ghi nào đến sau số liệu của lần {newest.version} ({moment}).",
                f"Nothing came after what edition {newest.version} knows ({local:%Y-%m-%d %H:%M}).", 0,
            )  # fmt: skip
        return Condition(
            "late_inputs", "note",
            f"{integer(late)} bản ghi đến sau số liệu của lần {newest.version} ({moment}); không được tính vào lần này.",
            f"{late:,} records came after what edition {newest.version} knows ({local:%Y-%m-%d %H:%M}); it does not count"
            " them.",
            late,
        )  # fmt: skip
