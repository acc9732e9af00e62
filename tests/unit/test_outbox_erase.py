"""Erasing a participant from the local store: nothing of them is left in its files, and every number is explained."""

from pathlib import Path

import pytest

from contract.codec import decode
from contract.messages import AnyBody, Consent, Label, Loss, Marker, Prediction, Record, Session
from edge.core.errors import RecordInvalidError
from edge.outbox.store import Outbox
from tests.support.old_store import old_store
from tests.support.outboxes import START_MS, open_outbox, prediction

MARK = "unmistakable-words-of-p1"


def _of(participant: str, session: str, words: str) -> list[AnyBody]:
    base = prediction()
    fields = {name: getattr(base, name) for name in base.__struct_fields__}
    predicted = Prediction(**{**fields, "session_id": session, "user_id": participant, "features": {words: 1.0}})
    return [
        Consent(participant=participant, given=True, text_version="1", text_sha256="0" * 64, witness=words),
        Session(session_id=session, participant=participant, phase="start", start_ms=START_MS, warnings=[words]),
        predicted,
        Label(session_id=session, participant=participant, label_id=words, at_ms=START_MS, source="probe", probe="HH"),
        Marker(session_id=session, at_ms=START_MS, name="note", note=words * 500),
        Prediction(**{**fields, "user_id": participant, "features": {words: 1.0}}),
    ]


def _bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


async def _fill(outbox: Outbox) -> None:
    for body in _of("p1", "s1", MARK) + _of("p2", "p1", "others-words") + _of("p1", "s2", MARK):
        await outbox.append(body)


async def test_no_byte_of_an_erased_participant_is_left_and_no_number_is_missing(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        await _fill(outbox)
        await outbox.acknowledge(outbox.boot, 4)
        assert MARK.encode() in _bytes_of(tmp_path)
        (tmp_path / "store.db.damaged-1").write_bytes(MARK.encode())
        assert await outbox.erase("p1", ["s1"]) == 12  # s2 is known by its records alone
        assert MARK.encode() not in _bytes_of(tmp_path)
        waiting = await outbox.pending()
        assert [one.seq for one in waiting] == list(range(5, 19))
        bodies = [decode(one.payload, Record).body for one in waiting]
        losses = [body for body in bodies if isinstance(body, Loss)]
        assert len(losses) == 8
        assert {(loss.reason, loss.count, loss.first_seq) for loss in losses} == {("erased on request", 1, None)}
    assert MARK.encode() not in _bytes_of(tmp_path)


async def test_a_session_of_somebody_else_that_is_called_like_the_erased_one_stays(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        await _fill(outbox)
        await outbox.erase("p1", ["s1", "s2"])
        kinds = [type(record.body).__name__ for _, record in await outbox.of_subject("p1")]
        assert kinds == ["Session", "Prediction", "Label", "Marker"]
        assert len(await outbox.of_subject("p2")) == 2


async def test_what_comes_late_of_an_erased_session_is_not_kept(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        await _fill(outbox)
        await outbox.erase("p1", ["s1", "s2"])
        with pytest.raises(RecordInvalidError, match="erased on request"):
            await outbox.append(_of("p1", "s1", MARK)[2])
        assert await outbox.erase("p1", ["s1", "s2"]) == 0


async def test_many_records_are_erased_chunk_by_chunk_and_asked_page_by_page(tmp_path: Path) -> None:
    async with open_outbox(tmp_path) as outbox:
        base = prediction()
        fields = {name: getattr(base, name) for name in base.__struct_fields__}
        for index in range(1100):
            body = Prediction(**{**fields, "session_id": "s1", "user_id": "p1", "segment_index": index})
            await outbox.append(body)
        first = await outbox.of_subject("s1", kind="prediction", limit=1000)
        rest = await outbox.of_subject("s1", kind="prediction", after=first[-1][0])
        assert [len(first), len(rest)] == [1000, 100]
        assert await outbox.of_subject("s1", kind="label") == []
        assert await outbox.erase("p1", ["s1"]) == 1100


async def test_predictions_of_an_older_store_are_found_by_session(tmp_path: Path) -> None:
    old_store(tmp_path, 2, [_of("p1", "s1", MARK)[2]])
    async with open_outbox(tmp_path) as outbox:
        assert len(await outbox.of_subject("s1")) == 1
