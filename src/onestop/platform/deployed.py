"""The province's own Airflow on several servers (docs/deployment.md), known by the environment of its servers: `onestop up`
starts nothing beside it, and `onestop status` asks its API server how it is.
"""

from __future__ import annotations

import os

from onestop.platform.airflow_client import health_of

AUTH_MANAGER = "onestop.platform.auth_manager.OnestopFabAuthManager"
_EXECUTION_API = "AIRFLOW__CORE__EXECUTION_API_SERVER_URL"


def address() -> str | None:
    """Where its API server answers this process; None where this is none of its servers."""
    if os.environ.get("AIRFLOW__CORE__AUTH_MANAGER") != AUTH_MANAGER:
        return None
    return os.environ.get(_EXECUTION_API, "").rstrip("/").removesuffix("/execution")


def health(url: str) -> dict[str, bool]:
    """Whether its parts are well, by name (metadatabase, scheduler, dag_processor, triggerer); empty: nobody answers."""
    parts = {name: part["status"] for name, part in health_of(url, timeout_seconds=20).items() if part.get("status")}
    return {name: status == "healthy" for name, status in parts.items()}
