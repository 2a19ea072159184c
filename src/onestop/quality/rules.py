"""Expectation files (expectations/<family>/<entity>.yml) read into typed rules. Nothing of GX is imported here."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from onestop.errors import OnestopError
from onestop.resources import resource

Owner = Literal["agency", "source_operator", "province"]
Action = Literal["stop", "quarantine", "warn"]
_ID = r"^[A-Z]{2}-\d{3}$"


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=_ID)]
    action: Action
    owner: Owner
    message_vi: Annotated[str, Field(min_length=1)]
    message_en: Annotated[str, Field(min_length=1)]


class BatchRule(_Rule):
    """A rule about a delivery as a whole; its check stands in onestop.quality.batch."""

    action: Literal["stop"]


class Expectation(BaseModel):
    """One GX expectation: its type and its arguments, in GX's own words."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: Annotated[str, Field(pattern=r"^expect_[a-z_]+$")]

    @property
    def arguments(self) -> dict[str, Any]:
        """Everything but the type."""
        return dict(self.model_extra or {})


class RowRule(_Rule):
    """A rule that each row keeps or breaks; it is broken when any of its expectations is."""

    action: Literal["quarantine", "warn"]
    rows: Literal["all", "not_deleted"] = "not_deleted"
    correct_vi: str | None = None
    expectations: Annotated[tuple[Expectation, ...], Field(min_length=1)]
    passing: dict[str, Any]
    failing: dict[str, Any]

    @model_validator(mode="after")
    def _says_what_to_correct(self) -> RowRule:
        if self.action == "quarantine" and not self.correct_vi:
            raise ValueError(f"{self.id}: a rule that quarantines says in correct_vi what to correct")
        return self


class Example(BaseModel):
    """A record that keeps every rule, and the moment it is judged at."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    as_of: str
    record: dict[str, Any]


class RuleBook(BaseModel):
    """All rules of one entity."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    spec: str
    batch_rules: tuple[BatchRule, ...]
    row_rules: Annotated[tuple[RowRule, ...], Field(min_length=1)]
    example: Example

    @model_validator(mode="after")
    def _ids_differ(self) -> RuleBook:
        ids = [r.id for r in (*self.batch_rules, *self.row_rules)]
        doubled = {i for i in ids if ids.count(i) > 1}
        if doubled:
            raise ValueError(f"rule ids used twice: {', '.join(sorted(doubled))}")
        return self

    def row_rule(self, rule_id: str) -> RowRule:
        """The row rule of that id. Raises KeyError."""
        for rule in self.row_rules:
            if rule.id == rule_id:
                return rule
        raise KeyError(rule_id)


def read_rules(path: Path) -> RuleBook:
    """Read one expectation file.

    Raises:
        OnestopError: unknown keys, a rule without owner or message, and so on, each named.
    """
    try:
        return RuleBook.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as problem:
        raise OnestopError(f"expectation file {path}: {problem}") from problem
    except ValidationError as problem:
        lines = [f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in problem.errors()]
        raise OnestopError(f"expectation file {path.name} has mistakes:\n" + "\n".join(lines)) from None


@cache
def rules_for(family: str, entity: str) -> RuleBook:
    """The rules of one entity of one family of sources."""
    return read_rules(resource("expectations") / family / f"{entity}.yml")
