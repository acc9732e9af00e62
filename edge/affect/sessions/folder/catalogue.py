"""What is known in memory of every folder on the disk: which session's it is, whose, and how far it is."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from contract.sessions import SensorView, Stimulus
from edge.affect.sessions.folder.layout import SessionNote, State, Wearing
from edge.affect.sessions.folder.naming import another_name, folder_name
from edge.affect.sessions.kept import KeptSession
from edge.core.clock import Stamp


class Catalogue:
    """Belongs to the event loop; `notes` may be looked at in any thread."""

    def __init__(self) -> None:
        self.notes: dict[str, SessionNote] = {}
        """By the name of the folder, the oldest first."""
        self._names: dict[str, str] = {}
        self._order = 0

    def load(self, found: Mapping[str, SessionNote]) -> None:
        """Take in what lies on the disk."""
        for name, note in sorted(found.items(), key=lambda item: item[1].order):
            self.put(name, note)

    def put(self, name: str, note: SessionNote) -> None:
        """Know a folder as it is now."""
        self.notes[name] = note if note.state == "running" else _slim(note)
        self._names[note.session_id] = name
        self._order = max(self._order, note.order)

    def name_for(self, kept: KeptSession, unread: Collection[str] = ()) -> str:
        """A name that no other folder has, also none of which the note cannot be read."""
        name = folder_name(kept.session_id)
        taken = name in self.notes or name in unread
        return another_name(kept.session_id, kept.start_ms) if taken else name

    def next_order(self) -> int:
        """Grows with each session, whatever the clock says."""
        return self._order + 1

    def forget(self, name: str) -> None:
        """The folder is gone."""
        note = self.notes.pop(name, None)
        if note and self._names.get(note.session_id) == name:
            del self._names[note.session_id]

    def name_of(self, session_id: str) -> str | None:
        """What the folder of a session is called."""
        return self._names.get(session_id)

    def state_of(self, session_id: str) -> State | None:
        """How far the folder of a session is."""
        note = self.notes.get(self._names.get(session_id, ""))
        return note.state if note else None

    def theirs(self, participant: str, session_ids: Collection[str]) -> dict[str, SessionNote]:
        """The folders of a participant, or of these sessions."""
        wanted = frozenset(session_ids)
        return {
            name: note
            for name, note in self.notes.items()
            if note.participant == participant or note.session_id in wanted
        }


def wearing_of(sensors: Sequence[SensorView], sensor: str | None) -> list[Wearing]:
    """The sensor of a session as it is now; all of them where the session names none."""
    return [
        Wearing(
            id=one.id,
            name=one.name,
            source=one.source,
            board=one.board,
            calibrated=one.calibrated,
            clock_offset_ms=one.clock_offset_ms,
            clock_drift_ppm=one.clock_drift_ppm,
        )
        for one in sensors
        if sensor in {None, one.id}
    ]


def note_of(kept: KeptSession, started: Stamp, stimulus: Stimulus | None, host: SessionNote) -> SessionNote:
    """The note of a session that begins; of `host`, all that does not come from the session."""
    return msgspec.structs.replace(
        host,
        session_id=kept.session_id,
        participant=kept.participant,
        start_ms=kept.start_ms,
        start_mono_ms=started.mono_ns / 1e6,
        clock="trusted" if started.trusted else "untrusted",
        stimulus=stimulus,
        video_id=kept.video_id,
        cameras=kept.cameras,
        consent=kept.consent,
        warnings=kept.warnings,
    )


def _slim(note: SessionNote) -> SessionNote:
    """What of a note that is written stays in memory."""
    return msgspec.structs.replace(note, holes=[], stimulus_clock=[], warnings=[], consent=None)
