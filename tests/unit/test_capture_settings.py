"""Every camera's settings decode with defaults that work, and say what is wrong with the others."""

from typing import Any

import msgspec
import pytest

from contract.errors import InvalidSettingsError
from contract.settings import decode_settings
from edge.capture.settings import CameraSettings, MjpegSettings


class _Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    cameras: tuple[CameraSettings, ...] = ()


def _decode(**camera: Any) -> CameraSettings:
    return decode_settings({"cameras": [camera]}, _Config).cameras[0]


@pytest.mark.parametrize("source", ["v4l2", "mjpeg", "command", "rtsp", "file", "simulated", "auto"])
def test_every_source_works_without_any_other_setting(source: str) -> None:
    camera = _decode(source=source)
    assert (camera.id, camera.name) == ("front", "")
    assert msgspec.to_builtins(camera)["source"] == source


@pytest.mark.parametrize(
    "url", ["http://root:hunter2@cam/x", "http://root@cam/x", "rtsp://a:b@cam/x", "http://:b@cam/"]
)
def test_a_password_in_a_url_is_refused_with_the_remedy_and_without_showing_it(url: str) -> None:
    with pytest.raises(InvalidSettingsError) as caught:
        _decode(source="rtsp" if url.startswith("rtsp") else "mjpeg", url=url)
    assert "password_secret" in str(caught.value)
    assert str(caught.value).startswith("$.cameras[0]: ")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("camera", "message"),
    [
        ({"source": "v4l2", "fps": 0}, r"\$\.cameras\[0\]\.fps: must be >= 0\.1 \(it is 0\)"),
        ({"source": "v4l2", "device": "video0"}, r"\.device: "),
        ({"source": "simulated", "width": 8}, r"\.width: must be >= 16 \(it is 8\)"),
        ({"source": "command", "argv": []}, r"\.argv: "),
        ({"source": "mjpeg", "url": "rtsp://cam/x"}, "must begin with http:// or https://"),
        ({"source": "mjpeg", "url": "http:///x"}, "and name a host"),
        ({"source": "mjpeg", "url": "http://cam:99999/x"}, "port out of range"),
        ({"source": "rtsp", "url": "http://cam/x"}, "must begin with rtsp:// or rtsps://"),
        ({"source": "webcam"}, "'webcam' is none of the allowed words"),
        ({"url": "http://cam/"}, "setting 'source' is missing"),
        ({"source": "file", "rate": 2}, "unknown setting 'rate'"),
        ({"source": "file", "id": "../x"}, r"\.id: "),
    ],
)
def test_what_is_wrong_is_named(camera: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidSettingsError, match=message):
        _decode(**camera)


def test_every_setting_is_described() -> None:
    schema = msgspec.json.schema(_Config)
    for name, struct in schema["$defs"].items():
        if name == "_Config":
            continue
        for field, about in struct.get("properties", {}).items():
            assert field == "source" or about.get("description"), f"{name}.{field}"


def test_addresses_without_sign_in_are_fine() -> None:
    assert MjpegSettings(url="https://[fe80::1]:8443/video?x=a@b").url
