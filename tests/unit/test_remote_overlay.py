"""Desired settings over the device's own: RFC 7396, cameras by id, and what is never taken from afar."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.remote import SETTABLE
from edge.config import EdgeConfig, parse_config
from edge.daemon.remote.overlay import BY_ID, SettingRefusedError, patched, plain_of
from edge.daemon.remote.redaction import HIDDEN, redacted
from edge.daemon.remote.settings_patch import settable_of, with_patch

OWN = b"""
log_level = "warning"
[[cameras]]
id = "door"
source = "rtsp"
url = "rtsp://10.0.0.7/stream?token=abc"
username = "viewer"
password_secret = "door-password"
[[cameras]]
id = "yard"
source = "simulated"
fps = 10
[broker]
host = "broker.example"
"""
_SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=3)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner),
    max_leaves=8,
)
_PLAIN_SECTIONS = [section for section in SETTABLE if section not in BY_ID]
_SECTIONS = st.dictionaries(st.sampled_from(_PLAIN_SECTIONS), _JSON, max_size=4)
_BY_ID = st.dictionaries(
    st.sampled_from(["front", "yard", "c-1"]),
    st.none() | st.dictionaries(st.sampled_from(["fps", "name", "source"]), _JSON, max_size=3),
    max_size=3,
)


def own() -> EdgeConfig:
    """The device's own settings."""
    return parse_config(OWN, "edge.toml")


