"""What lies on the shelf, in the words of the door."""

from collections.abc import Iterable

from edge.collecting.facts import SessionFacts, UploadFacts, VideoFacts
from edge.collecting.sheets import SessionSheet, VideoSheet
from edge.collecting.shelf import Shelf


def facts_of(shelf: Shelf, session: SessionSheet) -> SessionFacts:
    """A session with its videos, in the order in which they were begun. Blocks."""
    videos = sorted(shelf.videos(session.session_id), key=lambda sheet: sheet.order)
    return SessionFacts(
        session_id=session.session_id,
        made_ms=session.made_ms,
        participant=None if session.participant == session.session_id else session.participant,
        videos=tuple(_video(shelf, sheet) for sheet in videos if sheet.step != "taking"),
        uploads=tuple(_upload(shelf, sheet) for sheet in videos if sheet.step == "taking"),
    )


def ranges_of(indices: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Closed ranges that cover exactly `indices`, ascending."""
    found: list[tuple[int, int]] = []
    for index in sorted(indices):
        if found and found[-1][1] == index - 1:
            found[-1] = (found[-1][0], index)
        else:
            found.append((index, index))
    return tuple(found)


def _video(shelf: Shelf, sheet: VideoSheet) -> VideoFacts:
    return VideoFacts(
        video_id=sheet.video_id,
        done_ms=sheet.done_ms,
        size_bytes=sheet.size_bytes,
        sha256=sheet.sha256,
        state="uploaded" if sheet.step == "uploaded" else "lost" if sheet.step in {"losing", "lost"} else "kept",
        metadata=shelf.metadata(sheet.session_id, sheet.video_id) or {},
    )


def _upload(shelf: Shelf, sheet: VideoSheet) -> UploadFacts:
    held = shelf.held(sheet)
    return UploadFacts(video_id=sheet.video_id, total=sheet.total_chunks, received=len(held), held=ranges_of(held))
