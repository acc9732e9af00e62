"""What strangers may send about looking after devices: reports, desired states, cursors, whatever they are made of."""

import asyncio
import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from cloud.ingest.link import Delivery
from cloud.ingest.sorting import sort
from cloud.web import replies
from cloud.web.command_routes import _cursor_of, _key_of
from cloud.web.fleet_shapes import DesiredRequest
from cloud.web.problems import ProblemError
from cloud.web.wishes import wish_of
from contract.codec import encode
from contract.remote import MOST_BYTES, SETTABLE, Desired, Reported
from contract.times import to_wire
from tests.support.cloud import BOOT, START_MS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
REPORTED = Reported(device="gate", boot=BOOT, t=to_wire(START_MS), version=1, seen=2)


def _sorted(payload: bytes, leaf: str = "reported") -> Any:
    return sort([Delivery(f"afferent/v1/gate/{leaf}", payload, 1, 1, 1)], START_MS)


@given(st.binary(max_size=300) | st.builds(lambda cut: encode(REPORTED)[:cut], st.integers(1, 200)))
def test_a_report_is_read_or_put_aside(payload: bytes) -> None:
    found = _sorted(payload)
    assert len(found.reports) + len(found.rejected) == bool(payload)


def test_a_report_speaks_for_its_own_device_and_within_what_can_be_counted() -> None:
    assert _sorted(encode(REPORTED)).reports == [REPORTED]
    foreign = Reported(device="yard", boot=BOOT, t=to_wire(START_MS))
    huge = Reported(device="gate", boot=BOOT, t=to_wire(START_MS), seen=2**53)
    assert [len(_sorted(encode(one)).rejected) for one in (foreign, huge)] == [1, 1]
    for leaf in ("status", "reported"):
        found = _sorted(b"", leaf)
        assert not (found.rejected or found.statuses or found.reports), "it was taken from the broker"


@given(
    st.dictionaries(st.sampled_from(SETTABLE) | st.text(max_size=8), JSON, max_size=3),
    st.dictionaries(st.text(max_size=8), JSON, max_size=2),
)
def test_a_desired_state_is_refused_at_a_place_or_fit_to_be_sent(settings: Any, plans: Any) -> None:
    try:
        wish = wish_of(DesiredRequest(settings=settings, plans=plans))
    except ProblemError as error:
        assert error.problem.field.startswith("$")
        return
    assert set(wish.settings) <= set(SETTABLE)
    sent = encode(Desired(version=2**53, set_at=to_wire(START_MS), by="x" * 200, settings=wish.settings))
    assert len(sent) < MOST_BYTES


@given(st.text(max_size=60))
def test_a_cursor_of_ones_own_making_is_refused_and_never_breaks(text: str) -> None:
    with contextlib.suppress(ProblemError):
        _key_of(text)
    row = {"asked_ms": START_MS, "device": "gate-1.x", "command_id": "c_1"}
    assert _key_of(_cursor_of(row)) == (START_MS, "gate-1.x", "c_1")


async def test_a_body_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "_WITHIN_S", 0.01)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b" ", "more_body": True}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"application/json")]}
    with pytest.raises(ProblemError) as caught:
        await replies.body_of(Request(scope, receive), DesiredRequest)
    assert caught.value.status == 408
