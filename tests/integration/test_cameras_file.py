"""Recordings as cameras: at their own rate, over and over, their JPEGs untouched."""

import time
from pathlib import Path

import av
import pytest

from edge.capture.file import FileCamera
from edge.capture.settings import FileSettings
from edge.core.clock import SystemClock
from edge.core.errors import SourceEndedError, SourceUnavailableError

pytestmark = pytest.mark.data


@pytest.fixture
def avi(data_dir: Path) -> Path:
    return data_dir / "vision" / "motion" / "traffic.mjpeg.avi"


@pytest.fixture
def clip(data_dir: Path) -> Path:
    return data_dir / "vision" / "clips" / "car-detection.mp4"


def _camera(path: Path, *, speed: float = 100, loop: bool = True, max_width: int = 0) -> FileCamera:
    return FileCamera(FileSettings(path=str(path), speed=speed, loop=loop, max_width=max_width), clock=SystemClock())


def test_the_jpegs_of_a_recording_are_untouched_and_begin_again(avi: Path) -> None:
    with av.open(str(avi)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    camera = _camera(avi)
    camera.open()
    seen = [camera.read() for _ in range(len(packets) + 3)]
    assert [picture.jpeg for picture in seen] == [*packets, *packets[:3]]
    assert seen[0].luma is None
    camera.close()


def test_a_recording_that_is_not_looped_ends(avi: Path) -> None:
    camera = _camera(avi, loop=False)
    camera.open()
    count = 0
    with pytest.raises(SourceEndedError, match="played to its end"):
        while True:
            camera.read()
            count += 1
    assert count == 101
    camera.close()


@pytest.mark.parametrize("speed", [1.0, 4.0])
def test_it_plays_at_its_own_rate_times_the_speed(clip: Path, speed: float) -> None:
    camera = _camera(clip, speed=speed)
    camera.open()
    camera.read()
    began = time.monotonic()
    for _ in range(12):
        camera.read()
    assert time.monotonic() - began >= 12 / 12.5 / speed * 0.9
    camera.close()


def test_every_picture_of_the_recording_is_shown(clip: Path) -> None:
    with av.open(str(clip)) as container:
        frames = container.streams.video[0].frames
    camera = _camera(clip, loop=False, max_width=64)
    camera.open()
    with pytest.raises(SourceEndedError):
        for count in range(10_000):  # noqa: B007
            picture = camera.read()
    assert count == frames
    assert (picture.width, picture.height) == (64, 36)
    camera.close()


def test_what_is_no_video_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("not a video at all")
    for name, reason in (("notes.mp4", "Invalid data"), ("missing.mp4", "No such file")):
        camera = _camera(tmp_path / name)
        with pytest.raises(SourceUnavailableError, match=f"{name}: .*{reason}"):
            camera.open()
        camera.close()


def test_a_recording_that_is_cut_off_plays_as_far_as_it_goes(avi: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.avi").write_bytes(avi.read_bytes()[:200_000])
    camera = _camera(tmp_path / "cut.avi")
    camera.open()
    for _ in range(60):
        camera.read()
    camera.close()
