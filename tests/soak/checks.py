"""What must hold after every fault: nothing lost, nothing doubled, editions intact, no words that help nobody."""

from __future__ import annotations

from night_builds import COMPARED
from soak.place import PERIOD, Place

_UNCLEAR = ("Unexpected fault", "Traceback (most recent call last)")


def ledger(here: Place) -> None:
    """received = accepted + quarantined + duplicate + refused, and so many rows are there, each once, of batches that are known."""
    assert (
        here.one("select count(*) from ops.load_batch where received <> accepted + quarantined + duplicate + refused")
        == 0
    )
    said, rejected = here.rows(
        "select coalesce(sum(accepted), 0), coalesce(sum(quarantined), 0) from ops.load_batch where source_id = 'igate'"
    )[0]
    rows = here.one("select count(*) from raw.one_stop_dossier")
    assert (rows, here.one("select count(*) from quarantine.rejected_row")) == (said, rejected), (
        "rows beside the ledger"
    )
    assert rows == here.one(
        "select count(*) from (select distinct source_id, ma_ho_so, content_hash from raw.one_stop_dossier) t"
    )
    assert (
        here.one(
            "select count(*) from raw.one_stop_dossier where batch_id not in (select batch_id from ops.load_batch)"
        )
        == 0
    )


def kept(here: Place, step: str) -> None:
    """What the step does not write is as it was, and what it writes in one transaction is as before it or as after it."""
    ledger(here)
    now = here.fingerprint("raw", "quarantine")
    states = [part(here.after[name], "raw", "quarantine") for name in ("before", "ingest")]
    assert now in (states if step == "ingest" else states[1:]), f"half a load is left: {differing(now, states[-1])}"
    if step != "publish":
        assert here.fingerprint("published") == part(here.after["before"], "published"), "an edition is not as it was"


def same(here: Place, step: str, but: tuple[str, ...] = ()) -> None:
    """Every table is as an undisturbed run leaves it, and no byte of an edition has changed.

    Args:
        but: tables whose names begin so are left out.
    """
    ledger(here)
    now, wanted = (
        {t: said for t, said in lasting(found).items() if not t.startswith(but)}
        for found in (here.fingerprint(), here.after[step])
    )
    assert now == wanted, f"not as an undisturbed run leaves it: {differing(now, wanted)}"
    if step == "publish" or here.nights == 2:
        here.player.run("quarter", "verify", PERIOD)
    twice = "select version, event from published.event where event <> 'drafted' group by 1, 2 having count(*) > 1"
    assert here.rows(twice) == [], "something was done twice with an edition"


def clear(printed: str) -> None:
    """A failed command says what happened in words for people."""
    assert not any(words in printed for words in _UNCLEAR), printed[-3000:]


def lasting(fingerprint: dict[str, str]) -> dict[str, str]:
    """Without what tells how it came about: which dossiers the last build made anew, and that a draft was made twice."""
    kept = {f"{schema}.{table}" for schema, table in COMPARED}
    told = {"published.event"}
    return {t: s for t, s in fingerprint.items() if t not in told and (not t.startswith("intermediate.") or t in kept)}


def part(fingerprint: dict[str, str], *schemas: str) -> dict[str, str]:
    """The tables of some schemas."""
    return {table: said for table, said in fingerprint.items() if table.split(".")[0] in schemas}


def differing(one: dict[str, str], other: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    """The tables that differ."""
    return {t: (one.get(t), other.get(t)) for t in sorted({*one, *other}) if one.get(t) != other.get(t)}
