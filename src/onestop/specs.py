"""Entity specifications: sources/specs/*.yml read into typed values.

One file per entity says which fields a record has, what they are, which hold personal data and what
becomes of those. Everything else (connector, judge, raw table, privacy checks) reads it from here.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

from onestop.errors import OnestopError

FOLDER = Path(__file__).parent / "sources" / "specs"


class Item(BaseModel):
    """One field of a record, or of an element of a list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: str
    kind: Literal["code", "text", "date", "number", "list"]
    column: str | None = None
    personal: str | None = None
    keep: Literal["dropped", "keyed_hash"] | None = None
    items: tuple[Item, ...] = ()

    @model_validator(mode="after")
    def _personal_is_kept_out(self) -> Item:
        if self.personal and self.column and self.keep != "keyed_hash":
            raise ValueError(f"{self.field} holds personal data: it has no raw column unless keep is keyed_hash")
        if self.keep == "keyed_hash" and not (self.column or "").endswith("_hash"):
            raise ValueError(f"{self.field}: a keyed hash lies in a column whose name ends in _hash")
        return self


class EntitySpec(BaseModel):
    """One entity of one family of sources.

    key, version: the fields that name a record and its time of change. deleted: the field that says "1" where the
    record was deleted at the source. place: the field that only says where in a file the record stands; it is no part
    of its content.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    entity: str
    family: str
    kinds: tuple[str, ...]
    table: str
    key: str
    version: str
    deleted: str | None = None
    place: str | None = None
    required: tuple[str, ...]
    fields: tuple[Item, ...]

    @property
    def name(self) -> str:
        """The specification's own name: <family>_<entity>."""
        return f"{self.family}_{self.entity}"

    @property
    def raw_columns(self) -> tuple[str, ...]:
        """The columns of the raw table that come from the record, in the table's order."""
        return tuple(f.column for f in self.fields if f.column)

    @property
    def personal_fields(self) -> frozenset[str]:
        """Names of fields with personal data, those inside lists too."""
        return frozenset(i.field for f in self.fields for i in (f, *f.items) if i.personal)

    def by_field(self, name: str) -> Item:
        """The field of that name. Raises KeyError."""
        for item in self.fields:
            if item.field == name:
                return item
        raise KeyError(name)


@cache
def load_spec(name: str) -> EntitySpec:
    """The specification sources/specs/<name>.yml.

    Raises:
        OnestopError: there is no such file, or it breaks the rules above.
    """
    path = FOLDER / f"{name}.yml"
    try:
        return EntitySpec.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as problem:
        raise OnestopError(f"specification {path.name}: {problem}") from problem
