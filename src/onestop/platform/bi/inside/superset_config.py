"""Superset's configuration, read by Superset itself (SUPERSET_CONFIG_PATH). It imports nothing of onestop: it also serves an
image that has Superset alone. What differs from place to place comes from the environment, each secret also from the
file that <name>_FILE names: docs/configuration.md.
"""

import os
from pathlib import Path
from typing import Any


def _secret(name: str) -> str:
    if value := os.environ.get(name):
        return value
    if file := os.environ.get(f"{name}_FILE"):
        return Path(file).read_text(encoding="utf-8").strip()
    raise RuntimeError(f"neither {name} nor {name}_FILE is set")


SECRET_KEY = _secret("ONESTOP_SUPERSET_SECRET_KEY")
# Superset's own tables: users, dashboards, no row of the warehouse. libpq's form of a URI is SQLAlchemy's, too.
SQLALCHEMY_DATABASE_URI = _secret("ONESTOP_SUPERSET_DSN").replace("postgres://", "postgresql://", 1)
SQLALCHEMY_DATABASE_URI = SQLALCHEMY_DATABASE_URI.replace("postgresql://", "postgresql+psycopg2://", 1)
_PASSWORDS = Path(os.environ["ONESTOP_SUPERSET_PASSWORDS"])

APP_NAME = "Onestop"
BABEL_DEFAULT_LOCALE = "en"  # Superset has no Vietnamese words of its own; names of charts, columns, metrics are ours
D3_FORMAT = {"decimal": ",", "thousands": ".", "grouping": [3], "currency": ["", " ₫"]}

# Nobody sees anything without an account, and nobody makes his own.
PUBLIC_ROLE_LIKE = None
AUTH_USER_REGISTRATION = False
AUTH_RATE_LIMITED = True
RATELIMIT_STORAGE_URI = os.environ.get("ONESTOP_SUPERSET_RATE_STORE", "memory://")
SESSION_COOKIE_SECURE = os.environ.get("ONESTOP_SUPERSET_HTTPS") == "1"
ENABLE_PROXY_FIX = os.environ.get("ONESTOP_SUPERSET_HTTPS") == "1"
PERMANENT_SESSION_LIFETIME = 8 * 3600
ENABLE_UI_THEME_ADMINISTRATION = False
FAB_ADD_SECURITY_API = True
FEATURE_FLAGS = {
    "ALERT_REPORTS": False,
    "DASHBOARD_RBAC": False,  # who sees a dashboard hangs on the data sets, and they on one connection
    "EMBEDDED_SUPERSET": False,
    "ENABLE_TEMPLATE_PROCESSING": False,  # no Jinja in SQL
}
# Figures change with every build, and the tables answer fast: nothing is kept.
DATA_CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
ROW_LIMIT = 10_000
SQL_MAX_ROW = 10_000
SUPERSET_WEBSERVER_TIMEOUT = 60
CONTENT_SECURITY_POLICY_WARNING = False
LOG_LEVEL = "WARNING"


def DB_CONNECTION_MUTATOR(  # noqa: N802
    uri: Any, params: dict[str, Any], username: str | None, _security_manager: Any, _source: Any
) -> tuple[Any, dict[str, Any]]:
    """A connection's password comes from its file at every use: Superset's tables and exports hold none, and a new password
    needs no restart. Whoever opens a connection can only read, and the database's log says for whom."""
    file = _PASSWORDS / f"{uri.username}.password"
    if uri.password is None and file.is_file():
        uri = uri.set(password=file.read_text(encoding="utf-8").strip())
    settings = "-c default_transaction_read_only=on -c statement_timeout=60000"
    arguments = params.setdefault("connect_args", {})
    arguments.update(options=settings, application_name=f"superset {username or ''}".strip()[:63])
    return uri, params
