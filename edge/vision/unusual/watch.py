"""The unusual in front of one camera: judges each frame, keeps what it learned, and learns from what people say."""

from collections.abc import Sequence
from pathlib import Path

from contract.messages import Event
from edge.models.session import Model
from edge.vision.findings import Finding, Thing
from edge.vision.pixels.luma import Plane
from edge.vision.unusual.anomaly import Learning, Reading
from edge.vision.unusual.settings import UnusualSettings
from edge.vision.unusual.view import AnomalyView


class Unusual:
    """Everything of this room behind one door.

    Belongs to the analysis thread, but for `view` and `note`, which may be called from anywhere at any time.
    """

    def __init__(
        self,
        model: Model,
        size: tuple[int, int],
        *,
        learning: Learning,
        consecutive: int,
        kept: Path,
        settings: UnusualSettings = UnusualSettings(),
    ) -> None:
        """`size` is (width, height) of the planes, whole cells. What is learned is read from the file `kept`, what the
        last alarms saw from one beside it; a file that will not do is put aside and never stops the camera."""
        raise NotImplementedError

    def step(
        self,
        luma: Plane,
        mask: Plane,
        *,
        usable: bool,
        at_ns: int,
        t_ms: int,
        hour: int | None,
        things: Sequence[Thing] = (),
        score_bonus: float = 0.0,
    ) -> tuple[Reading, Finding | None]:
        """Judge one frame and learn from it; raise `ModelError` if the model fails.

        `at_ns` is the frame's monotonic time, `t_ms` its wall time, `hour` the local hour 0..23 or None where the clock
        is not trusted. Not `usable` is a plane whose difference from the one before says nothing. `score_bonus` makes
        an alarm graver, not more likely (U1.1).
        """
        raise NotImplementedError

    @property
    def sensitivity(self) -> float:
        """What divides the learned threshold; may be set at any time, None sets that of the settings again."""
        raise NotImplementedError

    @sensitivity.setter
    def sensitivity(self, value: float | None) -> None:
        raise NotImplementedError

    def habitual_share(self, x: float, y: float) -> float:
        """The share of time in which something moves at this place (normalised coordinates), 0 to 1."""
        raise NotImplementedError

    def cut(self) -> None:
        """The next plane does not follow the last one."""
        raise NotImplementedError

    def reset(self) -> None:
        """Nothing goes on any more; what was learned stays (X.10)."""
        raise NotImplementedError

    def forget(self) -> None:
        """Learn what is normal from nothing, on disk too. Raise `OSError` if the disk will not take it."""
        raise NotImplementedError

    def save(self) -> None:
        """Keep what was learned. Raise `OSError` if the disk will not take it."""
        raise NotImplementedError

    def view(self) -> AnomalyView:
        """What there is to show, at most a second old. From any thread."""
        raise NotImplementedError

    def note(self, event: Event) -> None:
        """An event of a type of this room opened, went on or closed: its alarms are known by its id from now on.

        From any thread; events of other types are passed over.
        """
        raise NotImplementedError

    def teach_normal(self, event_id: str) -> bool:
        """Somebody says that this was normal: learn it so that its like does not alarm again. False: nothing is known
        of the event any more. Saying it twice changes nothing."""
        raise NotImplementedError

    def teach_unusual(self, event_id: str) -> bool:
        """Somebody says that this was rightly an alarm: take back what `teach_normal` taught. False as there."""
        raise NotImplementedError
