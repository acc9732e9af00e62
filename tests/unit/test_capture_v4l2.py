"""Local cameras, by the kernel's rules: their JPEG untouched, raw formats encoded, every refusal with what to do."""

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.capture import v4l2_abi as abi
from edge.capture.settings import V4l2Settings
from edge.capture.v4l2 import V4l2Camera, list_v4l2_devices
from edge.core.errors import SourceUnavailableError
from tests.support.jpegs import grey_of, jpeg
from tests.support.v4l2 import FakeNode

_SETTINGS = V4l2Settings(width=64, height=48, fps=15, read_timeout_s=0.5)


@pytest.fixture
def node() -> FakeNode:
    return FakeNode()


@pytest.fixture
def camera(node: FakeNode) -> Iterator[V4l2Camera]:
    camera = V4l2Camera(_SETTINGS, open_node=lambda _: node)
    yield camera
    camera.close()
    assert node.closed
    assert not node.streaming


def test_the_numbers_are_those_of_the_kernels_header() -> None:
    """Those of 64-bit machines, as a C program that includes linux/videodev2.h prints them."""
    assert (abi.QUERYCAP, abi.ENUM_FMT, abi.S_FMT) == (0x80685600, 0xC0405602, 0xC0D05605)
    assert (abi.REQBUFS, abi.QUERYBUF, abi.QBUF, abi.DQBUF) == (0xC0145608, 0xC0585609, 0xC058560F, 0xC0585611)
    assert (abi.STREAMON, abi.STREAMOFF, abi.S_PARM) == (0x40045612, 0x40045613, 0xC0CC5616)
    assert (abi.Buffer.m.offset, abi.Buffer.length.offset, abi.Format.fmt.offset) == (64, 72, 8)


def test_the_cameras_jpeg_is_forwarded_byte_for_byte(node: FakeNode, camera: V4l2Camera) -> None:
    camera.open()
    assert node.streaming
    assert node.rate == 15
    pictures = [jpeg(level) for level in (40, 90, 140, 190, 240)]
    for data in pictures:
        node.fill(data)
        assert camera.read().jpeg == data
    assert camera.describe() == "Fake camera at /dev/video0, MJPG"


def test_damaged_buffers_are_skipped_and_given_back(node: FakeNode, camera: V4l2Camera) -> None:
    camera.open()
    for _ in range(5):
        node.fill(jpeg(40), damaged=True)
        node.fill(b"")
        node.fill(jpeg(200))
        assert camera.read().jpeg == jpeg(200)


@pytest.mark.parametrize(
    ("code", "raw"),
    [
        ("YUYV", np.full((48, 64, 2), (180, 128), np.uint8)),
        ("UYVY", np.full((48, 64, 2), (128, 180), np.uint8)),
        ("NV12", np.concatenate([np.full((48, 64), 180, np.uint8), np.full((24, 64), 128, np.uint8)])),
        ("BGR3", np.full((48, 64, 3), 190, np.uint8)),
        ("RGB3", np.full((48, 64, 3), 190, np.uint8)),
        ("GREY", np.full((48, 64), 190, np.uint8)),
    ],
)
@pytest.mark.parametrize("padding", [0, 32])
def test_raw_pictures_are_encoded_with_their_brightness(code: str, raw: np.ndarray, padding: int) -> None:
    node = FakeNode(formats=("XXXX", code), stride_padding=padding)
    camera = V4l2Camera(_SETTINGS, open_node=lambda _: node)
    camera.open()
    rows = raw.reshape(raw.shape[0], -1)
    node.fill(np.pad(rows, ((0, 0), (0, padding))).tobytes())
    picture = camera.read()
    assert (picture.width, picture.height) == (64, 48)
    assert picture.luma is not None
    assert picture.luma.shape == (48, 64)
    assert abs(grey_of(picture.jpeg) - 190) < 3
    assert abs(float(picture.luma.mean()) - 190) < 3
    camera.close()


