"""The conservation oracle: compares what a device promised with what the sink holds, and names every difference."""

import json
import re
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.support.oracle_log import digest_of

Place = tuple[str, int]
"""Boot and sequence number."""
OWN_KINDS: Final = frozenset({"recording", "file", "loss", "health", "clock", "telemetry", "event"})
"""What a device may say of its own accord."""
_NEVER_GIVE_WAY: Final = frozenset({"loss", "recording", "file", "clock"})
_MAY_GIVE_WAY: Final = re.compile("the outbox was full")
"""The one reason for which records may go, after they were promised."""
_NEVER: Final = re.compile("gone|damaged")
"""Reasons for which no closed recording may be given up, unlike the rules of retention: that would be a loss."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A record that the store said to be durable."""

    boot: str
    seq: int
    kind: str
    digest: str
    alarm: bool
    nonce: str


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording that was told to be whole."""

    recording_id: str
    sha256: str
    size_bytes: int
    key: str


@dataclass(slots=True)
class Obligations:
    """Everything that the log says."""

    minted: dict[str, str] = field(default_factory=dict)
    promises: dict[Place, Promise] = field(default_factory=dict)
    returned: dict[str, Place] = field(default_factory=dict)
    clips: dict[str, Clip] = field(default_factory=dict)

    @property
    def places(self) -> set[Place]:
        """Where a record has to be."""
        return {*self.promises, *self.returned.values()}

    def add(self, line: Sequence[Any]) -> None:
        """Take in one line of the log."""
        match line:
            case ["minted", nonce, digest]:
                self.minted[nonce] = digest
            case ["promised", nonce, boot, seq]:
                self.returned[nonce] = (boot, seq)
            case ["committed", boot, seq, kind, digest, alarm, nonce, *clips]:
                self.promises[boot, seq] = Promise(boot, seq, kind, digest, bool(alarm), nonce)
                self.clips |= {clip[0]: Clip(*clip) for clip in clips}
            case _:
                raise ValueError(f"not a line of the oracle's log: {line!r:.200}")


def read_log(path: Path) -> Obligations:
    """The obligations of a log. A last line without its end was cut by a kill, and was relied upon by nobody."""
    found = Obligations()
    for line in path.read_bytes().split(b"\n")[:-1]:
        found.add(json.loads(line))
    return found


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as the cloud holds it. `body` is plain JSON data; `nonce` the generator's mark within it, if any."""

    boot: str
    seq: int
    kind: str
    received_ms: int
    body: dict[str, Any]

    @property
    def nonce(self) -> str:
        """See `oracle_log.nonce_of`; of plain data."""
        body = self.body
        if self.kind == "prediction" and body.get("model") == "soak":
            return str(body["source"])
        if self.kind == "event" and body.get("camera") == "soak":
            return str(body["event_id"])
        cameras = body.get("cameras", {}) if self.kind == "telemetry" else {}
        return str(next(iter(cameras))) if len(cameras) == 1 else ""

    @property
    def lane(self) -> str:
        """Within a lane the order of arrival is the order of making."""
        return "alarms" if self.kind == "event" and self.body.get("severity") in {"HIGH", "CRITICAL"} else "rest"


@dataclass(slots=True)
class Sink:
    """What the cloud holds: records, and the size and SHA-256 of each object by its key.

    `resent` names the records that the device had to send more than once: the way lost them, so that others may have
    overtaken them.
    """

    records: list[Kept] = field(default_factory=list)
    objects: dict[str, tuple[int, str]] = field(default_factory=dict)
    resent: set[Place] = field(default_factory=set)


