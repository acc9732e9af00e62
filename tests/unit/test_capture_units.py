"""What a camera compressed, taken out of its stream: whole from a key on, with its parameter sets and its own times."""

import io
from collections.abc import Iterator
from fractions import Fraction
from itertools import count, pairwise
from typing import Any, Final, cast

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.plan import Plan, Zone
from edge.capture.camera import Picture
from edge.capture.nal import is_byte_stream, parameter_sets
from edge.capture.privacy import PrivacyPainter, PrivateCamera
from edge.capture.units import UnitTap
from edge.core.access_unit import AccessUnit, Coding
from tests.support.pictures import jpeg

_CODINGS: Final[tuple[Coding, ...]] = ("h264", "h265")
_UNIT = AccessUnit("h264", b"secret", True, 0, 1, 1, 160, 120, b"\x67")


def _film(container: str, codec: str, *, frames: int = 40, size: int = 64, first: int = 0) -> bytes:
    """A film of 25 pictures a second with a key every ten, and two pictures between that refer to later ones."""
    out = io.BytesIO()
    with av.open(out, "w", format=container) as box:
        options = {"preset": "ultrafast", "g": "10", "bf": "2", "x265-params": "log-level=none"}
        stream = cast("av.VideoStream", box.add_stream(codec, rate=25, options=options))
        stream.width, stream.height, stream.pix_fmt = size, size, "yuv420p"
        for number in range(first, first + frames):
            picture = av.VideoFrame(size, size, "gray8").reformat(format="yuv420p")
            picture.pts, picture.time_base = number, Fraction(1, 25)
            box.mux(stream.encode(picture))
        box.mux(stream.encode(None))
    return out.getvalue()


def _tapped(film: bytes, **more: Any) -> tuple[list[AccessUnit], int]:
    """The units of a film, played from the monotonic moment of one second on, and how many packets it has."""
    with av.open(io.BytesIO(film), **more) as box:
        stream = box.streams.video[0]
        tick = float(stream.time_base or 0)
        tap = UnitTap(stream, at_ns=lambda ticks: 10**9 + round(ticks * tick * 1e9), numbers=count())
        packets = 0
        for packet in box.demux(stream):
            tap.add(packet)
            packets += packet.size > 0
        return list(tap.take()), packets


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts"])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_every_container_gives_the_same_byte_stream(container: str, codec: str) -> None:
    units, packets = _tapped(_film(container, codec))
    assert len(units) == packets == 40
    assert [unit.seq for unit in units] == list(range(40))
    assert units[0].key
    assert {unit.codec for unit in units} == {"h264" if codec == "libx264" else "h265"}
    assert all(is_byte_stream(unit.data) for unit in units)
    assert all(parameter_sets(unit.data, unit.codec) for unit in units if unit.key)
    assert len({unit.sets for unit in units}) == 1
    assert sorted(round((unit.mono_ns - units[0].mono_ns) / 4e7) for unit in units) == list(range(40))
    assert all(later.decode_ns > earlier.decode_ns for earlier, later in pairwise(units))
    assert all(unit.mono_ns >= unit.decode_ns for unit in units)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_a_camera_that_changes_its_size_says_so_from_the_next_key_on(codec: str) -> None:
    """Within one session: nothing but the parameter sets tells of it."""
    both = _film("mpegts", codec, frames=20) + _film("mpegts", codec, frames=20, size=96, first=20)
    units, _ = _tapped(both, format="mpegts")
    sizes = [(unit.width, unit.height) for unit in units]
    assert (sizes[0], sizes[-1]) == ((64, 64), (96, 96))
    changed = sizes.index((96, 96))
    assert units[changed].key
    assert (set(sizes[:changed]), set(sizes[changed:])) == ({(64, 64)}, {(96, 96)})


def test_what_was_tapped_decodes_to_every_picture() -> None:
    units, _ = _tapped(_film("mp4", "libx264"))
    decoder = av.CodecContext.create("h264", "r")
    decoded = [frame for unit in units for frame in decoder.decode(av.Packet(unit.data))] + decoder.decode(None)
    assert len(decoded) == 40


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg"])
def test_what_no_recorder_can_keep_is_left_alone(codec: str) -> None:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as box:
        stream = cast("av.VideoStream", box.add_stream(codec, rate=25))
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        box.mux(stream.encode(av.VideoFrame(64, 64, stream.pix_fmt)))
        box.mux(stream.encode(None))
    assert _tapped(out.getvalue()) == ([], 1)


@given(st.binary(max_size=300))
def test_parameter_sets_of_anything_are_found_or_not_but_never_fail(data: bytes) -> None:
    for coding in _CODINGS:
        sets = parameter_sets(data, coding)
        assert not sets or is_byte_stream(sets)
        assert parameter_sets(sets, coding) == sets


@given(st.lists(st.binary(min_size=1, max_size=20).filter(lambda nal: b"\0" not in nal), max_size=5))
def test_sets_before_the_picture_are_found_and_those_after_it_are_not(bodies: list[bytes]) -> None:
    sets = b"".join(b"\0\0\0\1\x67" + body for body in bodies)
    picture = b"\0\0\1\x65" + b"slice"
    assert parameter_sets(b"\0\0\1\x09\x10" + sets + picture + b"\0\0\1\x68late", "h264") == sets


class _Camera:
    """Gives pictures that each bring a unit."""

    def __init__(self) -> None:
        self.pictures: Iterator[Picture] = (Picture(jpeg(number), 160, 120, units=(_UNIT,)) for number in count())

    def open(self) -> None: ...

    def read(self) -> Picture:
        return next(self.pictures)

    def close(self) -> None: ...

    def describe(self) -> str:
        return "made up"


def _hiding(hides: bool) -> Plan:
    corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    zones = (Zone(id="z", name="z", kind="privacy", points=corners),) if hides else ()
    return Plan(zones=zones)


def test_what_is_hidden_in_pictures_leaves_in_no_unit_either() -> None:
    """Nor does what was compressed before an order ended, with the first picture after it."""
    painter = PrivacyPainter(lambda: pytest.fail("no faces are asked for"))
    camera = PrivateCamera(_Camera(), painter)
    camera.open()
    assert camera.read().units == (_UNIT,)
    painter.adopt(_hiding(True))
    assert [camera.read().units for _ in range(3)] == [(), (), ()]
    painter.adopt(_hiding(False))
    assert camera.read().units == ()
    assert camera.read().units == (_UNIT,)
