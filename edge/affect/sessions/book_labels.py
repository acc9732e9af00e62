"""What participants said in a session, and the moments that were marked, in the desk's book."""

from collections.abc import Sequence
from typing import Any, Final

from contract.messages import AnyBody, Probe
from contract.sessions import SessionLabel, SessionMarker
from edge.affect.sessions.book_file import BookFile, encode
from edge.affect.sessions.kept import KeptSession
from edge.affect.sessions.rows import marker_of
from edge.core.clock import Stamp

_LABELS: Final = (
    "SELECT label_id, at_ms, stimulus_ms, source, probe, valence, arousal, ask_id, reason FROM labels"
    " WHERE session = (SELECT n FROM sessions WHERE session_id = ?1)"
)
_TRACE: Final = """
SELECT COUNT(*), MIN(at_ms), MAX(at_ms) FROM labels
WHERE session = (SELECT n FROM sessions WHERE session_id = ?1) AND source = 'trace'
"""
_THINNED: Final = """
SELECT label_id, MIN(at_ms), stimulus_ms, source, probe, valence, arousal, ask_id, reason FROM labels
WHERE session = (SELECT n FROM sessions WHERE session_id = ?1)
GROUP BY CASE source WHEN 'trace' THEN at_ms / ?2 ELSE label_id END ORDER BY MIN(at_ms)
"""
"""Of the points of a trace the first of each group; every other label is a group of its own."""
_SAID: Final = """
SELECT stimulus, participant, place, said, COUNT(*) FROM (
    SELECT s.stimulus AS stimulus, s.participant AS participant, l.stimulus_ms / ? AS place, COALESCE(l.probe, CASE
        WHEN l.valence > 0 AND l.arousal > 0 THEN 'HH' WHEN l.valence > 0 AND l.arousal < 0 THEN 'HL'
        WHEN l.valence < 0 AND l.arousal > 0 THEN 'LH' WHEN l.valence < 0 AND l.arousal < 0 THEN 'LL' END) AS said
    FROM labels l JOIN sessions s ON s.n = l.session WHERE s.stimulus IS NOT NULL AND l.stimulus_ms IS NOT NULL
) WHERE said IS NOT NULL GROUP BY stimulus, participant, place, said
"""
_FELT: Final = """
SELECT stimulus, participant, place, TOTAL(valence), COUNT(valence), TOTAL(arousal), COUNT(arousal) FROM (
    SELECT s.stimulus AS stimulus, s.participant AS participant, l.stimulus_ms / ? AS place,
        CASE WHEN l.probe IN ('HH', 'HL') THEN 1.0 WHEN l.probe IN ('LH', 'LL') THEN -1.0 ELSE l.valence END AS valence,
        CASE WHEN l.probe IN ('HH', 'LH') THEN 1.0 WHEN l.probe IN ('HL', 'LL') THEN -1.0 ELSE l.arousal END AS arousal
    FROM labels l JOIN sessions s ON s.n = l.session WHERE s.stimulus IS NOT NULL AND l.stimulus_ms IS NOT NULL
) GROUP BY stimulus, participant, place
"""


class LabelPages(BookFile):
    """Labels and markers. Every method may raise `StoreError`."""

    def labels(self, session_id: str, most_points: int) -> list[SessionLabel]:
        """What was said in a session, by moment; of traces at most so many points, spread over all of it."""
        count, first_ms, last_ms = self._read(_TRACE, session_id)[0]
        if count <= most_points:
            return [_label(row) for row in self._read(_LABELS + " ORDER BY at_ms", session_id)]
        apart_ms = (last_ms - first_ms) // max(1, most_points - 1) + 1
        return [_label(row) for row in self._read(_THINNED, session_id, apart_ms)]

    def label_page(self, session_id: str, after: tuple[int, str], limit: int) -> list[SessionLabel]:
        """Up to `limit` labels of a session, by moment and id, that follow that moment and id."""
        sql = _LABELS + " AND (at_ms, label_id) > (?2, ?3) ORDER BY at_ms, label_id LIMIT ?4"
        return [_label(row) for row in self._read(sql, session_id, *after, limit)]

    def said_of_stimuli(self, slice_ms: int) -> list[tuple[str, str, int, Probe, int]]:
        """`(stimulus, participant, slice of it, probe, how often)`: the labels by quadrant, as in `quadrant_of`."""
        return self._read(_SAID, slice_ms)

    def felt_of_stimuli(self, slice_ms: int) -> list[tuple[str, str, int, float, int, float, int]]:
        """`(stimulus, participant, slice of it, sum and number of valences, and of arousals)`; probes are corners."""
        return self._read(_FELT, slice_ms)

    def label_count(self, session_id: str, source: str | None = None) -> int:
        """How many labels a session has, of a source or of any."""
        sql = (
            "SELECT COUNT(*) FROM labels WHERE session = (SELECT n FROM sessions WHERE session_id = ?1)"
            " AND (?2 IS NULL OR source = ?2)"
        )
        return int(self._read(sql, session_id, source)[0][0])

    def known_labels(self, session_id: str, wanted: Sequence[str]) -> set[str]:
        """Which of these label ids a session has already."""
        sql = (
            "SELECT label_id FROM labels WHERE label_id = ? AND session = (SELECT n FROM sessions WHERE session_id = ?)"
        )
        return {row[0] for label_id in wanted for row in self._read(sql, label_id, session_id)}

    def add_labels(self, kept: KeptSession, new: Sequence[SessionLabel], told: Sequence[AnyBody], at: Stamp) -> None:
        """Keep labels, and what is to be told of them, in one commit."""
        with self._write() as link:
            n = self._number(kept.session_id)
            link.executemany(
                "INSERT OR IGNORE INTO labels (session, label_id, at_ms, stimulus_ms, source, probe, valence, arousal,"
                " ask_id, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [_row(n, label) for label in new],
            )
            for body in told:
                self._tell(kept.participant, body, at)

    def markers(self, session_id: str) -> list[SessionMarker]:
        """The marked moments of a session, by moment."""
        sql = "SELECT body FROM markers WHERE session = (SELECT n FROM sessions WHERE session_id = ?) ORDER BY id"
        found = [marker for (body,) in self._read(sql, session_id) if (marker := marker_of(body))]
        return sorted(found, key=lambda one: one.at_ms)

    def marker_count(self, session_id: str) -> int:
        """How many markers a session has."""
        sql = "SELECT COUNT(*) FROM markers WHERE session = (SELECT n FROM sessions WHERE session_id = ?)"
        return int(self._read(sql, session_id)[0][0])

    def add_marker(self, kept: KeptSession, marker: SessionMarker, told: AnyBody, at: Stamp) -> None:
        """Keep a marker, and what is to be told of it."""
        with self._write() as link:
            row = (self._number(kept.session_id), encode(marker))
            link.execute("INSERT INTO markers (session, body) VALUES (?, ?)", row)
            self._tell(kept.participant, told, at)


def _label(row: Sequence[Any]) -> SessionLabel:
    label_id, at_ms, stimulus_ms, source, probe, valence, arousal, ask_id, reason = row
    return SessionLabel(
        label_id=label_id,
        at_ms=at_ms,
        stimulus_ms=stimulus_ms,
        source=source,
        probe=probe,
        valence=valence,
        arousal=arousal,
        ask_id=ask_id,
        reason=reason,
    )


def _row(session: int, label: SessionLabel) -> tuple[object, ...]:
    said = (label.source, label.probe, label.valence, label.arousal, label.ask_id, label.reason)
    return session, label.label_id, label.at_ms, label.stimulus_ms, *said