@dataclass(slots=True)
class Verdict:
    """Every difference, in words. `ledgered` counts what was given up as the policy allows, with its entry."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    corrupt: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    ledgered: int = 0
    ledgered_clips: int = 0

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.corrupt or self.out_of_order)


def judge(owed: Obligations, sink: Sink) -> Verdict:
    """Compare. What never was minted, or is not what was minted, counts as corrupt."""
    verdict = Verdict()
    _judge_records(owed, sink, verdict)
    _judge_strangers(owed, sink, verdict)
    _judge_doubles(sink, verdict)
    _judge_order(sink, verdict)
    _judge_clips(owed, sink, verdict)
    return verdict


class _GivenUp:
    """The numbers that gave way to newer ones when the outbox was full, as its ledger says."""

    def __init__(self, records: Iterable[Kept]) -> None:
        ranges = defaultdict(list)
        for kept in records:
            body = kept.body
            if kept.kind == "loss" and body.get("first_seq") and _MAY_GIVE_WAY.search(body["reason"]):
                ranges[body.get("boot")].append((int(body["first_seq"]), int(body["last_seq"])))
        self._ranges = {boot: sorted(found) for boot, found in ranges.items()}

    def covers(self, place: Place) -> bool:
        """Whether a number is among them."""
        found = self._ranges.get(place[0], [])
        return any(first <= place[1] <= last for first, last in found)


def _judge_records(owed: Obligations, sink: Sink, verdict: Verdict) -> None:
    found = {(kept.boot, kept.seq): kept for kept in sink.records}
    given_up = _GivenUp(sink.records)
    for place in sorted(owed.places):
        promise, kept = owed.promises.get(place), found.get(place)
        if kept is None and not given_up.covers(place):
            verdict.lost.append(f"record {_named(place, promise)} was promised and is not there")
        elif promise and (kept is None or digest_of(kept.body) != promise.digest):
            _judge_changed(promise, kept, verdict)


def _judge_changed(promise: Promise, kept: Kept | None, verdict: Verdict) -> None:
    place = (promise.boot, promise.seq)
    if kept and kept.kind != "loss":
        verdict.corrupt.append(f"record {_named(place, promise)} is there with another content: {kept.body!r:.300}")
    elif promise.alarm or promise.kind in _NEVER_GIVE_WAY or (kept and not _MAY_GIVE_WAY.search(kept.body["reason"])):
        if not (kept and promise.kind == "loss"):  # an entry of the ledger may grow
            verdict.lost.append(f"record {_named(place, promise)} never may give way, and was given up")
    else:
        verdict.ledgered += 1


def _judge_strangers(owed: Obligations, sink: Sink, verdict: Verdict) -> None:
    last: Counter[str] = Counter()
    places = owed.places
    for boot, seq in places:
        last[boot] = max(last[boot], seq)
    for kept in sink.records:
        place = (kept.boot, kept.seq)
        if place in places:
            continue
        if kept.nonce and owed.minted.get(kept.nonce) != digest_of(kept.body):
            verdict.corrupt.append(f"record {place} was never minted like this: {kept.body!r:.300}")
        elif not kept.nonce and (kept.kind not in OWN_KINDS or kept.seq <= last[kept.boot]):
            verdict.corrupt.append(f"record {place} of kind {kept.kind} was never made: {kept.body!r:.300}")


def _judge_doubles(sink: Sink, verdict: Verdict) -> None:
    seen: Counter[str] = Counter(f"record {kept.nonce}" for kept in sink.records if kept.nonce)
    seen.update(f"{kept.boot}:{kept.seq}" for kept in sink.records)
    for kept in sink.records:
        if kept.kind == "recording":
            seen[f"recording {kept.body['recording_id']} {kept.body['phase']}"] += 1
        elif kept.kind == "loss" and kept.body.get("recording_id"):
            seen[f"loss of recording {kept.body['recording_id']}"] += 1
    verdict.doubled += [f"{what} is there {count} times" for what, count in sorted(seen.items()) if count > 1]
    names = Counter(_recording_of(key) for key in sink.objects)
    verdict.doubled += [f"recording {name} has {count} objects" for name, count in names.items() if count > 1]


def _judge_order(sink: Sink, verdict: Verdict) -> None:
    """Of each boot, alarms arrive in the order of their making, and the rest as two ascending sequences, merged.

    That is what docs/decisions/0012 promises; what the way lost and was sent again is left out.
    """
    lanes: dict[tuple[str, str], list[Kept]] = defaultdict(list)
    for kept in sink.records:
        if (kept.boot, kept.seq) not in sink.resent and kept.kind != "loss":
            lanes[kept.boot, kept.lane].append(kept)
    for (boot, lane), records in sorted(lanes.items()):
        beyond = _beyond(records, 1 if lane == "alarms" else 2)
        verdict.out_of_order += [f"record {boot}:{seq} of lane {lane} came after newer ones" for seq in beyond]


def _beyond(records: list[Kept], most: int) -> list[int]:
    """The numbers that fit into none of `most` ascending sequences, each going on with the nearest one below."""
    ends: list[int] = []
    beyond = []
    for kept in sorted(records, key=lambda kept: (kept.received_ms, kept.seq)):
        fitting = [index for index, end in enumerate(ends) if end < kept.seq]
        if fitting:
            ends[max(fitting, key=ends.__getitem__)] = kept.seq
        elif len(ends) < most:
            ends.append(kept.seq)
        else:
            beyond.append(kept.seq)
    return beyond


def _judge_clips(owed: Obligations, sink: Sink, verdict: Verdict) -> None:
    told = [kept.body for kept in sink.records if kept.kind == "recording" and kept.body["phase"] == "uploaded"]
    uploaded = {body["recording_id"] for body in told}
    lost = {
        kept.body["recording_id"]: kept.body["reason"]
        for kept in sink.records
        if "recording_id" in kept.body and kept.kind == "loss"
    }
    for clip in owed.clips.values():
        there = sink.objects.get(clip.key)
        if there and there != (clip.size_bytes, clip.sha256):
            verdict.corrupt.append(f"object {clip.key} is not what was recorded: {there} for {clip}")
        elif clip.recording_id in uploaded and not there:
            verdict.lost.append(f"recording {clip.recording_id} is told to be uploaded and {clip.key} is not there")
        elif clip.recording_id not in uploaded | lost.keys():
            verdict.lost.append(f"recording {clip.recording_id} was closed and neither uploaded nor ledgered")
        elif clip.recording_id in lost and _NEVER.search(lost[clip.recording_id]):
            verdict.lost.append(f"recording {clip.recording_id} was given up: {lost[clip.recording_id]}")
        elif clip.recording_id in lost:
            verdict.ledgered_clips += 1
    known = {clip.key for clip in owed.clips.values()}
    closed = {kept.body["key"] for kept in sink.records if kept.kind == "recording"}
    verdict.corrupt += [f"object {key} belongs to no recording" for key in sorted(sink.objects.keys() - known - closed)]


def _recording_of(key: str) -> str:
    return key.rsplit("/", 1)[-1].split(".", maxsplit=1)[0]


def _named(place: Place, promise: Promise | None) -> str:
    about = f" ({promise.kind}{', alarm' if promise.alarm else ''} {promise.nonce})" if promise else ""
    return f"{place[0]}:{place[1]}{about}"


def first_at_or_after(times_ms: Sequence[int], moment_ms: int) -> int | None:
    """The first of ascending times that is not before a moment."""
    at = bisect_left(times_ms, moment_ms)
    return times_ms[at] if at < len(times_ms) else None
