"""What becomes of one chunk that arrived whole: kept, known already, or refused; and the last one makes the video.

A chunk counts by its index, never by how often it came (X.13): a repeated one is compared and answered as the first
was, also after the video was put together; one with other bytes is refused, for it belongs to another video.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from contract.errors import InvalidMessageError
from contract.ids import check_id, new_token
from edge.collecting.assembling import assemble, digest_of
from edge.collecting.draft import Draft
from edge.collecting.facts import ChunkFacts, ChunkTaken
from edge.collecting.kinds import told_extension
from edge.collecting.settings import CollectSettings
from edge.collecting.sheets import FILE_PREFIX, SessionSheet, VideoSheet
from edge.collecting.shelf import Shelf
from edge.collecting.tally import Tally
from edge.core.errors import RefusedError, StoreError

_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """A chunk that is held now. `repeated`: it was already. `completed`: by it the video became whole."""

    answer: ChunkTaken
    sheet: VideoSheet
    repeated: bool
    completed: bool


class Door(Protocol):
    """Who looks whether anything may be taken: `edge.collecting.collector.Collector`."""

    def check_disk(self, size_bytes: int = 0) -> None:
        """Raise `StoreError` where the disk has no room for so much more."""
        ...

    def check_person(self, session: SessionSheet) -> None:
        """Raise `NotAgreedError` where nothing more of its participant may be kept."""
        ...


@dataclass(frozen=True, slots=True)
class Taker:
    """Takes chunks of one video at a time. Its methods block and raise as `CollectPort` says."""

    shelf: Shelf
    settings: CollectSettings
    tally: Tally
    now_ms: int
    door: Door

    def keep(self, draft: Draft, facts: ChunkFacts, next_order: Callable[[], int]) -> Kept:
        """Keep the chunk in `draft`."""
        session = self.shelf.session(facts.session_id)
        self.door.check_person(session)
        check_id(facts.video_id, "video_id")
        known = self.shelf.video(facts.session_id, facts.video_id)
        _check_sense(known, facts, self.settings)
        if draft.size == 0:
            raise InvalidMessageError("chunk is empty")
        digest = draft.seal()
        if facts.sha256 and facts.sha256.lower() != digest.hex():
            raise InvalidMessageError("chunk_sha256 is not that of the chunk as it came: send it again")
        if known and self._is_held(known, facts, digest):
            return self._answer(known, facts, repeated=True)
        self._check_room(known, facts, draft.size)
        sheet = known or self.shelf.note(self._begun(session, facts, next_order()))
        self.shelf.place(sheet, facts.index, draft.path)
        self.tally.add(facts.session_id, draft.size)
        return self._answer(sheet, facts, repeated=False)

    def _answer(self, sheet: VideoSheet, facts: ChunkFacts, *, repeated: bool) -> Kept:
        """Say what is held; put the video together where nothing lacks any more."""
        completed = False
        held = self.shelf.held(sheet) if sheet.step == "taking" else {}
        received = sheet.total_chunks if sheet.step != "taking" else len(held)
        if sheet.step == "taking" and received == sheet.total_chunks:
            self.door.check_disk(sum(held.values()))
            sheet, completed = assemble(self.shelf, sheet, self.now_ms), True
        answer = ChunkTaken(
            video_id=sheet.video_id,
            index=facts.index,
            total=sheet.total_chunks,
            received=received,
            file_path=None if sheet.step == "taking" else f"{sheet.session_id}/{sheet.name}",
            size_bytes=sheet.size_bytes,
            sha256=sheet.sha256,
        )
        return Kept(answer, sheet, repeated, completed)

    def _is_held(self, sheet: VideoSheet, facts: ChunkFacts, digest: bytes) -> bool:
        if sheet.step == "taking" and not self.shelf.chunk(sheet, facts.index).exists():
            return False
        if digest_of(self.shelf, sheet, facts.index) != digest:
            raise RefusedError(
                f"Chunk {facts.index} of {facts.video_id} is held already with other bytes: "
                "send another video under another video_id"
            )
        return True

    def _check_room(self, known: VideoSheet | None, facts: ChunkFacts, size: int) -> None:
        limits = self.settings
        held = sum(self.shelf.held(known).values()) if known else 0
        if held + size > limits.max_video_mib * _MIB:
            raise StoreError(f"A video may have {limits.max_video_mib} MiB at most")
        if self.tally.of(facts.session_id) + size > limits.max_session_mib * _MIB:
            raise StoreError(f"A session may take {limits.max_session_mib} MiB at most; what was acknowledged is kept")
        if self.tally.waiting_bytes + size > limits.max_waiting_mib * _MIB:
            raise StoreError("Too much waits for its upload to object storage; what was acknowledged is kept")
        if known is None and sum(1 for _ in self.shelf.videos(facts.session_id)) >= limits.max_videos:
            raise StoreError(f"A session has {limits.max_videos} videos at most")

    def _begun(self, session: SessionSheet, facts: ChunkFacts, order: int) -> VideoSheet:
        return VideoSheet(
            video_id=facts.video_id,
            session_id=facts.session_id,
            file_id=new_token(FILE_PREFIX),
            total_chunks=facts.total,
            order=order,
            begun_ms=self.now_ms,
            told_extension=told_extension(facts.extension),
            video_type=facts.video_type,
            participant=session.participant,
        )


def _check_sense(known: VideoSheet | None, facts: ChunkFacts, limits: CollectSettings) -> None:
    told_extension(facts.extension)
    if not 1 <= facts.total <= limits.max_chunks:
        raise InvalidMessageError(f"total_chunks must be from 1 to {limits.max_chunks}, not {facts.total}")
    if not 0 <= facts.index < facts.total:
        raise InvalidMessageError(f"chunk_index must be from 0 to {facts.total - 1}, not {facts.index}")
    if known and known.total_chunks != facts.total:
        raise InvalidMessageError(
            f"total_chunks is {facts.total}, but {known.video_id} was begun with {known.total_chunks}: "
            "go on with that number, or send it anew under another video_id"
        )
