"""A source's credentials from the Airflow connection of its id, where the environment has none.

Entered by tasks only: nothing is asked of Airflow when DAG files are read, nor outside of it. The connection is looked
up when the first variable is missing, through Airflow's own ways (AIRFLOW_CONN_<ID>, secrets backends, its database),
and Airflow masks what it holds in the logs. docs/configuration.md lists which part stands for which variable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from onestop.config import (
    FeedbackApiSource,
    OneStopApiSource,
    OneStopSqlSource,
    PortalExportSource,
    Source,
    fallback,
    in_environment,
)
from onestop.errors import ConfigurationError

_FAMILIES = {
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
    "mssql": "mssql",
    "odbc": "mssql",
    "oracle": "oracle",
}
# What Airflow's own SFTP hook takes in place of a file: passed over in silence, a host key would go unchecked.
_NOT_READ = {"private_key": "key_file", "host_key": "known_hosts"}


@contextmanager
def source_connection(source: Source) -> Iterator[None]:
    """Let the Airflow connection with the source's id give what the environment lacks, while the block runs.

    Raises:
        ConfigurationError: as the block does; the next step names the connection, where it was used.
    """
    connection = _SourceConnection(source)
    with fallback(connection):
        try:
            yield
        except ConfigurationError as problem:
            if not connection.was_used:
                raise
            raise ConfigurationError(
                problem.message, next_step=f"{problem.next_step} (values were taken from {connection.place})"
            ) from None


class _SourceConnection:
    """Knows the variables of one source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.place = f"the Airflow connection {source.id!r}"
        self.was_used = False
        self._parts = self._variables()

    def value(self, name: str) -> str | None:
        """See onestop.config.Fallback."""
        part = self._parts.get(name)
        found = part() if part and self._connection is not None else None
        self.was_used |= bool(found)
        return str(found) if found else None

    def _variables(self) -> Mapping[str, Callable[[], Any]]:
        source = self._source
        if isinstance(source, OneStopApiSource):
            return {
                f"{source.credentials}_CLIENT_ID": lambda: self._extra("client_id") or self._connection.login,
                f"{source.credentials}_CLIENT_SECRET": lambda: (
                    self._extra("client_secret") or self._connection.password
                ),
            }
        if isinstance(source, FeedbackApiSource):
            return {f"{source.credentials}_API_KEY": lambda: self._extra("api_key") or self._connection.password}
        if isinstance(source, OneStopSqlSource):
            return {source.dsn_env: lambda: self._extra("dsn") or self._dsn()}
        if isinstance(source, PortalExportSource) and source.is_sftp:
            return {
                f"{source.credentials}_USER": lambda: self._connection.login,
                f"{source.credentials}_PASSWORD": self._sftp_password,
                f"{source.credentials}_KEY_FILE": self._sftp_key_file,
                f"{source.credentials}_KNOWN_HOSTS": self._sftp_known_hosts,
            }
        return {}

    @cached_property
    def _connection(self) -> Any:
        """The connection; None where Airflow has none of this id."""
        from airflow.sdk import Connection
        from airflow.sdk.exceptions import AirflowNotFoundException

        try:
            return Connection.get(self._source.id)
        except AirflowNotFoundException:
            return None

    def _extra(self, name: str) -> Any:
        return self._options.get(name)

    @property
    def _options(self) -> dict[str, Any]:
        found = self._connection.extra_dejson
        return found if isinstance(found, dict) else {}

    def _sftp_password(self) -> Any:
        """The environment's own way of logging in stays whole: its key file wants no password of the connection."""
        if self._logs_in_by_environment:
            return None
        return self._extra("private_key_passphrase") or self._connection.password

    def _sftp_key_file(self) -> Any:
        self._refuse("private_key")
        return None if self._logs_in_by_environment else self._extra("key_file")

    def _sftp_known_hosts(self) -> Any:
        self._refuse("host_key")
        return self._extra("known_hosts")

    @property
    def _logs_in_by_environment(self) -> bool:
        name = getattr(self._source, "credentials", None)
        return any(in_environment(f"{name}_{part}") for part in ("PASSWORD", "KEY_FILE"))

    def _refuse(self, name: str) -> None:
        if self._extra(name):
            raise ConfigurationError(
                f"{self._source.id}: {name!r} in the extra of {self.place} is not read",
                next_step=f"put it into a file on the workers and its path into {_NOT_READ[name]!r}",
            )

    def _dsn(self) -> str | None:
        """An SQLAlchemy URL of the connection's type, host, port, login, password and schema; extra: its options."""
        from sqlalchemy.engine import URL

        found = self._connection
        family = _FAMILIES.get(str(found.conn_type or "").lower())
        if not found.host and not family:
            return None
        if not family:
            raise ConfigurationError(
                f"{self._source.id}: {self.place} has the type {found.conn_type!r}, which is no database's",
                next_step=f"give it one of the types {', '.join(sorted(_FAMILIES))}, or a whole SQLAlchemy URL as 'dsn' in extra",
            )
        options = {k: str(v) for k, v in self._options.items() if isinstance(v, str | int | float)}
        options.pop("dsn", None)
        url = URL.create(
            family, found.login, found.password, found.host, found.port, found.schema or None, query=options
        )
        return url.render_as_string(hide_password=False)
