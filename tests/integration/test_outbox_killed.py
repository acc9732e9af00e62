"""kill -9 in the middle of committing: everything that was told durable is there, once, in order, without holes."""

import subprocess
import sys
import time
from pathlib import Path

from contract.codec import decode
from contract.messages import Prediction, Record
from tests.support.outboxes import open_outbox


def run_until_killed(folder: Path, seconds: float) -> list[tuple[str, int, int]]:
    """What a process told durable before it was killed."""
    program = [sys.executable, "-m", "tests.support.appending", str(folder)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        first = process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        lines = [first, *process.stdout.read().splitlines()]
    told = [line.split() for line in lines]
    return [(line[0], int(line[1]), int(line[2])) for line in told if len(line) == 3]


async def test_nothing_that_was_told_is_lost_or_doubled(tmp_path: Path) -> None:
    told = [entry for seconds in (0.05, 0.3, 0.15) for entry in run_until_killed(tmp_path, seconds)]
    assert len({boot for boot, _, _ in told}) == 3
    async with open_outbox(tmp_path) as outbox:
        found = await outbox.pending(limit=1_000_000)
    kept: dict[tuple[str, int], int] = {}
    for one in found:
        body = decode(one.payload, Record).body
        assert isinstance(body, Prediction)
        kept[one.boot, one.seq] = body.segment_index
    assert len(kept) == len(found), "none twice"
    assert {(boot, seq): index for boot, seq, index in told}.items() <= kept.items(), "none lost, none changed"
    for boot in {boot for boot, _ in kept}:
        seqs = [seq for name, seq in kept if name == boot]
        assert seqs == list(range(1, len(seqs) + 1)), "in order and without holes"
