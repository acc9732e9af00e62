"""What is in a file by its name: H.265 as every player takes it, and nothing that the muxer writes gets lost."""

import io
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import cast

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.capture.units import UnitTap
from edge.core.access_unit import AccessUnit
from edge.recording.hvc1 import as_hvc1
from edge.recording.sidecar import Sidecar
from edge.recording.writer import ClipWriter


def _camera_units(codec: str) -> list[AccessUnit]:
    """Two seconds as of a camera that compresses them itself."""
    out = io.BytesIO()
    with av.open(out, "w", format="mpegts") as box:
        options = {"preset": "ultrafast", "g": "10", "bf": "0", "x265-params": "log-level=none"}
        stream = cast("av.VideoStream", box.add_stream(codec, rate=10, options=options))
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(20):
            picture = av.VideoFrame(64, 64, "gray8").reformat(format="yuv420p")
            picture.pts, picture.time_base = number, Fraction(1, 10)
            box.mux(stream.encode(picture))
        box.mux(stream.encode(None))
    with av.open(io.BytesIO(out.getvalue()), "r") as source:
        video = source.streams.video[0]
        tap = UnitTap(video, at_ns=lambda ticks: round(ticks / 90_000 * 1e9), numbers=count())
        for packet in source.demux(video):
            tap.add(packet)
        return list(tap.take())


@pytest.mark.parametrize(("codec", "tag"), [("libx264", "avc1"), ("libx265", "hvc1")])
def test_a_file_of_a_camera_is_named_so_that_every_player_takes_it(tmp_path: Path, codec: str, tag: str) -> None:
    units = _camera_units(codec)
    sidecar = Sidecar(
        recording_id="rec-1",
        camera="gate",
        reason="manual",
        codec=units[0].codec,
        start_ms=1_780_000_000_000,
        width_px=64,
        height_px=64,
    )
    writer = ClipWriter(tmp_path / "clip.mp4", sidecar, fragment_s=lambda: 0.5)
    for unit in units:
        assert writer.add(unit)
    written = writer.finish()
    assert (tmp_path / "clip.mp4").stat().st_size == written.size_bytes
    with av.open(str(tmp_path / "clip.mp4")) as box:
        video = box.streams.video[0]
        assert video.codec_context.codec_tag == tag
        assert len(list(box.decode(video))) == len(units) == 20


@given(data=st.one_of(st.binary(max_size=200), st.binary(max_size=80).map(lambda rest: b"stsd.hev1.hvcC" + rest)))
def test_whatever_is_written_keeps_its_length(data: bytes) -> None:
    named = as_hvc1(data)
    assert len(named) == len(data)
    assert b"hvcC" in data or named == data
