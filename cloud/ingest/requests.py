"""Answers devices that have no credentials of object storage, beside the records and never in their way.

Questions wait in a queue that is bounded, and are worked on by a few threads. What may not be done twice is remembered:
whoever asks again under the same id gets the same answer again, so that an upload is not begun twice. The rest is
worked out again. What finds no room is dropped without a word; its device asks again.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from cloud.ingest.metrics import IngestMetrics
from cloud.objects.uploads import RefusedError, Uploads
from cloud.store.clock import Clock
from cloud.store.errors import StoreUnavailableError
from contract.codec import decode, encode
from contract.errors import ContractError
from contract.objects import device_of
from contract.storage import StorageReply, StorageRequest
from contract.topics import REPLIES, topic

_log = logging.getLogger(__name__)
_WAITING: Final = 500
_WAITING_BYTES: Final = 32 << 20
_REMEMBERED: Final = 2000
_WORKERS: Final = 4
_DEVICES: Final = 10_000
_ONCE: Final = {"begin", "complete", "abort", "delete"}
"""What changes something; its answers are short. Answers of other questions may be as long as a list of all parts."""
_PER_S: Final = 50.0
_BURST: Final = 200.0


IsTold = Callable[[str, str], Awaitable[bool]]
"""Whether a record of a device says that an object is whole under a key; raises `StoreUnavailableError`."""


class Question(NamedTuple):
    """A message as it came, and the device whose topic it came on."""

    device: str
    payload: bytes


class Allowance:
    """How much each device may ask: `per_s`, and `burst` at once. Devices beyond `_DEVICES` push the oldest out."""

    def __init__(self, clock: Clock, *, per_s: float = _PER_S, burst: float = _BURST) -> None:
        self._clock = clock
        self._per_s = per_s
        self._burst = burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, device: str) -> bool:
        """Whether the device may ask once more now."""
        now = self._clock.mono_s()
        left, since = self._left.pop(device, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._per_s)
        self._left[device] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > _DEVICES:
            self._left.popitem(last=False)
        return left >= 1


class StorageDesk:
    """Takes questions in the event loop by `put`, answers them while `run` runs."""

    def __init__(
        self,
        uploads: Uploads,
        publish: Callable[[str, bytes], bool],
        *,
        is_told: IsTold,
        metrics: IngestMetrics,
        clock: Clock,
        per_s: float = _PER_S,
        burst: float = _BURST,
    ) -> None:
        self._uploads = uploads
        self._publish = publish
        self._is_told = is_told
        self._metrics = metrics
        self._allowance = Allowance(clock, per_s=per_s, burst=burst)
        self._waiting: asyncio.Queue[tuple[str, StorageRequest, int]] = asyncio.Queue(_WAITING)
        self._waiting_bytes = 0
        self._under_way: set[tuple[str, str]] = set()
        self._answered: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def put(self, question: Question) -> None:
        """Answer it soon; at once what needs no thought. Never blocks."""
        try:
            request = decode(question.payload, StorageRequest)
        except ContractError as error:
            _log.debug("a question of %s cannot be read: %s", question.device, error)
            self._count("unreadable")
            return
        asked = question.device, request.request_id
        if asked in self._under_way:
            return
        if known := self._answered.get(asked):
            self._send(question.device, known)
        elif not self._allowance.take(question.device) or self._is_full(len(question.payload)):
            self._count("dropped")
        else:
            self._under_way.add(asked)
            self._waiting_bytes += len(question.payload)
            self._waiting.put_nowait((question.device, request, len(question.payload)))

    async def run(self) -> None:
        """Answer until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(_WORKERS):
                group.create_task(self._work(), name=f"storage-desk-{number}")

    def _is_full(self, n_bytes: int) -> bool:
        return self._waiting.full() or self._waiting_bytes + n_bytes > _WAITING_BYTES

    async def _work(self) -> None:
        while True:
            device, request, size = await self._waiting.get()
            self._waiting_bytes -= size
            try:
                reply = await self._answer(device, request)
            finally:
                self._under_way.discard((device, request.request_id))
            self._reply(device, reply, keep=request.operation in _ONCE)

    async def _answer(self, device: str, request: StorageRequest) -> StorageReply:
        try:
            if request.operation != "check":
                _check_key(device, request.key)
            if request.operation == "delete":
                await self._check_untold(device, request.key)
            return await asyncio.to_thread(self._uploads.answer, request)
        except RefusedError as error:
            return StorageReply(request_id=request.request_id, refused=error.refusal, detail=str(error))

    async def _check_untold(self, device: str, key: str) -> None:
        """What a record says is there belongs to the cloud: a device that fell into wrong hands cannot delete it."""
        try:
            told = await self._is_told(device, key)
        except StoreUnavailableError as error:
            raise RefusedError("unavailable", "the database is away") from error
        if told:
            raise RefusedError("forbidden", "a record says that it is there: the cloud deletes it, or nobody")

    def _reply(self, device: str, reply: StorageReply, *, keep: bool) -> None:
        """Send it; remember it if it is to be kept. What is away now may be there when asked again."""
        self._count(reply.refused or "answered")
        payload = encode(reply)
        if keep and reply.refused != "unavailable":
            self._answered[device, reply.request_id] = payload
            if len(self._answered) > _REMEMBERED:
                self._answered.popitem(last=False)
        self._send(device, payload)

    def _send(self, device: str, payload: bytes) -> None:
        self._publish(topic(device, REPLIES), payload)

    def _count(self, result: str) -> None:
        self._metrics.requests.labels(result).inc()


def _check_key(device: str, key: str) -> None:
    try:
        owner = device_of(key)
    except ContractError as error:
        raise RefusedError("forbidden", str(error)) from error
    if owner != device:
        raise RefusedError("forbidden", f"{key!r:.120} is not a key of {device}")
