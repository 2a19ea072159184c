"""The stories of the planted truth: how a dossier of the province and its row on the portal can depart from each other.

Each says what a clerk who knew the story would write down: the result, the conflicts, the cause. A part of some causes
is blurred: their evidence is damaged, as it happens, and the cause can only be guessed or stays unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

PROVINCE = "H15"
KNOWN_AT = datetime.fromisoformat("2024-07-12T08:00:00+07:00")
EXPORTED_ON = date(2024, 7, 10)
"""The last day of the portal's one export."""

BLURRED_SHARE = 10  # one of so many

# The story of a dossier that both sides tell alike, as SQL over `b`: n, d (the day of receipt), unit, open (not resolved).
HERE = {
    "source": "'igate'",
    "code": "b.unit || '-' || to_char(b.d, 'YYMMDD') || '-' || lpad(b.n::text, greatest(6, length(b.n::text)), '0')",
    "other": "null",
    "status": "case when b.open then 4 else 10 end",
    "test": "null",
    "submitted": "b.received - interval '50 minutes'",
    "received": "b.received",
    "first": "b.d + interval '7 days 17 hours'",
    "shown": "b.d + interval '7 days 17 hours'",
    "ended": "case when not b.open then b.ended end",
    "returned": "case when not b.open then b.ended + (b.n % 5) * interval '1 day' end",
    "unit": "b.unit",
    "receiving": "'H15.00'",
    "updated": "case when b.open then b.received else b.ended end",
}
THERE = {
    "code": HERE["code"],
    "other": "null",
    "status": HERE["status"],
    "received": "b.received",
    "shown": HERE["shown"],
    "ended": HERE["ended"],
    "unit": "b.unit",
    "sync": f"{HERE['updated']} + interval '2 hours'",
}
_OWN_CODE = "'000.00.00.H15-' || to_char(b.d, 'YYMMDD') || '-' || lpad(b.n::text, greatest(6, length(b.n::text)), '0')"
_LATER = "b.received + (b.n % 7 + 1) * interval '1 day'"
_OTHER_UNIT = "'H15.' || lpad(((b.n + 1) % 40 + 1)::text, 2, '0')"


@dataclass(frozen=True)
class Plant:
    """One kind of story: how it departs from the one that both sides tell alike, and what should be found.

    Attributes:
        share: of 10,000 dossiers so many.
        here, there: columns that differ; None: that side has no such dossier.
        earlier: an earlier version here, as it departs from the present one.
        blur: what of `there` is damaged in one of BLURRED_SHARE.
        conflicts: the conflicts of a correct comparison.
        when: `open`, `closed`, or any.
        rejected: on whose side a row with the code lies in quarantine.
        day: the day of receipt, where it matters.
    """

    name: str
    share: int
    result: str
    cause: str | None = None
    here: Mapping[str, str] | None = field(default_factory=dict)
    there: Mapping[str, str] | None = field(default_factory=dict)
    earlier: Mapping[str, str] | None = None
    blur: Mapping[str, str] | None = None
    conflicts: tuple[str, ...] = ()
    when: str = "any"
    rejected: str | None = None
    day: str | None = None
    deleted: bool = False


