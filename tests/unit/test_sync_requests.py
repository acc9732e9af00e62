"""Questions to the cloud: answered, or failed in time; never for ever."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.storage import StorageReply, StorageRequest
from edge.core.errors import LinkError
from edge.sync.requests import RequestDesk


def question(number: int = 1) -> StorageRequest:
    return StorageRequest(request_id=f"q-{number}", operation="check")


def opened(desk: RequestDesk, on_wake: Callable[[], None] = lambda: None) -> RequestDesk:
    desk.open(on_wake)
    return desk


def answer_all(desk: RequestDesk, **fields: object) -> None:
    """What the cloud does."""
    for payload in desk.take(100):
        asked = msgspec.json.decode(payload, type=StorageRequest)
        reply = StorageReply(request_id=asked.request_id, detail="told", **fields)  # type: ignore[arg-type]
        desk.answered(msgspec.json.encode(reply))


def test_an_answer_comes_to_whoever_asked() -> None:
    desk = RequestDesk()
    opened(desk, lambda: threading.Thread(target=answer_all, args=(desk,)).start())
    assert desk.ask(question(), 5).detail == "told"
    assert desk.ask(question(), 5).detail == "told", "the same question may be asked again"
    assert desk.waiting == 0


def test_without_a_link_it_fails_at_once() -> None:
    desk = RequestDesk()
    with pytest.raises(LinkError, match="no link"):
        desk.ask(question(), 60)
    opened(desk).close("the broker refuses it")
    with pytest.raises(LinkError, match="refuses"):
        desk.ask(question(), 60)


def test_all_that_wait_fail_when_the_link_goes() -> None:
    desk, asked = RequestDesk(), threading.Semaphore(0)
    opened(desk, asked.release)
    with ThreadPoolExecutor(3) as threads:
        answers = [threads.submit(desk.ask, question(number), 60) for number in range(3)]
        for _ in answers:
            assert asked.acquire(timeout=5)
        desk.close()
        for answer in answers:
            assert isinstance(answer.exception(5), LinkError)
    assert (desk.waiting, desk.take(9), desk.failed_total) == (0, [], 3)


def test_no_answer_in_time_and_what_comes_late_is_dropped() -> None:
    desk = opened(RequestDesk())
    with pytest.raises(LinkError, match=r"within 0\.01 s"):
        desk.ask(question(), 0.01)
    assert desk.take(9) == [], "nobody waits for it any more"
    desk.answered(msgspec.json.encode(StorageReply(request_id="q-1")))


def test_what_waits_is_bounded() -> None:
    desk, asked = RequestDesk(most=1), threading.Event()
    opened(desk, asked.set)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(desk.ask, question(1), 60)
        assert asked.wait(5)
        with pytest.raises(LinkError, match="too much"):
            desk.ask(question(2), 60)
        answer_all(desk)
        assert first.result(5).detail == "told"


@given(st.binary(max_size=200))
def test_nonsense_changes_nothing(payload: bytes) -> None:
    opened(RequestDesk()).answered(payload)
