"""What every camera does, whatever is behind it: one suite for all drivers, each with its real source."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.core.errors import SourceUnavailableError
from tests.support.cameras import KINDS, Setup, camera_setup

pytestmark = pytest.mark.data


@pytest.fixture(scope="module", params=KINDS)
def setup(request: pytest.FixtureRequest, data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    with camera_setup(request.param, data_dir, tmp_path_factory.mktemp("camera")) as setup:
        yield setup


def _open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_gives_whole_pictures_that_are_as_they_say(setup: Setup) -> None:
    """S1.14, S1.16"""
    camera = setup.make()
    camera.open()
    for _ in range(8):
        picture = camera.read()
        image = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
        assert image is not None
        assert (image.shape[1], image.shape[0]) == (picture.width, picture.height) == setup.size
        if picture.luma is not None:
            assert picture.luma.dtype == np.uint8
            assert picture.luma.shape == image.shape
            assert float(np.abs(picture.luma.astype(int) - image).mean()) < 6
    camera.close()


def test_a_missing_source_is_unavailable_with_a_reason(setup: Setup) -> None:
    """S1.3"""
    camera = setup.missing()
    with pytest.raises(SourceUnavailableError, match=r"\w{3}"):
        camera.open()
    camera.close()


def test_close_is_final_and_may_be_repeated(setup: Setup) -> None:
    """S1.10"""
    camera = setup.make()
    camera.open()
    camera.read()
    camera.close()
    camera.close()
    for again in (camera.read, camera.open):
        with pytest.raises(SourceUnavailableError):
            again()


def test_close_before_open_leaves_nothing(setup: Setup) -> None:
    before = _open_descriptors()
    camera = setup.make()
    camera.close()
    with pytest.raises(SourceUnavailableError):
        camera.open()
    assert _open_descriptors() == before


def test_close_from_another_thread_ends_the_reading_soon(setup: Setup) -> None:
    camera = setup.make()
    camera.open()
    camera.read()
    closer = threading.Timer(0.1, camera.close)
    closer.start()
    began = time.monotonic()
    with pytest.raises(SourceUnavailableError):
        while time.monotonic() - began < 20:
            camera.read()
    closer.join()
    camera.close()


def test_opening_and_closing_leaves_nothing_open(setup: Setup) -> None:
    """S1.35"""
    setup.make().close()
    before = _open_descriptors(), threading.active_count()
    for _ in range(3):
        camera = setup.make()
        camera.open()
        camera.read()
        camera.close()
    deadline = time.monotonic() + 30
    while (_open_descriptors(), threading.active_count()) > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (_open_descriptors(), threading.active_count()) <= before


def test_says_what_it_is_without_secrets(setup: Setup) -> None:
    camera = setup.make()
    assert camera.describe()
    camera.open()
    camera.read()
    assert camera.describe()
    assert "hunter2" not in camera.describe()
    camera.close()
