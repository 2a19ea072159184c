"""What an ingest says of itself, to commands and DAG tasks alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

    @classmethod
    def of_files(cls, source_id: str, results: Sequence[IngestResult], notes: Sequence[str]) -> IngestResult:
        """All files of a run as one result, with remarks."""

        def total(name: str) -> int:
            return sum(getattr(r, name) for r in results)

        return cls(
            source_id,
            "files",
            [batch_id for r in results for batch_id in r.batch_ids],
            "duplicate" if results and all(r.state == "duplicate" for r in results) else "loaded",
            total("received"),
            total("accepted"),
            total("quarantined"),
            total("duplicate"),
            total("refused"),
            "; ".join([*(r.message for r in results if r.message), *notes]) or None,
        )

    def with_message(self, message: str) -> IngestResult:
        """The same result with a remark."""
        return replace(self, message="; ".join(filter(None, (self.message, message))))
