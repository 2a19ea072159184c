"""Working time by hand: Tết, swapped days, make-up Saturdays, hours, clock stops; identities; the national list."""

from __future__ import annotations

import csv
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestop.resources import resource
from onestop.working_time import Stop, WorkingCalendar, read_exceptions

NATIONAL = resource("dbt_project") / "seeds" / "national_working_day_exception.csv"
CALENDAR = WorkingCalendar(read_exceptions(NATIONAL.read_text(encoding="utf-8").splitlines()))


def day(text: str) -> date:
    return date.fromisoformat(text)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        ("2024-06-03", "2024-06-03", 0),  # the day of receipt is not counted
        ("2024-06-03", "2024-06-04", 1),
        ("2024-06-07", "2024-06-10", 1),  # Friday to Monday
        ("2024-06-08", "2024-06-09", 0),  # a weekend
        ("2024-02-07", "2024-02-15", 1),  # Tết: 8, 9, 12, 13, 14 February off
        ("2024-04-26", "2024-05-02", 1),  # 29 April swapped, 30 April, 1 May
        ("2024-04-26", "2024-05-06", 4),  # and 2, 3, the make-up Saturday 4, and 6 May
        ("2025-04-25", "2025-04-26", 1),  # the make-up Saturday itself
        ("2025-12-31", "2026-01-05", 1),  # 1 January, 2 January swapped
        ("2026-01-09", "2026-01-12", 2),  # its make-up Saturday, which the library does not know
        ("2024-06-14", "2024-06-07", -5),  # backwards
        ("2021-02-10", "2021-02-17", 5),  # no list for 2021: Tết counted as Monday to Friday
    ],
)
def test_working_days(first: str, last: str, days: int) -> None:
    assert CALENDAR.working_days(day(first), day(last)) == days


def test_only_years_of_the_list_are_official() -> None:
    assert [CALENDAR.is_official(date(year, 6, 1)) for year in (2021, 2022, 2027, 2028)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("submitted", "received", "seconds"),
    [
        ("2024-06-03T08:00:00", "2024-06-03T08:00:00", 0),
        ("2024-06-03T11:00:00", "2024-06-03T14:00:00", 3600),  # noon is no working time
        ("2024-06-03T14:00:00", "2024-06-04T14:00:00", 28800),  # 8 h sharp
        ("2024-06-03T14:00:00", "2024-06-04T14:00:01", 28801),
        ("2024-06-03T17:00:01", "2024-06-04T07:00:30", 30),  # at night
        ("2024-06-07T16:59:59", "2024-06-10T07:00:00", 1),  # over a weekend
        ("2024-05-03T20:00:00", "2024-05-04T08:00:00", 3600),  # the make-up Saturday
        ("2024-02-07T16:00:00", "2024-02-15T08:00:00", 7200),  # over Tết
        ("2024-06-04T08:00:00", "2024-06-03T08:00:00", 0),  # received before it was submitted
    ],
)
def test_intake(submitted: str, received: str, seconds: int) -> None:
    assert CALENDAR.intake_seconds(moment(submitted), moment(received)) == seconds


@pytest.mark.parametrize(
    ("given_at", "starts"),
    [
        ("2024-06-03T06:59:59", "2024-06-03T07:00:00"),
        ("2024-06-03T07:00:00", "2024-06-03T07:00:00"),
        ("2024-06-03T11:29:59", "2024-06-03T11:29:59"),
        ("2024-06-03T11:30:00", "2024-06-03T13:30:00"),
        ("2024-06-03T16:59:59", "2024-06-03T16:59:59"),
        ("2024-06-03T17:00:00", "2024-06-04T07:00:00"),
        ("2024-06-07T17:00:00", "2024-06-10T07:00:00"),  # Friday evening
        ("2024-05-03T17:00:00", "2024-05-04T07:00:00"),  # before a make-up Saturday
        ("2024-02-07T23:00:00", "2024-02-15T07:00:00"),  # Tết
    ],
)
def test_after_hours_the_next_working_moment_counts(given_at: str, starts: str) -> None:
    assert CALENDAR.next_working_moment(moment(given_at)) == moment(starts)


@pytest.mark.parametrize(
    ("received", "days", "kind", "due"),
    [
        ("2024-06-03T08:00:00", 0, "working", "2024-06-03"),
        ("2024-06-03T08:00:00", 5, "working", "2024-06-10"),
        ("2024-06-03T17:00:00", 5, "working", "2024-06-11"),  # after hours: as of Tuesday
        ("2024-06-08T09:00:00", 1, "working", "2024-06-11"),  # a Saturday: as of Monday
        ("2024-02-06T08:00:00", 2, "working", "2024-02-15"),  # over Tết
        ("2024-04-26T08:00:00", 4, "working", "2024-05-06"),  # 2, 3, Saturday 4, 6 May
        ("2024-06-03T08:00:00", 5, "calendar", "2024-06-10"),  # Saturday 8 June is moved to Monday
        ("2024-06-03T08:00:00", 4, "calendar", "2024-06-07"),
    ],
)
def test_time_limits(received: str, days: int, kind: str, due: str) -> None:
    assert CALENDAR.due_on(moment(received), days, kind) == day(due)  # type: ignore[arg-type]


def test_a_time_limit_that_is_none() -> None:
    with pytest.raises(ValueError, match="negative"):
        CALENDAR.add_working_days(day("2024-06-03"), -1)
    with pytest.raises(ValueError, match="beyond the calendar"):
        CALENDAR.add_working_days(day("2024-06-03"), 10**7)


