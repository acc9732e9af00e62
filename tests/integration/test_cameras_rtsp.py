"""Network cameras over RTSP, against a real server: sign-in, silence, slowness, and coming back."""

import time

import pytest

from edge.capture.camera import Picture
from edge.capture.rtsp import RtspCamera
from edge.capture.settings import RtspSettings
from edge.capture.stats import Tally
from edge.core.clock import SystemClock
from edge.core.errors import SourceUnavailableError
from edge.core.health import State
from tests.support.capture_stage import CaptureStage
from tests.support.rtsp import rtsp_source

_PASSWORD = "hunter 2@/:"  # noqa: S105


def test_only_the_right_password_opens_and_it_is_never_shown() -> None:
    with rtsp_source(sign_in=("root", _PASSWORD)) as source:
        for user, password in (("", None), ("root", "wrong-hunter")):
            camera = RtspCamera(RtspSettings(url=source.url, username=user), clock=SystemClock(), password=password)
            with pytest.raises(SourceUnavailableError, match="check `username` and `password_secret`") as caught:
                camera.open()
            assert "hunter" not in str(caught.value)
            assert caught.value.__cause__ is None
            camera.close()
        settings = RtspSettings(url=source.url, username="root")
        camera = RtspCamera(settings, clock=SystemClock(), password=_PASSWORD)
        camera.open()
        camera.read()
        assert "hunter" not in camera.describe()
        camera.close()
        lost = RtspCamera(
            RtspSettings(url=source.url + "/nowhere", username="root"), clock=SystemClock(), password=_PASSWORD
        )
        with pytest.raises(SourceUnavailableError, match="404") as caught:
            lost.open()
        assert "hunter" not in str(caught.value)
        lost.close()


def test_a_short_silence_is_survived_a_long_one_is_a_loss() -> None:
    with rtsp_source(fps=25) as source:
        camera = RtspCamera(RtspSettings(url=source.url, read_timeout_s=4), clock=SystemClock())
        camera.open()
        camera.read()
        source.freeze()
        time.sleep(1.2)
        source.thaw()
        for _ in range(10):
            camera.read()
        source.freeze()
        with pytest.raises(SourceUnavailableError, match="nothing came for 4 s"):
            for _ in range(200):
                camera.read()
        camera.close()


def test_wide_pictures_are_scaled_down() -> None:
    with rtsp_source() as source:
        camera = RtspCamera(RtspSettings(url=source.url, max_width=160), clock=SystemClock())
        camera.open()
        picture = camera.read()
        assert (picture.width, picture.height) == (160, 120)
        assert picture.luma is not None
        assert picture.luma.shape == (120, 160)
        camera.close()


def test_a_picture_that_nobody_wants_is_not_made_but_counted_and_nothing_that_was_sent_is_missing() -> None:
    asked: list[int] = []

    def unwanted(mono_ns: int) -> bool:
        asked.append(mono_ns)
        return len(asked) % 3 != 0

    with rtsp_source(fps=30) as source:
        clock = SystemClock()
        camera = RtspCamera(RtspSettings(url=source.url), clock=clock, unwanted=unwanted)
        camera.open()
        tally = Tally(clock)
        pictures: list[Picture] = []
        began_ns = clock.mono_ns()
        while len(pictures) < 20:
            pictures.append(camera.read())
            tally.count(pictures[-1], clock.mono_ns())
        camera.close()
    # A machine that is far behind also makes one that nobody was asked about: it may have lost its place in the stream.
    passed = sum(picture.passed_over for picture in pictures)
    assert passed == len(asked) - len(asked) // 3 > 0
    seqs = [unit.seq for picture in pictures for unit in picture.units]
    assert seqs == list(range(len(seqs)))
    assert tally.frames == 20
    assert tally.stats().fps > 20 * 1e9 / (clock.mono_ns() - began_ns), "counted, also those that were not made"


def test_a_reader_that_is_too_slow_skips_instead_of_falling_behind() -> None:
    """S1.27"""
    with rtsp_source(fps=30) as source:
        camera = RtspCamera(RtspSettings(url=source.url), clock=SystemClock())
        camera.open()
        camera.read()
        began, read = time.monotonic(), []
        while time.monotonic() - began < 2.5:
            read.append(camera.read())
            time.sleep(0.15)
        camera.close()
    sent = sum(len(picture.units) for picture in read)
    assert sent - len(read) > len(read), "most of what was sent meanwhile was left out, instead of being read too late"


async def test_a_killed_camera_comes_back_by_itself() -> None:
    """S1.35"""
    with rtsp_source() as source:
        settings = RtspSettings(url=source.url)
        stage = CaptureStage(lambda: RtspCamera(settings, clock=SystemClock()))
        async with stage.running():
            await stage.service.start(20)
            source.kill()
            await stage.until(lambda: stage.changes[-1].state is State.FAILED)
            source.start()
            await stage.frames(5)
            assert stage.service.stats.reconnects == 1
            assert stage.service.stats.description == f"RTSP from {source.url}"
            await stage.service.stop()
