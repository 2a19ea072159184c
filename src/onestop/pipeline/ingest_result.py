"""What an ingest says of itself, to commands and DAG tasks alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from onestop.landing.ledger import Batch

Progress = Callable[[str, int], None]
"""Called with a step's name and the records done so far."""


@dataclass(frozen=True)
class IngestResult:
    """What became of one delivery; received = accepted + quarantined + duplicate + refused."""

    source_id: str
    entity: str
    batch_ids: list[int]
    state: str
    received: int
    accepted: int
    quarantined: int
    duplicate: int
    refused: int
    message: str | None = None

    @classmethod
    def of(cls, batch: Batch) -> IngestResult:
        """The result that a ledger row tells."""
        return cls(
            batch.source_id, batch.entity, [batch.batch_id], batch.state, batch.received, batch.accepted,
            batch.quarantined, batch.duplicate, batch.refused, batch.message,
        )  # fmt: skip

    def with_message(self, message: str) -> IngestResult:
        """The same result with a remark."""
        return replace(self, message="; ".join(filter(None, (self.message, message))))
