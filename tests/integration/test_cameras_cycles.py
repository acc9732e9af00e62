"""A hundred starts and stops leave nothing: no thread, no descriptor, no memory."""

import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cameras import camera_setup
from tests.support.capture_stage import CaptureStage

pytestmark = pytest.mark.data

_PAGE_MB = 4096 / 2**20


def _resident_mb() -> float:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_MB


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture(params=["mjpeg", "file", "simulated"])
def stage(request: pytest.FixtureRequest, data_dir: Path, tmp_path: Path) -> Iterator[CaptureStage]:
    with camera_setup(request.param, data_dir, tmp_path) as setup:
        yield CaptureStage(setup.make)


async def test_a_hundred_starts_and_stops_leave_nothing(stage: CaptureStage) -> None:
    """S1.35"""
    async with stage.running():
        for _ in range(20):
            await stage.service.start(20)
            await stage.service.stop()
        await stage.until(lambda: not any(t.name.startswith("camera.") for t in threading.enumerate()))
        memory, descriptors = _resident_mb(), _descriptors()
        for _ in range(80):
            await stage.service.start(20)
            await stage.service.stop()
        await stage.until(lambda: _descriptors() <= descriptors)
        assert not [t.name for t in threading.enumerate() if t.name.startswith("camera.")]
        assert _resident_mb() - memory < 12
        assert stage.count >= 100
