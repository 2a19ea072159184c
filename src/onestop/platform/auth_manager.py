"""Airflow's accounts where people work with it: its FAB auth manager, with one difference.

FAB lets only those answer a question of a DAG who may change the DAG itself. Here the right to answer is enough, so that
an approver approves and can neither pause, start nor clear anything.
"""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.providers.fab.auth_manager.fab_auth_manager import FabAuthManager
from airflow.providers.fab.www.security.permissions import RESOURCE_HITL_DETAIL


# Airflow looks for "FabAuthManager" in the name of the class that is configured.
class OnestopFabAuthManager(FabAuthManager):  # type: ignore[misc]  # Airflow has no types for mypy here
    """FAB, where an answer wants no right to the DAG but to see it."""

    def is_authorized_dag(
        self, *, method: str, user: Any, access_entity: DagAccessEntity | None = None, details: Any = None
    ) -> bool:
        """See BaseAuthManager."""
        if access_entity == DagAccessEntity.HITL_DETAIL and method == "PUT":
            may_answer = self.is_authorized_custom_view(method="PUT", resource_name=RESOURCE_HITL_DETAIL, user=user)
            return bool(may_answer and super().is_authorized_dag(method="GET", user=user, details=details))
        return bool(super().is_authorized_dag(method=method, user=user, access_entity=access_entity, details=details))
