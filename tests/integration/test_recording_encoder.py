"""Which encoder is used, and what happens when it fails in the middle of a recording."""

from pathlib import Path
from typing import Any

import av
import pytest

from edge.recording import line
from edge.recording.encoder import SOFTWARE, Chosen, EncoderBrokenError, JpegEncoder, choose_encoder
from edge.recording.settings import RecordingSettings
from tests.support.pictures import frames
from tests.support.recording_rig import RecordingRig


@pytest.mark.parametrize(
    ("name", "problem"), [("h264_of_no_kind", "no such encoder"), ("mjpeg", "it makes no H.264"), ("flac", "H.264")]
)
def test_an_encoder_that_does_not_work_gives_way_with_a_reason(name: str, problem: str) -> None:
    chosen = choose_encoder(RecordingSettings(encoder=name))
    assert chosen.name == SOFTWARE
    assert name in chosen.refused
    assert problem in chosen.refused


def test_software_is_taken_at_once_when_it_is_asked_for() -> None:
    for name in ("software", SOFTWARE):
        assert choose_encoder(RecordingSettings(encoder=name)) == Chosen(SOFTWARE)


async def test_the_part_says_why_the_encoder_that_was_named_is_not_used(tmp_path: Path) -> None:
    rig = RecordingRig(tmp_path, RecordingSettings(encoder="h264_of_no_kind"))
    async with rig.running():
        await rig.until(lambda: "no such encoder" in rig.health.parts()[0].detail)
        assert rig.service.stats.encoder == SOFTWARE
        assert "h264_of_no_kind" in rig.service.stats.encoder_refused


async def test_an_encoder_that_fails_ends_the_clip_in_good_order_and_software_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every picture is in a told recording or counted as lost."""
    monkeypatch.setattr("edge.recording.service._RETRY_S", 0.05)
    monkeypatch.setattr(line, "choose_encoder", lambda _settings: Chosen("h264_somewhere"))
    monkeypatch.setattr(line, "JpegEncoder", _Failing)
    rig = RecordingRig(tmp_path, RecordingSettings(mode="continuous"))
    async with rig.running():
        given = list(frames(60, start_ns=rig.clock.mono_ns(), fps=10))
        rig.offer(given[:30])
        await rig.until(lambda: bool(rig.closed))
        await rig.until(lambda: not rig.service.recording)
        rig.offer(given[30:])
        await rig.until(lambda: rig.service.stats.encoder == SOFTWARE)
        await rig.service.close()
    told = rig.sink.recordings()
    assert [one.salvaged for one in told] == [False, False]
    assert sum(one.frames for one in told) + rig.service.stats.frames_unrecorded + _lost(rig) == 60
    for closed, one in zip(rig.closed, told, strict=True):
        with av.open(str(closed.path)) as box:
            assert sum(1 for _ in box.decode(video=0)) == one.frames


class _Failing(JpegEncoder):
    """One that is no software, and gives up after twelve pictures."""

    def __init__(self, name: str, *args: Any, **more: Any) -> None:
        super().__init__(SOFTWARE, *args, **more)
        self._left = 12 if name != SOFTWARE else 10**6

    def units(self, frame: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise EncoderBrokenError("h264_somewhere failed: the device is gone")
        return super().units(frame)


def _lost(rig: RecordingRig) -> int:
    return sum(loss.count for loss in rig.sink.losses() if "in rec" in loss.reason)
