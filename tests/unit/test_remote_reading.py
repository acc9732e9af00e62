"""What comes from the broker is a command, a desired state, or garbage that is named as far as it can be."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.codec import encode
from contract.remote import Command, Desired
from edge.sync.remote.reading import MOST_COMMAND_BYTES, NAMELESS, BadDesired, Garbage, read_command, read_desired

GOOD = Command(
    command_id="cmd-1",
    name="snapshot",
    arguments={"camera": "front"},
    issued="2026-11-21T08:00:00.000Z",
    expires="2026-11-21T09:00:00.000Z",
    by="ann",
)
_ANY: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_ALMOST = st.fixed_dictionaries(
    {},
    optional={
        "v": st.sampled_from([1, 2]) | _ANY,
        "command_id": st.just("cmd-1") | _ANY,
        "name": st.sampled_from(["snapshot", "dance"]) | _ANY,
        "issued": st.just(GOOD.issued) | st.text(min_size=18, max_size=42),
        "expires": st.just(GOOD.expires) | st.text(min_size=18, max_size=42),
        "arguments": _ANY,
        "version": _ANY,
        "set_at": st.just(GOOD.issued),
        "settings": _ANY,
    },
)


def test_a_command_is_read() -> None:
    assert read_command("cmd/cmd-1", encode(GOOD)) == GOOD
    assert read_command("cmd/cmd-1", b"") is None


@settings(max_examples=300, deadline=None)
@given(
    payload=st.binary(max_size=300) | _ALMOST.map(msgspec.json.encode), leaf=st.just("cmd/cmd-1") | st.text(max_size=80)
)
def test_whatever_comes_is_named_and_never_raises(payload: bytes, leaf: str) -> None:
    found = read_command(leaf, payload)
    if isinstance(found, Command):
        assert leaf == f"cmd/{found.command_id}"
    elif isinstance(found, Garbage):
        assert found.reason
        assert found.command_id in {"", leaf.removeprefix("cmd/")}
    desired = read_desired(payload)
    assert desired is None or desired.version >= 0


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        (b"{", NAMELESS),
        (b"\xff\xfe", NAMELESS),
        (b"[" * 100_000, NAMELESS),
        (b'{"name": "snapshot"}', "snapshot"),
        (encode(msgspec.structs.replace(GOOD, expires="not a time at all, no")), "snapshot"),
        (encode(msgspec.structs.replace(GOOD, expires="2026-11-21T99:00:00.000Z")), "snapshot"),
        (encode(msgspec.structs.replace(GOOD, command_id="cmd-2")), "snapshot"),
        (encode(msgspec.structs.replace(GOOD, arguments={"x": "y" * MOST_COMMAND_BYTES})), NAMELESS),
    ],
)
def test_garbage_is_named_by_its_topic(payload: bytes, name: str) -> None:
    found = read_command("cmd/cmd-1", payload)
    assert isinstance(found, Garbage)
    assert (found.command_id, found.name) == ("cmd-1", name)


def test_a_topic_that_is_no_id_names_nobody() -> None:
    found = read_command("cmd/a b", b"{}")
    assert isinstance(found, Garbage)
    assert not found.command_id


def test_a_desired_state_that_cannot_be_read_keeps_its_version() -> None:
    assert read_desired(b"") is None
    good = Desired(version=3, set_at=GOOD.issued)
    assert read_desired(encode(good)) == good
    bad = read_desired(b'{"version": 7, "set_at": 1}')
    assert isinstance(bad, BadDesired)
    assert bad.version == 7
    for unknown in (b"{}", b'{"version": true}', b'{"version": -1}', b'{"version": "x"}', b"nonsense"):
        found = read_desired(unknown)
        assert isinstance(found, BadDesired)
        assert found.version == 0
