"""Expectation files (expectations/<family>/<entity>.yml) read into typed rules. Nothing of GX is imported here.

A row rule looks at single records, a batch rule (OS-000) at a delivery as a whole, a delivery rule compares a delivery
with those before it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from onestop.errors import OnestopError
from onestop.quality.delivery import Check
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


class BatchNumbers(BaseModel):
    """An example of a batch rule: records that came, that are no duplicates, of these those that fail, the limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    received: int
    judged: int
    failed: int
    limit: float


class BatchRule(_Rule):
    """A rule about a delivery as a whole; its check stands in onestop.quality.batch."""

    action: Literal["stop"]
    passing: BatchNumbers
    failing: BatchNumbers


class Compared(BaseModel):
    """An example of a delivery rule: what is measured now, and on each of the days before, the latest first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    now: Any
    before: tuple[Any, ...]


class DeliveryRule(_Rule):
    """A rule that compares a delivery with those before it (onestop.quality.delivery). `stop` refuses the delivery."""

    action: Literal["stop", "warn"]
    check: Check
    passing: Compared
    failing: Compared


class Expectation(BaseModel):
    """One GX expectation: its type and its arguments, in GX's own words."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: Annotated[str, Field(pattern=r"^expect_[a-z_]+$")]

    @property
    def arguments(self) -> dict[str, Any]:
        """Everything but the type."""
        return dict(self.model_extra or {})


class RowRule(_Rule):
    """A rule that each row keeps or breaks; it is broken when any of its expectations is.

    passing, failing, also_failing: changes to the example record. Each expectation has an example that it alone catches.
    """

    action: Literal["quarantine", "warn"]
    rows: Literal["all", "not_deleted"] = "not_deleted"
    correct_vi: str | None = None
    expectations: Annotated[tuple[Expectation, ...], Field(min_length=1)]
    passing: dict[str, Any]
    failing: dict[str, Any]
    also_failing: tuple[dict[str, Any], ...] = ()

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
    batch_rules: tuple[BatchRule, ...] = ()
    delivery_rules: tuple[DeliveryRule, ...] = ()
    row_rules: Annotated[tuple[RowRule, ...], Field(min_length=1)]
    example: Example

    @property
    def rules(self) -> tuple[BatchRule | DeliveryRule | RowRule, ...]:
        """All of them."""
        return (*self.batch_rules, *self.delivery_rules, *self.row_rules)

    @model_validator(mode="after")
    def _ids_differ(self) -> RuleBook:
        ids = [r.id for r in self.rules]
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


class ReferenceBook(BaseModel):
    """The delivery rules of one reference file; its rows are judged whole, by onestop.sources.reference."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    delivery_rules: Annotated[tuple[DeliveryRule, ...], Field(min_length=1)]

    @property
    def rules(self) -> tuple[DeliveryRule, ...]:
        """All of them."""
        return self.delivery_rules


class _Loader(yaml.SafeLoader):
    """YAML in which a key that stands twice is a mistake, not the last one's."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        doubled = sorted({str(k) for k in keys if keys.count(k) > 1})
        if doubled:
            raise yaml.YAMLError(f"line {node.start_mark.line + 1}: the key {', '.join(doubled)} stands twice")
        return super().construct_mapping(node, deep)


def read_rules(path: Path) -> RuleBook:
    """Read one expectation file.

    Raises:
        OnestopError: unknown keys, a rule without owner or message, and so on, each named.
    """
    return _read(path, RuleBook)


def read_reference_rules(path: Path) -> ReferenceBook:
    """Read expectations/reference/<entity>.yml; raises as `read_rules`."""
    return _read(path, ReferenceBook)


_Book = TypeVar("_Book", RuleBook, ReferenceBook)


def _read(path: Path, kind: type[_Book]) -> _Book:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  (a SafeLoader)
        return kind.model_validate(content)
    except (OSError, yaml.YAMLError) as problem:
        raise OnestopError(f"expectation file {path}: {problem}") from problem
    except ValidationError as problem:
        lines = [f"  {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in problem.errors()]
        raise OnestopError(f"expectation file {path.name} has mistakes:\n" + "\n".join(lines)) from None


@cache
def rules_for(family: str, entity: str) -> RuleBook:
    """The rules of one entity of one family of sources."""
    return read_rules(resource("expectations") / family / f"{entity}.yml")


@cache
def reference_rules(entity: str) -> ReferenceBook | None:
    """The rules of one reference file; None where it has none."""
    path = resource("expectations") / "reference" / f"{entity}.yml"
    return read_reference_rules(path) if path.is_file() else None
