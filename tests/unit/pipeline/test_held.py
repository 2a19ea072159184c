"""What `Held` says of contents is what a set says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from onestop.pipeline.held import Held

# Halves that meet again and again: the same first half with another last one is another content.
_HALF = st.sampled_from([bytes(8), b"\x00" * 7 + b"\x01", b"\x01" + b"\x00" * 7, b"\xff" * 8])
_CHUNKS = st.lists(st.lists(st.tuples(_HALF, _HALF).map(b"".join), max_size=12), max_size=6)


@given(_CHUNKS)
def test_a_content_was_held_if_it_stood_before(chunks: list[list[bytes]]) -> None:
    held, known = Held(), set()
    for contents in chunks:
        expected = []
        for content in contents:
            expected.append(content in known)
            known.add(content)
        assert held.add(contents).tolist() == expected
