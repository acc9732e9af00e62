"""What others than the body say of a segment: the participant, those who saw the same film before, a face."""

from collections.abc import Sequence
from functools import partial
from itertools import islice

from contract.sessions import SessionLabel
from edge.affect.knowledge import Knowledge
from edge.affect.pooling import Heard, Means, Wanted
from edge.affect.runs import Closed
from edge.affect.session import Viewing
from edge.affect.voices import Voices, loudest


class Listener:
    """Gathers the voices on one sensor's segments. Belongs to the event loop."""

    def __init__(self, voices: Voices, knowledge: Knowledge, *, face_weight: float) -> None:
        """`face_weight`: how much a face counts beside the body's 1 where it is sure and fresh."""
        self._voices = voices
        self._knowledge = knowledge
        self._face_weight = face_weight

    def listen(self, closed: Closed, wanted: Wanted | None) -> Heard:
        """Who spoke of this segment; of others' means what the pool wants. Outside of a session only a face can."""
        segment, viewing = closed.segment, closed.viewing
        face = loudest(self._voices.between(segment.start_ns, segment.end_ns))
        weight = face.weight * self._face_weight if face else 0.0
        if viewing is None:
            return Heard(end_ms=segment.end_ms, since_onset_s=0.0, face=face, face_weight=weight)
        labels = self._knowledge.labels(viewing.session_id)
        return Heard(
            end_ms=segment.end_ms,
            since_onset_s=self._since_onset_s(viewing, segment.end_ms),
            labels=labels,
            others=self._knowledge.others(viewing.session_id, segment.end_ms),
            felt=self._felt(viewing.session_id, segment.end_ms, labels, wanted) if wanted else {},
            face=face,
            face_weight=weight,
        )

    def rests(self, closed: Closed) -> bool:
        """Whether all of the segment belongs to a declared rest."""
        viewing, ends = closed.viewing, (closed.segment.start_ms, closed.segment.end_ms)
        return viewing is not None and all(self._knowledge.resting(viewing.session_id, at_ms) for at_ms in ends)

    def _felt(self, session_id: str, end_ms: int, labels: Sequence[SessionLabel], wanted: Wanted) -> dict[int, Means]:
        then = islice((label.at_ms for label in labels if label.at_ms <= end_ms), wanted.labels)
        told = partial(self._knowledge.felt, session_id, off_centre=wanted.off_centre)
        return {at_ms: told(at_ms) for at_ms in (end_ms, *then)}

    def _since_onset_s(self, viewing: Viewing, at_ms: int) -> float:
        """By the same time as the ages of labels, so that a pause of the stimulus makes no label older than it."""
        if not self._knowledge.begun(viewing.session_id):
            return 0.0
        onset_ms = self._knowledge.onset_ms(viewing.session_id)
        return max(0, at_ms - (viewing.started.wall_ms if onset_ms is None else onset_ms)) / 1000
