"""The baseline's file: small, whole or the one before, and never a reason for the camera to stop."""

import hashlib
import io
import logging
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge.core.files import write_private
from edge.vision.unusual.baseline import SCORES_KEPT, STATES, Baseline, Cells

_FORMAT: Final = 2
"""1 had no hours and told speed by the frame instead of by time."""
_DIGEST_BYTES: Final = 32
_log = logging.getLogger(__name__)


class UnfitError(Exception):
    """A file holds nothing that can be used here; the message says why."""


class LearnedOtherwiseError(UnfitError):
    """What a file holds was learned of a picture of another shape, or by another model."""


def save_baseline(baseline: Baseline, path: Path, model: str) -> None:
    """Write `baseline` as learned by `model` (name and version). Raise `OSError` if the disk will not take it."""
    sets = (baseline.day, *baseline.hours)
    arrays = {name: np.stack([cells.tensors()[name][0] for cells in sets]) for name in STATES}
    watched = np.array([(cells.seconds, cells.frames, cells.active_frames) for cells in sets])
    write_arrays(
        path,
        format=np.array(_FORMAT),
        model=np.array(model),
        watched=watched,
        threshold=np.array(baseline.threshold),
        scores=np.array(baseline.scores, np.float32),
        taught=np.array(baseline.taught, np.float32),
        **arrays,
    )


def load_baseline(path: Path, grid: tuple[int, int], model: str) -> Baseline:
    """What was saved for this grid and model, else a blank one.

    A file that does not fit, be it damaged or learned otherwise, is said so once and put aside. If it is of a picture
    of another shape or by another model, what was put aside before is taken up again where that fits: a camera that
    shows something else for a moment loses nothing, nor does an update that is taken back, nor who is killed meanwhile.
    """
    with suppress(OSError):  # it is tried again at the next start
        _end_exchange(path)
    try:
        return _read(path, grid, model) or _taken_up(path, grid, model) or Baseline(grid)
    except LearnedOtherwiseError as error:
        before = _read_aside(path, grid, model)
        words = "what was learned before goes on" if before else "what is normal is learned anew"
        _log.warning(
            "%s: %s; the file is put aside as %s", words, error, _exchange(path) if before else put_aside(path)
        )
        return before or Baseline(grid)
    except UnfitError as error:
        _log.warning("what is normal is learned anew: %s; the file is put aside as %s", error, put_aside(path))
    except OSError as error:
        _log.warning("what is normal is learned anew: %s cannot be read: %s", path, error)
    return Baseline(grid)


def write_arrays(path: Path, **arrays: Any) -> None:
    """Replace `path` by SHA-256 and a zip of arrays. Raise `OSError` if the disk will not take it."""
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **arrays)
    write_private(path, hashlib.sha256(content.getvalue()).digest() + content.getvalue())


def read_arrays(path: Path) -> dict[str, Any] | None:
    """The arrays of a file of `write_arrays`, None if there is none; raise `UnfitError` if it is damaged."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    digest, zipped = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(zipped).digest() != digest:
        raise UnfitError(f"{path} is damaged")
    try:
        with np.load(io.BytesIO(zipped), allow_pickle=False) as saved:
            return {name: saved[name] for name in saved.files}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UnfitError(f"{path} cannot be understood: {error}") from error


def put_aside(path: Path) -> Path | None:
    """Rename a file that will not do, in place of one put aside before; its new path, None if it has to stay."""
    aside = _aside_of(path)
    try:
        path.replace(aside)
    except OSError:
        return None
    return aside


def forget_aside(path: Path) -> None:
    """Let nothing that was put aside be taken up again. Raise `OSError` if the disk will not have it."""
    for kept in (_aside_of(path), _meanwhile_of(path)):
        kept.unlink(missing_ok=True)


def _aside_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.aside")


def _meanwhile_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.exchanged")


def _exchange(path: Path) -> Path | None:
    """Put a file aside and what was there in its place; the path aside, None if the disk will not have it (yet)."""
    try:
        path.replace(_meanwhile_of(path))
        _end_exchange(path)
    except OSError:
        return None
    return _aside_of(path)


def _end_exchange(path: Path) -> None:
    """Do what an exchange that was begun lacks, also after a kill. Raise `OSError`."""
    aside, meanwhile = _aside_of(path), _meanwhile_of(path)
    if not meanwhile.exists():
        return
    if aside.exists() and not path.exists():
        aside.replace(path)
    meanwhile.replace(aside if path.exists() else path)


def _taken_up(path: Path, grid: tuple[int, int], model: str) -> Baseline | None:
    """What was put aside, if it fits and nothing was kept in its place since."""
    before = _read_aside(path, grid, model)
    if before:
        with suppress(OSError):  # it will be written to its place when it is kept the next time
            _aside_of(path).replace(path)
    return before


def _read(path: Path, grid: tuple[int, int], model: str) -> Baseline | None:
    saved = read_arrays(path)
    return _restored(saved, grid, model) if saved else None


def _read_aside(path: Path, grid: tuple[int, int], model: str) -> Baseline | None:
    try:
        return _read(_aside_of(path), grid, model)
    except (UnfitError, OSError):
        return None


def _restored(saved: dict[str, Any], grid: tuple[int, int], model: str) -> Baseline:
    if "numbers" in saved:
        raise UnfitError("it was learned by the frame, by format 1, and speed is now told by time")
    try:
        if int(saved["format"]) != _FORMAT:
            raise UnfitError(f"it has the format {saved['format']}, {_FORMAT} is read")
        if str(saved["model"]) != model:
            raise LearnedOtherwiseError(f"it was learned by {saved['model']}, and {model} is what runs")
        if saved["count"].shape[2:] != grid:
            raise LearnedOtherwiseError(
                f"it is for a grid of {saved['count'].shape[2:]} cells, and the picture has {grid}"
            )
        return _filled(saved, grid)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise UnfitError(f"it cannot be understood: {error}") from error


def _filled(saved: dict[str, Any], grid: tuple[int, int]) -> Baseline:
    baseline = Baseline(grid)
    for at, cells in enumerate((baseline.day, *baseline.hours)):
        _fill(cells, {name: saved[name][at] for name in STATES}, saved["watched"][at])
    threshold, scores, taught = float(saved["threshold"]), saved["scores"][-SCORES_KEPT:], saved["taught"]
    if not (np.isfinite(threshold) and np.isfinite(scores).all() and np.isfinite(taught).all()):
        raise ValueError("a score in it is no number")
    baseline.threshold, baseline.taught = threshold, tuple(taught.tolist())
    baseline.scores.extend(scores.tolist())
    return baseline


def _fill(cells: Cells, states: dict[str, Any], watched: Any) -> None:
    if not all(np.isfinite(values).all() for values in (*states.values(), watched)):
        raise ValueError("a value in it is no number")
    for name, tensor in cells.tensors().items():
        tensor[0] = states[name]
    cells.seconds, cells.frames, cells.active_frames = float(watched[0]), int(watched[1]), int(watched[2])
