"""Who takes part, and what there is to be watched, in the desk's book."""

import msgspec

from contract.messages import AnyBody
from contract.sessions import Participant, Stimulus
from edge.affect.sessions.book_file import BookFile, encode
from edge.affect.sessions.rows import participant_of, stimulus_of
from edge.core.clock import Stamp


class PeoplePages(BookFile):
    """Participants and stimuli. Every method may raise `StoreError`."""

    def participants(self) -> list[Participant]:
        """Everybody, with how many sessions they have."""
        counts = dict(self._read("SELECT participant, COUNT(*) FROM sessions GROUP BY participant"))
        found = [participant_of(*row) for row in self._read("SELECT id, body FROM participants ORDER BY id")]
        return [msgspec.structs.replace(one, sessions=counts.get(one.id, 0)) for one in found]

    def put_participant(self, one: Participant, told: AnyBody | None = None, at: Stamp | None = None) -> None:
        """Keep a participant, and what is to be told of that."""
        with self._write() as link:
            link.execute("INSERT OR REPLACE INTO participants VALUES (?, ?)", (one.id, encode(one)))
            if told and at:
                self._tell(one.id, told, at)

    def stimuli(self) -> list[tuple[Stimulus, str | None]]:
        """Every stimulus with the name of its file."""
        rows = self._read("SELECT id, body, file FROM stimuli ORDER BY id")
        return [(stimulus_of(*row), row[2]) for row in rows]

    def put_stimulus(self, one: Stimulus, file: str | None) -> None:
        """Keep a stimulus."""
        with self._write() as link:
            link.execute("INSERT OR REPLACE INTO stimuli VALUES (?, ?, ?)", (one.id, encode(one), file))

    def remove_stimulus(self, stimulus: str) -> None:
        """Forget it."""
        with self._write() as link:
            link.execute("DELETE FROM stimuli WHERE id = ?", (stimulus,))

    def seeded(self) -> set[int]:
        """The numbers of which a stimulus was made once."""
        return {number for (number,) in self._read("SELECT number FROM seeded")}

    def seed(self, number: int, one: Stimulus | None) -> None:
        """Make the stimulus of a number; none if another has it."""
        with self._write() as link:
            link.execute("INSERT INTO seeded VALUES (?)", (number,))
            if one:
                link.execute("INSERT OR IGNORE INTO stimuli VALUES (?, ?, NULL)", (one.id, encode(one)))
