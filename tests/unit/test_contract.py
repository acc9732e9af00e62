"""The contract: what goes out comes back, and nothing malformed gets in."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import codec, emotions, ids, objects, times, topics
from contract.errors import ContractError, InvalidIdError, InvalidManifestError, InvalidMessageError
from contract.manifest import decode_manifest
from contract.messages import (
    Ack,
    AnyBody,
    Event,
    HealthChange,
    Loss,
    Prediction,
    Record,
    Recording,
    Status,
    Telemetry,
    priority_of,
)

SHA = "0" * 64
BODIES: list[AnyBody] = [
    Prediction(
        task="emotion", model="emotion", model_version="1", source="wrist", segment_index=3, start_ms=5, end_ms=5005
    ),
    Event(event_id="ev-1", phase="open", camera="gate", type="loitering", severity="HIGH", start_ms=1),
    Recording(
        recording_id="rec-1",
        phase="closed",
        camera="gate",
        reason="event",
        start_ms=0,
        end_ms=1000,
        frames=30,
        size_bytes=1,
        sha256=SHA,
        codec="h264",
        width_px=640,
        height_px=480,
        key="recordings/x.mp4",
    ),
    HealthChange(part="camera.gate", state="failed", detail="unplugged"),
    Telemetry(cpu_share=0.2, rss_bytes=1, disk_free_bytes=2, outbox_records=3, uploads_pending=0),
    Loss(what="records", reason="disk full", count=2, boot="00000001-0badcafe", first_seq=4, last_seq=5),
]


def record(body: AnyBody) -> Record:
    return Record(
        id="00000001-0badcafe:7",
        seq=7,
        boot="00000001-0badcafe",
        t="2026-11-21T08:00:00.000Z",
        mono_ms=1234,
        clock="trusted",
        body=body,
    )


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_a_record_survives_the_wire_with_every_envelope_field(body: AnyBody) -> None:
    payload = codec.encode(record(body))
    assert codec.decode(payload, Record) == record(body)
    assert {"v", "id", "seq", "boot", "t", "mono_ms", "clock", "body"} <= set(msgspec.json.decode(payload))


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused_with_a_clear_error_and_nothing_else(payload: bytes) -> None:
    readers: dict[str, Callable[[], object]] = {
        "Record": lambda: codec.decode(payload, Record),
        "Status": lambda: codec.decode(payload, Status),
    }
    readers["Ack"] = lambda: codec.decode(payload, Ack)
    for kind, read in readers.items():
        try:
            read()
        except InvalidMessageError as error:
            assert kind in str(error)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8), st.lists, max_leaves=20))
def test_json_of_another_shape_is_refused(value: object) -> None:
    with pytest.raises(InvalidMessageError):
        codec.decode(msgspec.json.encode({"body": value}), Record)


def test_a_field_error_names_its_path() -> None:
    broken = codec.encode(record(BODIES[0])).replace(b'"start_ms":5', b'"start_ms":-5')
    with pytest.raises(InvalidMessageError, match=r"start_ms"):
        codec.decode(broken, Record)


@pytest.mark.parametrize("field", ['"task":"emotion', '"boot":"00000001-0badcafe'])
def test_an_id_with_a_final_newline_is_refused(field: str) -> None:
    payload = codec.encode(record(BODIES[0])).replace(f'{field}"'.encode(), f'{field}\\n"'.encode())
    with pytest.raises(InvalidMessageError, match="matching regex"):
        codec.decode(payload, Record)


def test_an_oversized_payload_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(InvalidMessageError, match="more than"):
        codec.decode(b" " * (codec.MAX_PAYLOAD_BYTES + 1), Ack)


def test_every_message_has_a_json_schema() -> None:
    assert {"Record", "Status", "Ack", "Prediction", "Event", "Recording"} <= set(codec.json_schemas())


@pytest.mark.parametrize("body", BODIES, ids=lambda body: type(body).__name__)
def test_every_body_has_a_topic_of_its_device(body: AnyBody) -> None:
    name = topics.topic("gate-1", topics.leaf_of(body))
    assert topics.split(name) == ("gate-1", topics.leaf_of(body))
    assert topics.leaf_of(body) in topics.RECORD_LEAVES


@given(st.text(max_size=80))
def test_an_id_never_carries_a_path_or_a_wildcard(text: str) -> None:
    try:
        checked = ids.check_id(text)
    except InvalidIdError:
        return
    assert not set(checked) & set("/+#\0\\ ")
    assert checked not in {".", ".."}


@given(st.text(max_size=60))
def test_any_topic_is_split_or_refused(name: str) -> None:
    try:
        device, leaf = topics.split(name)
    except ContractError:
        return
    assert topics.topic(device, leaf) == name


@given(st.integers(min_value=0, max_value=4_000_000_000_000))
def test_times_survive_the_wire(ms: int) -> None:
    assert times.from_wire(times.to_wire(ms)) == ms


def test_a_naive_legacy_time_means_utc() -> None:
    """X.3"""
    assert times.from_wire("2026-01-27T15:30:00") == times.from_wire("2026-01-27T15:30:00Z")


def test_boots_sort_by_run_and_differ_between_stores() -> None:
    assert ids.new_boot(9) < ids.new_boot(10)
    assert ids.new_boot(1) != ids.new_boot(1)
    assert ids.check_boot(ids.new_boot(3))


def test_the_key_of_a_recording_is_by_utc_day() -> None:
    key = objects.recording_key("gate-1", "front", "rec-1", times.from_wire("2026-11-21T23:59:59.999Z"))
    assert key == "recordings/gate-1/2026/11/21/front/rec-1.mp4"


def test_an_alarm_is_an_alarm() -> None:
    assert [priority_of(body) for body in BODIES] == ["normal", "alarm", "normal", "normal", "bulk", "normal"]


def test_probes_have_the_names_and_colours_of_the_seed() -> None:
    """S0.35, U0.3"""
    assert emotions.emotion_of("HH") == ("Happy", "#eecdac")
    assert emotions.emotion_of("HL") == ("Neutral", "#7fc087")
    assert emotions.emotion_of("LH") == ("Angry", "#f4978e")
    assert emotions.emotion_of("LL") == ("Sad", "#879af0")
    assert emotions.emotion_of("??").color == "#999999"
    assert emotions.emotion_of(None).name != "Neutral"


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_no_manifest(raw: bytes) -> None:
    with pytest.raises(InvalidManifestError):
        decode_manifest(raw)
