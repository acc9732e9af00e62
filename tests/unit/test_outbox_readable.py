"""Whatever a producer hands to the store: the cloud reads the record that comes of it, or it is refused at once."""

import math
from typing import Any, Final, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.store.rows import UNREADABLE, read
from contract.messages import AnyBody, Loss
from contract.topics import leaf_of
from edge.core.clock import Stamp
from edge.outbox.rows import make_row, why_invalid
from tests.support.cloud import BOOT, START_MS
from tests.support.outboxes import alarm, prediction, recording, telemetry

ODD: Final = (
    st.text(st.characters(exclude_categories=()), max_size=8)
    | st.floats()
    | st.integers()
    | st.sampled_from(["\ud800", "a\udfffb", "\0", "x" * 300_000, math.nan, math.inf, 2**63, -(2**64), 10**400])
    | st.none()
    | st.lists(st.text(max_size=3) | st.floats(), max_size=3)
    | st.dictionaries(st.text(max_size=3), st.text(max_size=3) | st.floats(), max_size=3)
)
BODIES: Final = [alarm(), prediction(), recording("rec-1", b"video"), telemetry()]


@settings(max_examples=300)
@given(st.data())
def test_what_the_store_takes_the_cloud_can_read(data: st.DataObject) -> None:
    body = data.draw(st.sampled_from(BODIES))
    fields = {name: getattr(body, name) for name in body.__struct_fields__}
    for name in data.draw(st.lists(st.sampled_from(sorted(fields)), min_size=1, max_size=3)):
        fields[name] = data.draw(ODD)
    _check(type(body)(**fields), data.draw(st.integers(0, 2**62)))


@pytest.mark.parametrize("kind", get_args(AnyBody), ids=lambda kind: kind.__name__)
@settings(max_examples=25)
@given(st.data())
def test_nor_is_one_kept_whose_fields_are_anything(kind: Any, data: st.DataObject) -> None:
    _check(kind(**{name: data.draw(ODD) for name in kind.__struct_fields__}), 1)


def test_what_is_told_of_a_refused_record_can_be_read_itself() -> None:
    """Else the store would tell of that, and of that, without an end."""
    for odd in ("\ud800", "x" * 300_000, math.nan, "\0"):
        error = why_invalid(msgspec.structs.replace(prediction(), source=odd))
        assert error
        assert not why_invalid(Loss(what="records", reason=f"broke the contract: {error}"[:500], count=1))


def _check(body: Any, mono_ns: int) -> None:
    if why_invalid(body):
        return
    row = make_row(1, boot=BOOT, seq=1, at=Stamp(mono_ns, START_MS, trusted=True), body=body)
    found, problem = read("gate", leaf_of(body), row.payload, START_MS)
    assert problem is None or found.row["kind"] == UNREADABLE, "kept under its number all the same"
    assert (found.at.device, found.at.boot, found.at.seq) == ("gate", BOOT, 1)
