"""From pictures to compressed ones, each made once, however many clips it goes to."""

from collections.abc import Callable

from edge.core.access_unit import AccessUnit
from edge.core.frame import Frame
from edge.recording.encoder import SOFTWARE, Chosen, EncoderBrokenError, JpegEncoder, choose_encoder
from edge.recording.jobs import Material
from edge.recording.settings import RecordingSettings
from edge.recording.unit_ring import UnitRing


class Line:
    """One camera's. Belongs to one thread.

    It keeps the last seconds of what came out: of what the camera compressed always, of what is encoded here while
    it is encoded.
    """

    def __init__(self, settings: RecordingSettings, fragment_s: Callable[[], float]) -> None:
        self._settings = settings
        self._fragment_s = fragment_s
        self._encoder: JpegEncoder | None = None
        self._made = False
        self.chosen = Chosen(SOFTWARE)
        self.ring = UnitRing(seconds=settings.pre_roll_s, max_bytes=settings.pre_roll_bytes)

    def choose(self) -> None:
        """Find out with what to encode."""
        self.chosen = choose_encoder(self._settings)

    @property
    def pending(self) -> bool:
        """Whether the encoder holds pictures back."""
        return self._encoder is not None and self._encoder.pending

    def want_key(self) -> None:
        """Let the next picture that is encoded be a key."""
        if self._encoder:
            self._encoder.want_key()

    def units(self, material: Material) -> list[AccessUnit] | None:
        """What comes out for a picture; None if it cannot be read. Raise `EncoderBrokenError`: software goes on."""
        if isinstance(material, AccessUnit):
            return self._kept([material])
        self._made = True
        if self._settings.codec == "copy":
            return self._kept([_as_it_is(material)])
        units = self._guarded(lambda: self._encoder_for(material).units(material))
        return None if units is None else self._kept(units)

    def rest(self) -> list[AccessUnit]:
        """What the encoder still held; the next picture is a key. Raise `EncoderBrokenError`."""
        encoder, self._encoder = self._encoder, None
        return self._kept((encoder and self._guarded(encoder.rest)) or [])

    def idle(self) -> None:
        """No clip grows: what was made of frames for them is of no use to a later one."""
        self._encoder = None
        if self._made:
            self.ring.clear()
        self._made = False

    def _kept(self, units: list[AccessUnit]) -> list[AccessUnit]:
        for unit in units:
            self.ring.append(unit)
        return units

    def _encoder_for(self, frame: Frame) -> JpegEncoder:
        if self._encoder is None:
            self._encoder = JpegEncoder(self.chosen.name, frame, settings=self._settings, fragment_s=self._fragment_s)
        return self._encoder

    def _guarded(self, work: Callable[[], list[AccessUnit] | None]) -> list[AccessUnit] | None:
        try:
            return work()
        except EncoderBrokenError as error:
            self._encoder, self.chosen = None, Chosen(SOFTWARE, str(error))
            raise


def _as_it_is(frame: Frame) -> AccessUnit:
    at_ns = frame.mono_ns
    return AccessUnit("mjpeg", frame.jpeg, True, frame.seq, at_ns, at_ns, frame.width, frame.height)