def test_colours_come_out_right() -> None:
    node = FakeNode(formats=("RGB3",))
    camera = V4l2Camera(_SETTINGS, open_node=lambda _: node)
    camera.open()
    node.fill(np.full((48, 64, 3), (250, 10, 10), np.uint8).tobytes())
    image = cv2.imdecode(np.frombuffer(camera.read().jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image[20, 20][2] > 230
    assert image[20, 20][0] < 30
    camera.close()


def test_a_camera_of_another_size_decides() -> None:
    node = FakeNode(formats=("YUYV",), size=(32, 16))
    camera = V4l2Camera(_SETTINGS, open_node=lambda _: node)
    camera.open()
    node.fill(bytes(32 * 16 * 2))
    assert (picture := camera.read()) and (picture.width, picture.height) == (32, 16)
    camera.close()


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (FakeNode(formats=("RG10", "BA81")), "offers no format that we can use, only RG10, BA81"),
        (FakeNode(can=abi.CAN_STREAM), "does not capture"),
    ],
)
def test_a_node_without_pictures_for_us_is_refused(node: FakeNode, reason: str) -> None:
    camera = V4l2Camera(_SETTINGS, open_node=lambda _: node)
    with pytest.raises(SourceUnavailableError, match=reason):
        camera.open()
    camera.close()
    assert node.closed


@pytest.mark.parametrize("request_number", [abi.S_FMT, abi.REQBUFS, abi.STREAMON])
def test_a_busy_camera_is_called_busy(node: FakeNode, camera: V4l2Camera, request_number: int) -> None:
    """S1.36"""
    node.fail[request_number] = errno.EBUSY
    with pytest.raises(SourceUnavailableError, match="/dev/video0: busy: another program uses the camera"):
        camera.open()


def test_a_camera_with_one_rate_may_refuse_the_question(node: FakeNode, camera: V4l2Camera) -> None:
    node.fail[abi.S_PARM] = errno.ENOTTY
    camera.open()
    node.fill(jpeg())
    assert camera.read().jpeg == jpeg()


def test_an_unplugged_camera_is_lost(node: FakeNode, camera: V4l2Camera) -> None:
    camera.open()
    node.unplug()
    with pytest.raises(SourceUnavailableError, match="unplugged"):
        camera.read()
    node.streaming = False


def test_a_silent_camera_is_lost_in_time(camera: V4l2Camera) -> None:
    camera.open()
    with pytest.raises(SourceUnavailableError, match=r"no picture for 0\.5 s"):
        camera.read()


def test_closing_ends_a_blocked_read(node: FakeNode) -> None:
    camera = V4l2Camera(V4l2Settings(read_timeout_s=60), open_node=lambda _: node)
    camera.open()
    closer = threading.Timer(0.05, camera.close)
    closer.start()
    with pytest.raises(SourceUnavailableError, match="closed"):
        camera.read()
    closer.join()
    assert node.closed


class TestRealNodes:
    """What the kernel of any machine says about nodes that are no camera."""

    @pytest.mark.parametrize(
        ("device", "reason"),
        [
            ("/dev/video4242", "no such device: is the camera plugged in"),
            ("/dev/null", "this is no camera"),
            ("/dev/zero", "this is no camera"),
        ],
    )
    def test_what_is_no_camera_is_refused_with_what_to_do(self, device: str, reason: str) -> None:
        camera = V4l2Camera(V4l2Settings(device=device))
        with pytest.raises(SourceUnavailableError, match=f"{device}: .*{reason}"):
            camera.open()
        camera.close()

    def test_a_regular_file_is_no_camera(self, tmp_path: Path) -> None:
        (tmp_path / "video0").write_bytes(b"no camera")
        camera = V4l2Camera(V4l2Settings(device=str(tmp_path / "video0")))
        with pytest.raises(SourceUnavailableError, match="this is no camera"):
            camera.open()
        camera.close()

    def test_only_nodes_that_capture_or_cannot_be_asked_are_listed(self, tmp_path: Path) -> None:
        (tmp_path / "video0").write_bytes(b"no camera")
        (tmp_path / "video7").symlink_to("/dev/null")
        (tmp_path / "video10").symlink_to("/dev/nowhere")
        (tmp_path / "video2x").write_bytes(b"")
        (tmp_path / "snd").mkdir()
        found = list_v4l2_devices(tmp_path)
        assert [Path(device.path).name for device in found] == ["video10"]
        assert "no such device" in found[0].problem

    def test_nothing_stays_open(self) -> None:
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        for _ in range(20):
            list_v4l2_devices()
            camera = V4l2Camera(V4l2Settings(device="/dev/null"))
            with pytest.raises(SourceUnavailableError):
                camera.open()
            camera.close()
        assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
