"""What the errors of foreign databases mean, without a word of the server's.

An error of a query can hold a row's values, one of a connection the address: messages carry this module's own words
and the server's error code.
"""

from __future__ import annotations

import re

from sqlalchemy.exc import DBAPIError

from onestop.errors import ConfigurationError, OnestopError
from onestop.sources.retries import AttemptError
from onestop.sources.sql_database import DEADLINE_FACTOR, Database

# What a code or a text means. Kinds: "retry" may pass by itself; "settings" is for a person to change.
_ACCOUNT = ("the server refuses the user or the password", "correct the user and the password in the source's DSN")
_DATABASE = ("there is no such database, or the user may not enter it", "correct the database in the source's DSN")
_RIGHT = ("the user has no right to read it", "grant select on it to the DSN's user (docs/sources-sql.md)")
_ABSENT = ("it is not there any more, or another shape", "check the table's name and columns")
_WRITES = ("reading it would write", "offer a table or a view without side effects: sources are read only")
_HOST = ("there is no host of that name", "correct the host in the source's DSN")
_SETTINGS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("28P01", "28000", "1045", "1698", "18456", "ORA-01017", "ORA-28000"), _ACCOUNT),
    **dict.fromkeys(("3D000", "1044", "1049", "4060", "ORA-12514", "ORA-01045"), _DATABASE),
    **dict.fromkeys(("42501", "1142", "1143", "229", "ORA-01031"), _RIGHT),
    **dict.fromkeys(("42P01", "42703", "1146", "1054", "208", "207", "ORA-00942", "ORA-00904"), _ABSENT),
    **dict.fromkeys(("25006", "1792", "ORA-01456"), _WRITES),
}
_TIMEOUT_CODES = frozenset({"57014", "55P03", "1969", "3024", "1205", "HYT00", "ORA-03156", "DPY-4024"})
_PASSING_CODES = frozenset(
    {"40001", "40P01", "53300", "53200", "53400", "57P01", "57P02", "57P03", "1040", "1203", "1213", "1226", "1317"}
    | {"2002", "2003", "2006", "2013", "2014", "2055", "1927", "1053", "1158", "1159", "1160", "1161", "0"}
    | {"ORA-00018", "ORA-00020", "ORA-01012", "ORA-01033", "ORA-01034", "ORA-01089", "ORA-01555", "ORA-03113"}
    | {"ORA-03114", "ORA-03135", "ORA-12170", "ORA-12516", "ORA-12519", "ORA-12520", "ORA-12537", "ORA-12541"}
    | {"DPY-1001", "DPY-4011", "DPY-6000", "DPY-6005"}
)
# libpq gives no codes for failed connections; a server that speaks another language is tried again, and then given up.
_CONNECT_WORDS: tuple[tuple[str, tuple[str, str]], ...] = (
    (r"password authentication failed|no password supplied|role \".*\" does not exist", _ACCOUNT),
    (r"Access denied for user .*\(using password|Login failed for user", _ACCOUNT),
    (r"database \".*\" does not exist|permission denied for database|no pg_hba.conf entry", _DATABASE),
    (r"could not translate host name|failed to resolve host|Name or service not known|getaddrinfo", _HOST),
    (r"SSL|certificate", ("no agreement on encryption", "correct the encryption options in the source's DSN")),
)


def explain(database: Database, what: str, problem: DBAPIError, *, cut: bool = False) -> OnestopError | AttemptError:
    """What a database error means.

    Args:
        what: what was being done, for example "table dossiers".
        cut: whether the connection was cut because the range took too long.

    Returns:
        AttemptError: it may pass; ConfigurationError: a person must change something.
    """
    code, said = _code(problem.orig), str(problem.orig)
    where = f"source {database.source_id}, {what} of {database.place}"
    if cut:
        return AttemptError(f"no whole answer within {DEADLINE_FACTOR * database.timeout:g} s")
    known = _SETTINGS.get(code)
    if known is None and not code.strip("0"):
        known = next((words for pattern, words in _CONNECT_WORDS if re.search(pattern, said)), None)
    if known is None and code in ("2003", "2005"):  # PyMySQL's words for any failed connection
        known = _HOST if re.search(r"Name or service not known|getaddrinfo|\[Errno -\d\]", said) else None
    if known is not None:
        return ConfigurationError(f"{where}: {known[0]}{_shown(code)}", next_step=known[1])
    if code in _TIMEOUT_CODES:
        return AttemptError(f"a statement was ended after {database.timeout:g} s{_shown(code)}")
    if problem.connection_invalidated or code in _PASSING_CODES or code.startswith("08") or not code:
        return AttemptError(f"no connection, or it was lost{_shown(code)}")
    return ConfigurationError(
        f"{where}: the database cannot answer the query ({type(problem.orig).__name__}{_shown(code, bare=True)})",
        next_step="look the code up in the database's manual; a view that fails on some rows is a common cause",
    )


def _code(problem: BaseException | None) -> str:
    """SQLSTATE of PostgreSQL, the number of MySQL, MariaDB and SQL Server, ORA-nnnnn; empty: none."""
    arguments = getattr(problem, "args", ())
    first = arguments[0] if arguments else ""
    if isinstance(first, int):
        return str(first)
    state = getattr(problem, "sqlstate", None)
    if state:
        return str(state)
    oracle = re.search(r"\b(?:ORA-\d{5}|DPY-\d{4})", getattr(first, "full_code", "") or str(problem or ""))
    if oracle:
        return oracle[0]
    odbc = re.search(r"\[SQL Server\].*?\((\d+)\)", str(problem or ""))
    return odbc[1] if odbc else str(first) if re.fullmatch(r"[0-9A-Z]{5}", str(first)) else ""


def _shown(code: str, *, bare: bool = False) -> str:
    if not code.strip("0"):
        return ""
    return f", {code}" if bare else f" (error {code})"
