"""Lines of ops.audit for deeds that no table of the warehouse has, so that no trigger sees them: logins, accounts, keys."""

from __future__ import annotations

from typing import Any

import psycopg


def note(connection: psycopg.Connection[Any], action: str, what: str, by: str) -> None:
    """A line of the audit, in the caller's transaction; for the owner."""
    connection.execute("insert into ops.audit (action, object, by_whom) values (%s, %s, %s)", [action, what, by])
