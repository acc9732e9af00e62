"""What a soak came to, in figures."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from tests.support.faulty_bucket import SentPart
from tests.support.oracle import Obligations, Sink, Verdict, first_at_or_after

_SHOWN: Final = 20


@dataclass(slots=True)
class Happened:
    """What the run saw. Moments are of the host's clock: milliseconds since the epoch, or `time.monotonic()`."""

    faults: Counter[str] = field(default_factory=Counter)
    returns_ms: list[tuple[int, int]] = field(default_factory=list)
    """When the way to the cloud was open again, and when it was next disturbed."""
    kills_s: list[float] = field(default_factory=list)
    """When the device was killed or lost its power."""
    ended_by_themselves: Counter[str] = field(default_factory=Counter)
    drain_s: float = 0.0


def figures(
    owed: Obligations, sink: Sink, verdict: Verdict, happened: Happened, parts: list[SentPart]
) -> dict[str, Any]:
    """All of it, ready for JSON."""
    waits = sorted(recovery_waits_s(sink, happened))
    return {
        "records": len(owed.places),
        "alarms": sum(promise.alarm for promise in owed.promises.values()),
        "recordings": len(owed.clips),
        "objects": len(sink.objects),
        "object_bytes": sum(size for size, _ in sink.objects.values()),
        "boots": len({boot for boot, _ in owed.places}),
        "faults": dict(sorted(happened.faults.items())),
        "faults_total": happened.faults.total(),
        "soak_lost": len(verdict.lost),
        "soak_doubled": len(verdict.doubled),
        "soak_corrupt": len(verdict.corrupt),
        "soak_out_of_order": len(verdict.out_of_order),
        "ledgered_records": verdict.ledgered,
        "ledgered_recordings": verdict.ledgered_clips,
        "recoveries": len(waits),
        "recovery_first_record_p50_s": quantile(waits, 0.50),
        "recovery_first_record_p99_s": quantile(waits, 0.99),
        "resent_parts_after_kill": resent_parts(parts, happened.kills_s),
        "parts": len(parts),
        "ended_by_themselves": dict(happened.ended_by_themselves),
        "drain_s": round(happened.drain_s, 1),
        "evidence": [*verdict.lost, *verdict.doubled, *verdict.corrupt, *verdict.out_of_order][:200],
    }


def recovery_waits_s(sink: Sink, happened: Happened) -> list[float]:
    """From each return of the way until a record arrived; none where the next disturbance came before."""
    times_ms = sorted(kept.received_ms for kept in sink.records)
    firsts = ((first_at_or_after(times_ms, begin), begin, end) for begin, end in happened.returns_ms)
    return [(first - begin) / 1000 for first, begin, end in firsts if first is not None and first < end]


def resent_parts(parts: Sequence[SentPart], kills_s: Sequence[float]) -> int:
    """The most parts that were sent again between one kill and the next although they had arrived before it."""
    worst = 0
    for begin, end in pairwise([*kills_s, float("inf")]):
        before = {(part.path, part.number) for part in parts if part.at_s < begin}
        again = [part for part in parts if begin <= part.at_s < end and (part.path, part.number) in before]
        worst = max(worst, len(again))
    return worst


def quantile(ascending: Sequence[float], share: float) -> float | None:
    """The value that this share of all does not exceed; None of nothing."""
    if not ascending:
        return None
    return round(ascending[min(len(ascending) - 1, int(share * len(ascending)))], 2)


def table(found: dict[str, Any]) -> str:
    """The figures for people."""
    lines = [
        f"{name:32} {value if not isinstance(value, dict) else json.dumps(value)}"
        for name, value in found.items()
        if name not in {"evidence", "faults"}
    ]
    lines += [f"  fault: {name:25} {count}" for name, count in found["faults"].items()]
    lines += [f"  EVIDENCE {line}" for line in found["evidence"][:_SHOWN]]
    return "\n".join(lines)