def merge(target: Any, patch: Any) -> Any:
    """RFC 7396 section 2, written again from its pseudo code."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


@settings(max_examples=60, deadline=None)
@given(plain=_SECTIONS, patch=_SECTIONS)
def test_a_section_is_merged_as_rfc_7396_says_and_nothing_else_is_touched(
    plain: dict[str, Any], patch: dict[str, Any]
) -> None:
    plain = {**plain, "broker": {"host": "x"}}
    before = copy.deepcopy((plain, patch))
    result = patched(plain, patch)
    assert result == merge(plain, patch)
    assert patched(result, patch) == result, "taken twice it is the same"
    assert (plain, patch) == before, "neither is changed"
    assert patched(plain, {}) == plain


@settings(max_examples=60, deadline=None)
@given(known=st.lists(st.sampled_from(["front", "yard", "gate"]), unique=True), patch=_BY_ID)
def test_cameras_are_merged_by_id_in_their_order(known: list[str], patch: dict[str, Any]) -> None:
    plain = {"cameras": [{"id": name, "fps": 5, "source": "auto"} for name in known]}
    found = patched(plain, {"cameras": patch})["cameras"]
    ids = [one["id"] for one in found]
    removed = {name for name, part in patch.items() if part is None}
    added = [name for name, part in patch.items() if part is not None and name not in known]
    assert ids == [name for name in known if name not in removed] + added
    for one in found:
        part = patch.get(one["id"]) or {}
        before = {"id": one["id"], "fps": 5, "source": "auto"} if one["id"] in known else {"id": one["id"]}
        assert one == merge(before, part)
    assert patched({"cameras": found}, {"cameras": patch})["cameras"] == found


@settings(max_examples=80, deadline=None)
@given(patch=st.dictionaries(st.text(max_size=8) | st.sampled_from(SETTABLE), _JSON, max_size=3))
def test_whatever_comes_gives_settings_or_a_place_and_a_reason(patch: dict[str, Any]) -> None:
    try:
        config = with_patch(own(), patch)
    except SettingRefusedError as error:
        assert error.path.startswith("$")
        assert error.reason
    else:
        assert config.broker == own().broker
        assert config.web == own().web


def test_settings_survive_the_way_through_plain_data() -> None:
    assert with_patch(own(), {}) == own()
    assert with_patch(EdgeConfig(), {}) == EdgeConfig()
    assert plain_of(EdgeConfig()) == {"cameras": [{"source": "auto", "id": "front"}], "sensors": []}


def test_what_is_patched_is_in_force_and_null_is_the_default_again() -> None:
    config = with_patch(own(), {"cameras": {"yard": {"fps": 5, "name": "Yard"}}, "log_level": None, "recording": {}})
    assert [camera.id for camera in config.cameras] == ["door", "yard"]
    assert (config.cameras[1].fps, config.cameras[1].name) == (5, "Yard")  # type: ignore[union-attr]
    assert config.log_level == "info"
    settable = settable_of(config)
    assert settable["cameras"]["yard"] == {"source": "simulated", "fps": 5.0, "name": "Yard"}
    assert "log_level" not in settable


@pytest.mark.parametrize(
    ("patch", "path"),
    [
        ({"broker": {"host": "evil"}}, "$.settings.broker"),
        ({"web": {}}, "$.settings.web"),
        ({"cameras": [{"id": "yard"}]}, "$.settings.cameras"),
        ({"cameras": {"yard": 7}}, "$.settings.cameras.yard"),
        ({"cameras": {"a b": {}}}, "$.settings.cameras.a b"),
        ({"cameras": {"yard": {"id": "other"}}}, "$.settings.cameras.yard.id"),
        ({"cameras": {"yard": {"fps": 500}}}, "$.settings.cameras.yard.fps"),
        ({"cameras": {"yard": {"nonsense": 1}}}, "$.settings.cameras.yard"),
        ({"cameras": {"door": {"url": "rtsp://elsewhere/"}}}, "$.settings.cameras.door.url"),
        ({"cameras": {"door": {"password_secret": "broker"}}}, "$.settings.cameras.door.password_secret"),
        ({"cameras": {"yard": {"source": "command"}}}, "$.settings.cameras.yard.source"),
        ({"cameras": {"new": {"source": "command", "argv": ["sh"]}}}, "$.settings.cameras.new.argv"),
        ({"cameras": {"new": {"source": "file", "path": "/etc/shadow"}}}, "$.settings.cameras.new.path"),
        ({"cameras": {"new": {"source": "rtsp", "password_secret": "p"}}}, "$.settings.cameras.new.password_secret"),
        ({"sensors": {"s": {"source": "lsl", "library": "/var/lib/afferent/x.so"}}}, "$.settings.sensors.s.library"),
        ({"sensors": {"s": {"source": "replay", "files": ["/etc/passwd"]}}}, "$.settings.sensors.s.files"),
        ({"sensors": {"s": {"source": "serial", "port": "socket://10.0.0.1:22"}}}, "$.settings.sensors.s.port"),
        ({"sensors": {"s": {"source": "serial", "port": "/etc/passwd"}}}, "$.settings.sensors.s.port"),
        ({"cameras": {"new": {"source": "v4l2", "device": "/dev/../etc/passwd"}}}, "$.settings.cameras.new.device"),
        ({"retention": {"max_days": 0.001}}, "$.settings.retention.max_days"),
        ({"retention": {"event": {"max_days": 0.9}}}, "$.settings.retention.event.max_days"),
        ({"retention": {"max_bytes": 2**20}}, "$.settings.retention.max_bytes"),
        ({"retention": {"session": {"max_bytes": 1}}}, "$.settings.retention.session.max_bytes"),
        ({"retention": {"reserve_bytes": 2**50}}, "$.settings.retention.reserve_bytes"),
        ({"log_level": "loud"}, "$.settings.log_level"),
        ({"vision": {"nonsense": 1}}, "$.settings.vision"),
    ],
)
def test_what_is_not_taken_names_its_place(patch: dict[str, Any], path: str) -> None:
    with pytest.raises(SettingRefusedError) as refused:
        with_patch(own(), patch)
    assert refused.value.path == path


def test_a_patch_without_an_end_to_its_depth_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(500):
        deep = {"a": deep}
    with pytest.raises(SettingRefusedError):
        patched({}, {"vision": deep})


def test_a_camera_that_names_a_secret_may_get_other_settings() -> None:
    config = with_patch(own(), {"cameras": {"door": {"max_width": 640}}})
    assert config.cameras[0].max_width == 640  # type: ignore[union-attr]
    with_patch(own(), {"cameras": {"door": None}})


def test_devices_that_are_plugged_in_may_be_named() -> None:
    for port in ("auto", "usb:85736", "/dev/serial/by-id/usb-1"):
        with_patch(own(), {"sensors": {"s": {"source": "serial", "port": port}}})
    with_patch(own(), {"cameras": {"new": {"source": "v4l2", "device": "/dev/video2"}}})


def test_what_is_kept_may_be_less_but_neither_nothing_nor_below_what_the_device_itself_says() -> None:
    small = parse_config(OWN + b"[retention]\nmax_bytes = 4194304\nmax_days = 0.5\n", "edge.toml")
    assert with_patch(small, {"retention": {"max_bytes": 2**22}}).retention.max_days == 0.5
    wanted = {"max_days": 1, "max_bytes": 2**30, "event": {"max_bytes": 2**40, "max_days": 30}}
    assert with_patch(own(), {"retention": wanted}).retention.max_bytes == 2**30
    with pytest.raises(SettingRefusedError):
        with_patch(small, {"retention": {"max_bytes": 2**21}})


def test_what_leaves_the_device_has_no_name_of_a_secret_and_no_query() -> None:
    shown = redacted(plain_of(own()))
    door = shown["cameras"][0]
    assert door["url"] == f"rtsp://10.0.0.7/stream?{HIDDEN}"
    assert door["username"] == door["password_secret"] == HIDDEN
    assert "abc" not in str(shown)
    assert redacted({"argv": ["program", "--key=1"]}) == {"argv": ["program", HIDDEN]}
    assert redacted({"url": "http://user:pass@host/x"}) == {"url": "http://host/x"}