@pytest.mark.parametrize(
    ("stops", "days"),
    [
        ([], 0),
        ([("2024-06-04", "2024-06-07")], 3),  # 5, 6, 7 June
        ([("2024-06-04", "2024-06-04")], 0),  # answered the same day
        ([("2024-06-07", "2024-06-04")], 0),  # answered before it was asked for
        ([("2024-06-03", "2024-06-06"), ("2024-06-05", "2024-06-07")], 4),  # overlap: 4 to 7 June, each once
        ([("2024-06-05", "2024-06-06"), ("2024-06-03", "2024-06-07")], 4),  # one within the other, later one first
        ([("2024-06-12", None)], 2),  # open: up to the end, 14 June
        ([("2024-06-12", "2024-07-01")], 2),  # answered after the end
        ([("2024-06-15", None)], 0),  # asked for after the end
        ([("2024-05-20", "2024-06-04")], 1),  # asked for before the receipt: only 4 June
        ([("2024-05-20", None), ("2024-06-05", None)], 9),  # all of it
    ],
)
def test_clock_stops(stops: list[tuple[str, str | None]], days: int) -> None:
    supplements = [Stop(day(asked), day(answered) if answered else None) for asked, answered in stops]
    received, finished = day("2024-06-03"), day("2024-06-14")  # 9 working days
    assert CALENDAR.suspended_days(supplements, received, finished) == days
    assert CALENDAR.processing_days(supplements, received, finished) == 9 - days


DAYS = st.dates(date(2021, 1, 1), date(2028, 12, 31))
MOMENTS = st.datetimes(datetime(2021, 1, 1), datetime(2028, 12, 31)).map(lambda m: m.replace(microsecond=0))
CALENDARS = st.dictionaries(DAYS, st.booleans(), max_size=40).map(WorkingCalendar)


@given(CALENDARS, DAYS, DAYS)
def test_days_are_counted_one_by_one(calendar: WorkingCalendar, first: date, last: date) -> None:
    first, last = min(first, last), max(first, last)
    one_by_one = sum(calendar.is_working(first + timedelta(days=n)) for n in range(1, (last - first).days + 1))
    assert calendar.working_days(first, last) == one_by_one


@given(CALENDARS, MOMENTS, MOMENTS, MOMENTS)
def test_seconds_add_up(calendar: WorkingCalendar, a: datetime, b: datetime, c: datetime) -> None:
    assert calendar.working_seconds(a, b) + calendar.working_seconds(b, c) == calendar.working_seconds(a, c)
    starts = calendar.next_working_moment(a)
    assert starts >= a
    assert calendar.working_seconds(a, starts) == 0
    assert calendar.working_seconds(a, starts + timedelta(seconds=1)) == 1


@given(CALENDARS, DAYS, st.integers(1, 400))
def test_a_limit_ends_on_a_working_day(calendar: WorkingCalendar, start: date, count: int) -> None:
    ends = calendar.add_working_days(start, count)
    assert calendar.is_working(ends)
    assert calendar.working_days(start, ends) == count


STOPS = st.lists(st.builds(Stop, DAYS, st.none() | DAYS), max_size=5)


@given(CALENDARS, STOPS, DAYS, st.integers(0, 200))
def test_suspended_days_are_counted_one_by_one(
    calendar: WorkingCalendar, stops: list[Stop], received: date, length: int
) -> None:
    finished = received + timedelta(days=length)
    days = [received + timedelta(days=n) for n in range(1, length + 1)]
    stopped = [d for d in days if any(s.requested < d <= (s.answered or finished) for s in stops)]
    assert calendar.suspended_days(stops, received, finished) == sum(map(calendar.is_working, stopped))
    assert calendar.suspended_days(stops[::-1], received, finished) == calendar.suspended_days(
        stops, received, finished
    )


def test_the_national_list_differs_from_the_holidays_package_only_where_documented() -> None:
    holidays = pytest.importorskip("holidays", reason="NOT RUN: the package holidays is not installed")
    years = range(2022, 2028)
    library = holidays.VN(years=list(years))
    days_off = {d for d in library if d.isoweekday() < 6}
    make_up = {d for d in library.weekend_workdays if d.year in years}
    ours = {d for d, is_working in CALENDAR.exceptions.items() if not is_working}
    worked = {d for d, is_working in CALENDAR.exceptions.items() if is_working}
    # docs/working-time.md lists both: 12729/VPCP-KGVX swapped them.
    assert (ours - days_off, days_off - ours) == ({date(2026, 1, 2)}, set())
    assert (worked - make_up, make_up - worked) == ({date(2026, 1, 10)}, set())


def test_every_exception_names_its_reason_and_document() -> None:
    with NATIONAL.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["day"][:4] for row in rows} == {str(year) for year in range(2022, 2028)}
    assert all(row["reason"] and row["document"] for row in rows)
    assert [row["day"] for row in rows] == sorted({row["day"] for row in rows})


def test_a_list_that_cannot_be_read() -> None:
    assert read_exceptions(["day,is_working", "2024-05-04,1", "2024-05-06,FALSE"]) == {
        date(2024, 5, 4): True,
        date(2024, 5, 6): False,
    }
    with pytest.raises(ValueError, match="not 1 or 0"):
        read_exceptions(["day,is_working", "2024-05-04,có"])
