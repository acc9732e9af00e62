"""What a camera with an encoder of its own sends: H.264 made on the spot, at exact times."""

from collections.abc import Iterator
from dataclasses import replace

from edge.core.access_unit import AccessUnit
from edge.core.frame import Frame
from edge.recording.encoder import SOFTWARE, JpegEncoder
from edge.recording.settings import RecordingSettings
from tests.support.pictures import frames, jpeg


def encoded(
    count: int, *, fps: float, key_every: int, start_ns: int = 0, width: int = 160, height: int = 120
) -> Iterator[AccessUnit]:
    """`count` units, `1 / fps` apart, of which each `key_every`-th is a key; as of a camera."""
    encoder: JpegEncoder | None = None
    for number, frame in enumerate(frames(count, start_ns=start_ns, fps=fps, width=width, height=height)):
        if encoder is None:
            encoder = JpegEncoder(SOFTWARE, frame, settings=RecordingSettings(), fragment_s=lambda: 1e6)
        if number % key_every == 0:
            encoder.want_key()
        for unit in encoder.units(frame) or ():
            yield replace(unit, sets=b"\x67")


def with_units(count: int, *, fps: float, key_every: int, start_ns: int = 0) -> Iterator[Frame]:
    """Frames that each bring what the camera compressed; their JPEGs are all the same."""
    picture = jpeg(0)
    for unit in encoded(count, fps=fps, key_every=key_every, start_ns=start_ns):
        yield Frame("front", unit.seq, picture, unit.width, unit.height, unit.mono_ns, None, (unit,))