PLANTS = (
    Plant("other_label", 200, "matched", there={"status": "case when b.open then 2 else 9 end"}),
    Plant("linked_by_the_portal", 200, "matched", there={"code": _OWN_CODE, "other": HERE["code"]}),
    Plant("linked_by_the_province", 100, "matched", here={"other": _OWN_CODE}, there={"code": _OWN_CODE}),
    Plant("two_codes_on_the_portal", 50, "matched"),
    Plant("two_systems", 100, "matched"),
    Plant("merged_unit", 50, "matched", here={"unit": "'H15.90'"}, there={"unit": "'H15.01'"}, day="date '2024-02-01'"),
    Plant("new_here", 50, "not_expected", here={"status": "1", "ended": "null"}, there=None),
    Plant("test_not_shown", 20, "not_expected", here={"test": "'1'"}, there=None),
    Plant("new_on_both", 20, "matched", here={"status": "1"}, there={"status": "1"}, when="open"),
    # only here
    Plant("after_export", 60, "only_here", "after_portal_export", there=None, day="date '2024-07-11'", when="open"),
    Plant("just_received", 60, "only_here", "not_yet_synchronised", there=None, day="date '2024-07-10'", when="open"),
    Plant("never_synchronised", 60, "only_here", "unknown", there=None),
    Plant("rejected_on_the_portal", 40, "only_here", "rejected_there", there=None, rejected="there"),
    Plant("unlinked_here", 60, "only_here", "other_code_missing", there=None),
    # only there; those without a link are the other half of `unlinked_here`
    Plant("deleted", 60, "only_there", "deleted_here", deleted=True),
    Plant("test_shown", 40, "only_there", "test_here", here={"test": "'1'"}),
    Plant("rejected_in_the_province", 40, "only_there", "rejected_here", here=None, rejected="here"),
    Plant("registered", 40, "only_there", "not_yet_received", here=None, there={"status": "1"}, when="open"),
    Plant("refused", 20, "only_there", "refused_there", here=None, there={"status": "3"}, when="open"),
    Plant(
        *("slow_source_new", 40, "only_there", "not_yet_delivered_here"),
        here=None, there={"unit": "'H15.50'"}, day="date '2024-06-10'",
    ),
    Plant("theirs_alone", 40, "only_there", "unknown", here=None),
    # status
    Plant(
        *("waiting", 150, "status_conflict", "done_while_waiting"),
        here={"status": "(array[5, 6, 8])[b.n % 3 + 1]"}, there={"status": "9", "ended": _LATER},
        conflicts=("status",), when="open",
    ),
    Plant(
        *("no_appointment", 60, "status_conflict", "done_without_due_date"),
        here={"first": "null", "shown": "null"}, there={"status": "9", "ended": _LATER, "shown": "null"},
        conflicts=("status",), when="open",
    ),
    Plant(
        *("outdated", 150, "status_conflict", "not_yet_synchronised"),
        there={"status": "4", "ended": "null", "sync": "b.received + interval '1 hour'"},
        earlier={"status": "4", "ended": "null", "updated": "b.received"},
        conflicts=("status",), when="late",
    ),
    Plant(
        *("outdated_first_load", 100, "status_conflict", "not_yet_synchronised"),
        there={"status": "2", "ended": "null", "sync": "b.received + interval '1 hour'"},
        blur={"sync": "null"}, conflicts=("status",), when="late",
    ),
    Plant(
        *("newer_version_rejected", 40, "status_conflict", "rejected_here"),
        there={"status": "9", "ended": _LATER, "sync": f"{_LATER} + interval '1 hour'"},
        conflicts=("status",), when="open", rejected="here",
    ),
    Plant(
        *("slow_source", 60, "status_conflict", "not_yet_delivered_here"),
        here={"source": "'slow'", "unit": "'H15.50'"},
        there={"unit": "'H15.50'", "status": "10", "ended": "timestamp '2024-06-01 09:00'",
               "sync": "timestamp '2024-06-01 10:00'"},
        blur={"sync": "timestamp '2024-02-01 06:00'"}, conflicts=("status",), when="open", day="date '2024-02-01'",
    ),
    Plant(
        *("done_there_alone", 60, "status_conflict", "unknown"),
        there={"status": "9", "ended": _LATER, "sync": f"{_LATER} + interval '1 hour'"},
        conflicts=("status",), when="open",
    ),
    Plant(
        *("all_at_once", 60, "status_conflict", "unknown"),
        there={"status": "7", "received": _LATER, "shown": "null", "ended": f"{_LATER} + interval '1 day'",
               "unit": _OTHER_UNIT},
        conflicts=("status", "received", "appointment", "unit"), when="open",
    ),
    # dates
    Plant(
        *("late_receipt", 80, "date_conflict", "synchronised_late"),
        there={"received": "b.received + interval '30 hours'", "sync": "b.received + interval '30 hours'"},
        blur={"sync": "null"}, conflicts=("received",), when="open",
    ),
    Plant(
        *("late_end", 120, "date_conflict", "synchronised_late"),
        there={"ended": "b.ended + interval '50 hours'", "sync": "b.ended + interval '50 hours'"},
        blur={"sync": "null"}, conflicts=("finished",), when="closed",
    ),
    Plant(
        *("submitted_for_received", 60, "date_conflict", "submission_for_receipt"),
        here={"submitted": "b.received - interval '2 days'"}, there={"received": "b.received - interval '2 days'"},
        conflicts=("received",),
    ),
    Plant(
        *("handed_over_for_finished", 60, "date_conflict", "handover_for_result"),
        here={"returned": "b.ended + interval '3 days'"}, there={"ended": "b.ended + interval '3 days'"},
        blur={"ended": "b.ended + interval '4 days'"}, conflicts=("finished",), when="closed",
    ),
    Plant(
        *("first_appointment", 80, "date_conflict", "first_appointment_kept"),
        here={"shown": "b.d + interval '12 days 17 hours'"}, conflicts=("appointment",),
    ),
    Plant(
        *("new_appointment_not_sent", 60, "date_conflict", "not_yet_synchronised"),
        here={"shown": "b.d + interval '12 days 17 hours'", "updated": "b.received + interval '5 days'"},
        there={"sync": "b.received + interval '1 hour'"}, earlier={"shown": HERE["shown"], "updated": "b.received"},
        conflicts=("appointment",), when="open",
    ),
    Plant(
        *("some_other_end", 100, "date_conflict", "unknown"),
        there={"ended": "b.ended + (b.n % 7 + 1) * interval '1 day'"}, conflicts=("finished",), when="closed",
    ),
    Plant("some_other_receipt", 60, "date_conflict", "unknown", there={"received": _LATER}, conflicts=("received",), when="open"),
    Plant("no_appointment_there", 60, "date_conflict", "unknown", there={"shown": "null"}, conflicts=("appointment",)),
    # units
    Plant("receiver", 60, "unit_conflict", "receiving_unit_shown", there={"unit": "'H15.00'"}, conflicts=("unit",)),
    Plant("above", 60, "unit_conflict", "unit_above_shown", there={"unit": "'H15'"}, conflicts=("unit",)),
    Plant(
        *("transferred", 60, "unit_conflict", "not_yet_synchronised"),
        here={"updated": "b.received + interval '3 days'"},
        there={"unit": _OTHER_UNIT, "sync": "b.received + interval '1 hour'"},
        earlier={"unit": _OTHER_UNIT, "updated": "b.received"}, conflicts=("unit",), when="open",
    ),
    Plant("some_other_unit", 60, "unit_conflict", "unknown", there={"unit": _OTHER_UNIT}, conflicts=("unit",)),
)  # fmt: skip
UNLINKED = Plant(
    "unlinked_there", 0, "only_there", "other_code_missing",
    here=None, there={"code": _OWN_CODE}, blur={"received": "b.received + interval '7 minutes'"},
)  # fmt: skip
CONFLICTS = ("status", "received", "appointment", "finished", "unit")
