"""Telling messages apart: records, births, wills, questions, and what is none of ours. No I/O, nothing escapes."""

from collections.abc import Iterable
from typing import Final, NamedTuple, TypeVar

from cloud.ingest.link import Delivery
from cloud.ingest.requests import Question
from cloud.store.intake import Rejected
from cloud.store.rows import Incoming, read
from contract.codec import decode
from contract.errors import ContractError, InvalidMessageError
from contract.messages import Status
from contract.remote import Reported
from contract.times import from_wire
from contract.topics import RECORD_LEAVES, REPORTED, REQUESTS, split

_LARGEST_VERSION: Final = 2**52
"""Below what a version may be, so that there is always a higher one."""
_RETAINED: Final = ("/status", f"/{REPORTED}")
_Said = TypeVar("_Said", Status, Reported)


class Sorted(NamedTuple):
    """One batch, told apart. `unreadable` of the `rejected` are also among the `records`, their bodies as they came.

    What speaks of somebody stands there alone, from where an erasure takes it.
    """

    records: list[Incoming]
    statuses: list[Status]
    rejected: list[Rejected]
    unreadable: int
    questions: list[Question]
    reports: list[Reported]


def sort(deliveries: Iterable[Delivery], received_ms: int) -> Sorted:
    """Read each message; of several births and wills of a device, and of several reports, keep the last."""
    records: list[Incoming] = []
    statuses: dict[str, Status] = {}
    rejected: list[Rejected] = []
    questions: list[Question] = []
    reports: dict[str, Reported] = {}
    unreadable = 0
    for delivery in filter(_says_something, deliveries):
        try:
            device, leaf = split(delivery.topic)
            if leaf == "status":
                statuses[device] = _status(device, delivery.payload)
            elif leaf == REPORTED:
                reports[device] = _reported(device, delivery.payload)
            elif leaf == REQUESTS:
                questions.append(Question(device, delivery.payload))
            elif leaf in RECORD_LEAVES:
                record, problem = read(device, leaf, delivery.payload, received_ms)
                records.append(record)
                if problem:
                    unreadable += 1
                    rejected.append(Rejected(delivery.topic, problem, b"" if record.about else delivery.payload))
        except ContractError as error:
            rejected.append(Rejected(delivery.topic, str(error), delivery.payload))
    return Sorted(records, list(statuses.values()), rejected, unreadable, questions, list(reports.values()))


def _says_something(delivery: Delivery) -> bool:
    """Not where somebody took from the broker what it had retained of a device that left."""
    return bool(delivery.payload) or not delivery.topic.endswith(_RETAINED)


def _status(device: str, payload: bytes) -> Status:
    return _own(device, decode(payload, Status))


def _reported(device: str, payload: bytes) -> Reported:
    reported = _own(device, decode(payload, Reported))
    if max(reported.version, reported.seen) > _LARGEST_VERSION:
        raise InvalidMessageError(f"$.seen: no desired state has a version beyond {_LARGEST_VERSION}")
    return reported


def _own(device: str, said: _Said) -> _Said:
    if said.device != device:
        raise InvalidMessageError(f"$.device: {said.device!r} speaks on the topic of {device!r}")
    from_wire(said.t)
    return said
