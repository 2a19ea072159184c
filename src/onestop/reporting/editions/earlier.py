"""What was published before an edition, read from the data packages themselves: small cells must not show by difference."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from io import BytesIO, StringIO
from typing import Any
from zipfile import ZipFile

import psycopg

from onestop.periods import parse
from onestop.reporting.data_package import DESCRIPTION
from onestop.reporting.editions.model import Edition
from onestop.reporting.model import COLUMNS
from onestop.reporting.public import Publication

_PACKAGES = """
    select edition.period_convention || ':' || edition.period, product.bytes
    from published.product as product
    join published.edition as edition using (edition_id)
    where product.file_name = 'du-lieu.zip' and edition.period_convention = %(convention)s
        and edition.edition_id <> %(edition_id)s
        and edition.published_at < coalesce(%(published_at)s::timestamptz, 'infinity')
        and edition.period_from <= %(to)s::date + 1 and edition.period_to >= %(from)s::date - 400
    order by edition.published_at, edition.edition_id
"""


def earlier(connection: psycopg.Connection[Any], edition: Edition) -> tuple[Publication, ...]:
    """The publications of the same convention from a year before on, oldest first."""
    period = edition.value
    found = connection.execute(
        _PACKAGES,
        {
            "convention": period.convention,
            "edition_id": edition.edition_id,
            "published_at": edition.published_at,
            "from": period.first,
            "to": period.last,
        },
    ).fetchall()
    return tuple(Publication(parse(name), printed(bytes(content))) for name, content in found)


def printed(package: bytes) -> dict[str, dict[str, int | None]]:
    """Node -> column -> number in a data package, None where it was left out."""
    with ZipFile(BytesIO(package)) as archive:
        left_out = json.loads(archive.read(DESCRIPTION)).get("left_out", {})
        units = _rows(archive.read("form_ii_06a.csv"))
        fields = _rows(archive.read("form_ii_06a_field.csv"))
        numbers = {row["agency_code"]: _numbers(row) for row in units}
        numbers |= {f"{row['agency_level']}/{row['field_code']}": _numbers(row) for row in fields}
    for node, columns in left_out.items():
        numbers.setdefault(node, {}).update(dict.fromkeys(columns))
    return numbers


def _rows(content: bytes) -> Iterable[dict[str, str]]:
    return csv.DictReader(StringIO(content.decode("utf-8-sig"), newline=""))


def _numbers(row: dict[str, str]) -> dict[str, int | None]:
    return {column: int(row[column]) if row[column] else None for column in COLUMNS}
