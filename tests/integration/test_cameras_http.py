"""Network cameras over HTTP: bytes untouched, both sign-ins, every refusal with its reason, and coming back."""

import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.capture.mjpeg import MjpegCamera
from edge.capture.settings import MjpegSettings
from edge.core.errors import SourceUnavailableError
from edge.core.health import State
from tests.support.capture_stage import CaptureStage
from tests.support.certificate import self_signed
from tests.support.jpegs import jpeg, with_thumbnail, without_tables
from tests.support.mjpeg_source import MjpegSource, mjpeg_source


@pytest.mark.parametrize("stated_length", [True, False])
def test_the_cameras_bytes_are_untouched(stated_length: bool) -> None:
    pictures = tuple(with_thumbnail(jpeg(level, width=320, height=200), jpeg(10)) for level in (50, 100, 150))
    with mjpeg_source(stated_length=stated_length, pictures=pictures) as source:
        camera = MjpegCamera(MjpegSettings(url=source.url))
        camera.open()
        assert [camera.read().jpeg for _ in range(6)] == [*pictures, *pictures]
        camera.close()


def test_pictures_without_tables_become_whole() -> None:
    with mjpeg_source(pictures=(without_tables(jpeg()),)) as source:
        camera = MjpegCamera(MjpegSettings(url=source.url))
        camera.open()
        assert b"\xff\xc4" in camera.read().jpeg
        camera.close()


@pytest.mark.parametrize("scheme", ["basic", "digest"])
def test_the_right_password_opens_and_is_sent_only_when_asked_for(scheme: str) -> None:
    with mjpeg_source(sign_in=(scheme, "root", "hunter2")) as source:
        camera = MjpegCamera(MjpegSettings(url=source.url, username="root"), password="hunter2")  # noqa: S106
        camera.open()
        camera.read()
        camera.close()
        assert [header.partition(" ")[0].lower() for header in source.asked] == ["", scheme]


@pytest.mark.parametrize("scheme", ["basic", "digest"])
@pytest.mark.parametrize(("user", "password"), [("root", "wrong"), ("", None)])
def test_a_wrong_password_is_refused_with_what_to_do(scheme: str, user: str, password: str | None) -> None:
    with mjpeg_source(sign_in=(scheme, "root", "hunter2")) as source:
        camera = MjpegCamera(MjpegSettings(url=source.url, username=user), password=password)
        with pytest.raises(SourceUnavailableError, match="check `username` and `password_secret`"):
            camera.open()
        camera.close()


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/page", "gives text/html, not a stream of pictures"),
        ("/snapshot", "gives a single picture"),
        ("/nowhere", "the camera answers 404"),
    ],
)
def test_an_address_without_a_stream_is_refused_with_the_reason(path: str, reason: str) -> None:
    with mjpeg_source() as source:
        camera = MjpegCamera(MjpegSettings(url=f"http://127.0.0.1:{source.port}{path}?pwd=hunter2"))
        with pytest.raises(SourceUnavailableError, match=reason) as caught:
            camera.open()
        assert "hunter2" not in str(caught.value) + camera.describe()
        camera.close()


def test_the_end_of_the_stream_is_a_loss() -> None:
    with mjpeg_source() as source:
        camera = MjpegCamera(MjpegSettings(url=f"http://127.0.0.1:{source.port}/once"))
        camera.open()
        for _ in range(3):
            camera.read()
        with pytest.raises(SourceUnavailableError, match="ended the stream"):
            camera.read()
        camera.close()


def test_silence_is_a_loss_in_time() -> None:
    with mjpeg_source() as source:
        camera = MjpegCamera(MjpegSettings(url=source.url, read_timeout_s=0.5))
        camera.open()
        source.silent.set()
        with pytest.raises(SourceUnavailableError, match="no answer in time"):
            for _ in range(1000):
                camera.read()
        camera.close()


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with mjpeg_source() as source:
        camera = MjpegCamera(MjpegSettings(url=source.url))
        camera.open()
        camera.read()
        camera.close()


class TestTls:
    """A camera's own certificate, which nobody signed, as nearly every camera has it."""

    @pytest.fixture
    def source(self, tmp_path: Path) -> Iterator[MjpegSource]:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self_signed(tmp_path, "127.0.0.1"))
        with mjpeg_source(tls=tls) as source:
            yield source

    @pytest.mark.parametrize("scheme", ["https", "HTTPS"])
    def test_it_is_refused_unless_the_settings_allow_it(self, source: MjpegSource, scheme: str) -> None:
        url = source.url.replace("https", scheme)
        camera = MjpegCamera(MjpegSettings(url=url))
        with pytest.raises(SourceUnavailableError, match=r"certificate: .*set `verify_tls` to false"):
            camera.open()
        camera.close()
        camera = MjpegCamera(MjpegSettings(url=url, verify_tls=False))
        camera.open()
        assert camera.read().jpeg == source.pictures[0]
        camera.close()

    def test_close_from_another_thread_ends_a_blocked_read(self, source: MjpegSource) -> None:
        camera = MjpegCamera(MjpegSettings(url=source.url, verify_tls=False, read_timeout_s=30))
        camera.open()
        source.silent.set()
        closer = threading.Timer(0.2, camera.close)
        closer.start()
        began = time.monotonic()
        with pytest.raises(SourceUnavailableError):
            for _ in range(1000):
                camera.read()
        assert time.monotonic() - began < 25
        closer.join()


def _stage(source: MjpegSource, *, stall_s: float = 3.0) -> CaptureStage:
    settings = MjpegSettings(url=source.url, read_timeout_s=10)
    return CaptureStage(lambda: MjpegCamera(settings), stall_s=stall_s)


async def test_a_killed_camera_comes_back_by_itself() -> None:
    """S1.35"""
    with mjpeg_source() as source:
        stage = _stage(source)
        async with stage.running():
            await stage.service.start(10)
            for outage in range(1, 4):
                source.kill()
                await stage.until(lambda: not stage.service.running)
                source.start()
                returned = time.monotonic()
                await stage.frames(5)
                assert time.monotonic() - returned < 25
                assert stage.service.stats.reconnects == outage
            await stage.service.stop()
        states = [change.state for change in stage.changes]
        assert states == [State.STARTING, *[State.OK, State.FAILED] * 3, State.OK, State.STOPPED]


async def test_a_camera_that_falls_silent_is_degraded_and_opened_again() -> None:
    with mjpeg_source() as source:
        stage = _stage(source, stall_s=0.5)
        async with stage.running():
            await stage.service.start(10)
            source.silent.set()
            await stage.until(lambda: State.DEGRADED in [change.state for change in stage.changes])
            source.silent.clear()
            await stage.frames(5)
            assert stage.changes[-1].state is State.OK
            await stage.service.stop()
        await stage.until(lambda: source.viewers == 0)
