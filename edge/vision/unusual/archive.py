"""The file of what the last alarms saw."""

import logging
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from edge.vision.unusual.evidence import Alarm, Evidence, Observed, Verdict
from edge.vision.unusual.kept import UnfitError, put_aside, read_arrays, write_arrays

_FORMAT: Final = 1
_log = logging.getLogger(__name__)


class _Line(msgspec.Struct, frozen=True):
    """What of an alarm is no array."""

    type: str
    began_ms: int
    hour: int | None
    peak: float
    counted: float
    event_id: str
    verdict: Verdict


def save_evidence(evidence: Evidence, path: Path, model: str) -> None:
    """Write what `evidence` holds, seen by `model` (name and version). Raise `OSError` if the disk will not take it."""
    alarms = list(evidence.alarms)
    lines = [_Line(*(getattr(one, name) for name in _Line.__struct_fields__)) for one in alarms]
    write_arrays(
        path,
        format=np.array(_FORMAT),
        model=np.array(model),
        grid=np.array(evidence.grid),
        lines=np.frombuffer(msgspec.json.encode(lines), np.uint8),
        counts=np.array([one.seen.count for one in alarms], np.float32),
        means=np.array([one.seen.mean for one in alarms], np.float32),
        squares=np.array([one.seen.square for one in alarms], np.float32),
        given=np.array([one.given for one in alarms], np.float32),
    )


def load_evidence(path: Path, grid: tuple[int, int], model: str, most: int) -> Evidence:
    """What was saved for this grid and model, at most the last `most` alarms; else none.

    A file that does not fit is said so once and put aside.
    """
    evidence = Evidence(grid, most)
    try:
        saved = read_arrays(path)
        evidence.alarms.extend(_restored(saved, grid, model) if saved else ())
    except UnfitError as error:
        _log.warning("what the last alarms saw is lost: %s; the file is put aside as %s", error, put_aside(path))
    except OSError as error:
        _log.warning("what the last alarms saw is lost: %s cannot be read: %s", path, error)
    return evidence


def _restored(saved: dict[str, Any], grid: tuple[int, int], model: str) -> list[Alarm]:
    try:
        if int(saved["format"]) != _FORMAT or str(saved["model"]) != model or tuple(saved["grid"]) != grid:
            raise UnfitError(f"it is of {saved['model']}, format {saved['format']}, grid {tuple(saved['grid'])}")
        lines = msgspec.json.decode(saved["lines"].tobytes(), type=list[_Line])
        return [_alarm(line, saved, at, grid) for at, line in enumerate(lines)]
    except (KeyError, ValueError, TypeError, IndexError, msgspec.MsgspecError) as error:
        raise UnfitError(f"it cannot be understood: {error}") from error


def _alarm(line: _Line, saved: dict[str, Any], at: int, grid: tuple[int, int]) -> Alarm:
    seen, given = Observed(grid), np.zeros((3, *grid), np.float32)
    for kept, name in ((seen.count, "counts"), (seen.mean, "means"), (seen.square, "squares"), (given, "given")):
        kept[:] = saved[name][at]
        if not np.isfinite(kept).all():
            raise ValueError(f"{name} of alarm {at} are no numbers")
    return Alarm(**msgspec.structs.asdict(line), seen=seen, given=given)
