"""What meets the cloud from outside: whatever comes, it is stored, kept as unreadable, or refused by name."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.ingest.link import Delivery
from cloud.ingest.sorting import sort
from cloud.store.rows import UNREADABLE, About, read
from contract.codec import encode
from contract.errors import ContractError, InvalidMessageError
from contract.messages import Erasure, Event, HealthChange, Marker, Status
from contract.topics import RECORD_LEAVES
from tests.support.cloud import BOOT, START_MS, event, loss, payload, prediction, recording

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
BODIES = [prediction(), event(), recording("gate"), loss(2, 3), HealthChange(part="store", state="ok")]


def _changed(document: dict[str, Any], path: list[str], value: Any) -> bytes:
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return json.dumps(document).encode("utf-8", "surrogatepass")


@given(st.binary(max_size=300), st.sampled_from(RECORD_LEAVES))
def test_any_bytes_are_a_record_or_refused(raw: bytes, leaf: str) -> None:
    with pytest.raises(InvalidMessageError):
        read("gate", leaf, raw, START_MS)


@settings(max_examples=300)
@given(st.sampled_from(BODIES), st.data())
def test_a_record_with_one_field_of_anything_never_escapes(body: Any, data: st.DataObject) -> None:
    document = json.loads(payload(body, 7))
    inside = data.draw(st.booleans())
    keys = sorted(document["body"] if inside else document)
    path = (["body"] if inside else []) + [data.draw(st.sampled_from(keys))]
    raw = _changed(document, path, data.draw(JSON))
    try:
        found, problem = read("gate", "predictions", raw, START_MS)
    except ContractError:
        return
    assert found.at.device == "gate"
    assert (problem is None) == (found.row["kind"] != UNREADABLE)
    rows = [found.row, found.typed or {}]
    for value in (value for row in rows for value in row.values()):
        assert not isinstance(value, int) or abs(value) < 2**63
        assert not isinstance(value, str) or "\0" not in value


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        (["seq"], 0, "seq"),
        (["seq"], 2**63, "id"),
        (["boot"], "../../etc", "boot"),
        (["boot"], f"{BOOT}\n", "boot"),
        (["id"], "other:1", "$.id"),
        (["t"], "yesterday", "yesterday"),
        (["mono_ms"], -1, "mono_ms"),
        (["v"], 2, "$.v"),
        (["clock"], "perhaps", "clock"),
    ],
)
def test_a_broken_envelope_is_refused_by_name(path: list[str], value: Any, word: str) -> None:
    raw = _changed(json.loads(payload(prediction(), 7)), path, value)
    with pytest.raises(ContractError) as caught:
        read("gate", "predictions", raw, START_MS)
    assert word in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        (["body", "kind"], "hologram", "hologram"),
        (["body", "start_ms"], -5, "start_ms"),
        (["body", "segment_index"], 2**70, "segment_index"),
        (["body", "session_id"], "a\0b", "NUL"),
        (["body", "user_id"], "x" * 201, "200"),
        (["body", "probe"], "XX", "probe"),
        (["body"], "text", "body"),
    ],
)
def test_a_sound_envelope_keeps_an_unreadable_body(path: list[str], value: Any, word: str) -> None:
    """A newer device must not wait for ever: its record is kept whole and acked."""
    raw = _changed(json.loads(payload(prediction(), 7)), path, value)
    found, problem = read("gate", "predictions", raw, START_MS)
    assert found.row["kind"] == UNREADABLE
    assert found.at.seq == 7
    assert word in str(problem)
    assert json.loads(found.row["body"]) == json.loads(raw)["body"]


@pytest.mark.parametrize("bad", ["\ud800", float("nan"), float("inf")])
@pytest.mark.parametrize("path", [["body", "probe"], ["body"], ["extra"]])
def test_one_that_is_json_but_for_half_a_character_is_kept_under_its_number(path: list[str], bad: Any) -> None:
    """Else its device would send it for ever, and what stands behind it would wait."""
    raw = json.dumps(json.loads(payload(prediction(), 7)) | {path[0]: bad if len(path) == 1 else {path[1]: bad}})
    found = sort([_delivery("afferent/v1/gate/predictions", raw.encode())], START_MS)
    (kept,) = found.records
    assert (kept.at.device, kept.at.boot, kept.at.seq, kept.row["kind"]) == ("gate", BOOT, 7, UNREADABLE)
    assert json.loads(kept.row["body"]) == {"kind": UNREADABLE, "payload": raw}
    assert [one.topic for one in found.rejected] == ["afferent/v1/gate/predictions"], "and a person can look at it"


@pytest.mark.parametrize(
    "odd", [b'"kind":"hologram"', b'"kind":"x\\ud800"', b'"kind":"label","x":"\xff"', b'"kind":"x","x":NaN']
)
@pytest.mark.parametrize("name", ["participant", "user_id"])
def test_whom_a_record_speaks_of_is_seen_though_it_cannot_be_read(odd: bytes, name: str) -> None:
    """X.6: else an erasure would leave it as it came. What it says stands in one place, from where it can be taken."""
    whom = f'"{name}":"p1","session_id":"s1"'.encode()
    raw = payload(Marker(session_id="s0", at_ms=1, name="note"), 7)
    raw = raw[: raw.index(b'"body":')] + b'"body":{' + odd + b"," + whom + b"}}"
    found = sort([_delivery("afferent/v1/gate/sessions", raw)], START_MS)
    (kept,) = found.records
    assert (kept.row["kind"], kept.about) == (UNREADABLE, About("p1", "s1"))
    assert [one.payload for one in found.rejected] == [b""]


def test_a_name_with_what_is_not_printed_is_one_too() -> None:
    """A person can be called so in predictions: a space that breaks no line is none for who asks what is printed."""
    raw = payload(Marker(session_id="s0", at_ms=1, name="note"), 7)
    raw = raw[: raw.index(b'"body":')] + '"body":{"kind":"hologram","user_id":"Zoë\u00a0B"}}'.encode()
    found, problem = read("gate", "sessions", raw, START_MS)
    assert problem and found.about == About("Zoë\u00a0B", None)


@pytest.mark.parametrize("whom", ['"a\\u0000b"', '"\\ud800"', f'"{"x" * 201}"', "7", "null", '""', '["p1"]'])
def test_what_names_nobody_is_nobody(whom: str) -> None:
    raw = payload(Marker(session_id="s0", at_ms=1, name="note"), 7)
    raw = raw[: raw.index(b'"body":')] + f'"body":{{"kind":"hologram","participant":{whom}}}}}'.encode()
    found, problem = read("gate", "sessions", raw, START_MS)
    assert problem and found.about is None


def test_one_that_was_cut_off_is_refused_with_its_number() -> None:
    found = sort([_delivery("afferent/v1/gate/events", payload(prediction(), 7)[:-5])], START_MS)
    assert found.records == []
    (refused,) = found.rejected
    assert "gate" in refused.topic
    assert f"{BOOT}:7" in refused.reason


@pytest.mark.parametrize("bad", [b'"x":"\xff\xfe"', b'"kind":"\xff"', b'"task":"\xed\xa0\x80"'])
def test_a_body_that_is_no_utf_8_is_kept_and_ends_nothing(bad: bytes) -> None:
    """One such message, given again after each start, would end each start of the ingest."""
    raw = payload(prediction(), 7).replace(b'"kind":"prediction"', b'"kind":"prediction",' + bad)
    found = sort([_delivery(f"afferent/v1/gate/{leaf}", raw) for leaf in RECORD_LEAVES], START_MS)
    assert len(found.records) == len(RECORD_LEAVES)
    assert all("\ufffd" in one.row["body"] for one in found.records)


@pytest.mark.parametrize("session", ["a\0b", "x" * 201])
def test_whom_a_record_without_columns_speaks_of_is_checked_too(session: str) -> None:
    marker = Marker(session_id=session, at_ms=1, name="note")
    found, problem = read("gate", "sessions", payload(marker, 7), START_MS)
    assert problem and found.about is None and found.row["kind"] == UNREADABLE


def test_an_erasure_is_carried_out_whatever_sessions_it_lists() -> None:
    """What cannot be stored needs no erasing; the rest must not stay because of it."""
    erasure = Erasure(participant="p1", sessions=["a\0b", "s1", "x" * 201])
    found, problem = read("gate", "sessions", payload(erasure, 7), START_MS)
    assert problem is None and found.typed
    assert json.loads(found.typed["sessions"]) == ["s1"]


def test_a_record_on_the_wrong_topic_is_unreadable() -> None:
    found, problem = read("gate", "events", payload(prediction(), 7), START_MS)
    assert found.typed is None
    assert problem and "predictions" in problem


@pytest.mark.parametrize("key", ["recordings/other/x.mp4", "recordings/gate/../other/x.mp4", "/etc/passwd", ""])
def test_a_device_speaks_for_its_own_objects_alone(key: str) -> None:
    raw = _changed(json.loads(payload(recording("gate"), 7)), ["body", "key"], key)
    found, problem = read("gate", "recordings", raw, START_MS)
    assert found.typed is None
    assert problem and "key" in problem


def _delivery(topic: str, raw: bytes) -> Delivery:
    return Delivery(topic, raw, 1, 1, 1)


@given(st.lists(st.tuples(st.text(max_size=40), st.binary(max_size=60)), max_size=5))
def test_no_topic_and_no_payload_escapes_the_sorting(messages: list[tuple[str, bytes]]) -> None:
    found = sort([_delivery(topic, raw) for topic, raw in messages], START_MS)
    assert not found.records
    assert len(found.rejected) <= len(messages)


def test_records_statuses_and_rubbish_are_told_apart() -> None:
    birth = Status(device="gate", state="online", boot=BOOT, t="2026-11-21T08:00:00.000Z")
    will = Status(device="gate", state="offline", boot=BOOT, t="2026-11-21T08:00:00.000Z")
    stranger = Status(device="other", state="offline", boot=BOOT, t="2026-11-21T08:00:00.000Z")
    body: Event = event()
    found = sort(
        [
            _delivery("afferent/v1/gate/status", encode(birth)),
            _delivery("afferent/v1/gate/status", encode(will)),
            _delivery("afferent/v1/gate/events", payload(body, 1)),
            _delivery("afferent/v1/gate/status", encode(stranger)),
            _delivery("afferent/v1/gate/events", b"{}"),
            _delivery("afferent/v1/gate/ack", b"whatever"),
        ],
        START_MS,
    )
    assert [record.at.seq for record in found.records] == [1]
    assert [status.state for status in found.statuses] == ["offline"]
    assert len(found.rejected) == 2
    assert found.unreadable == 0
