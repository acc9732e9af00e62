"""What a camera has learned to be normal, kept across restarts in one small file."""

import hashlib
import io
import logging
import os
from collections import deque
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_SCORES_KEPT: Final = 6000
_FORMAT: Final = 1
_DIGEST_BYTES: Final = 32
_log = logging.getLogger(__name__)
Floats = NDArray[np.float32]


class Baseline:
    """The state tensors of the anomaly model for one grid of (rows, columns), and what was made of its scores."""

    def __init__(self, grid: tuple[int, int]) -> None:
        self.grid = grid
        self.count: Floats = np.zeros((1, 1, *grid), np.float32)
        self.mean: Floats = np.zeros((1, 2, *grid), np.float32)
        self.variance: Floats = np.zeros((1, 2, *grid), np.float32)
        self.frames = 0
        self.active_frames = 0
        self.threshold = 0.0
        """Sigma; 0 until it was learned."""
        self.scores: deque[float] = deque(maxlen=_SCORES_KEPT)

    def tensors(self) -> dict[str, Floats]:
        """The model's state by the names of its inputs: always the same arrays."""
        return {"count": self.count, "mean": self.mean, "variance": self.variance}

    def blank_tensors(self) -> dict[str, Floats]:
        """New arrays of the same shapes."""
        return {name: np.zeros_like(tensor) for name, tensor in self.tensors().items()}


def save_baseline(baseline: Baseline, path: Path, model: str) -> None:
    """Write `baseline` as learned by `model` (name and version): SHA-256, then a zip of arrays.

    A reader sees the old file or the new, never a half. Raise `OSError` if the disk will not take it.
    """
    content = io.BytesIO()
    numbers = np.array([_FORMAT, baseline.frames, baseline.active_frames, baseline.threshold], np.float64)
    scores = np.array(baseline.scores, np.float32)
    np.savez_compressed(
        content, allow_pickle=False, model=np.array(model), numbers=numbers, scores=scores, **baseline.tensors()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        file.write(hashlib.sha256(content.getvalue()).digest() + content.getvalue())
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load_baseline(path: Path, grid: tuple[int, int], model: str) -> Baseline:
    """What was saved for this grid and model, else a blank one. A damaged file is said so once and begun anew."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Baseline(grid)
    except OSError as error:
        _log.warning("what was learned in %s cannot be read and is learned anew: %s", path, error)
        return Baseline(grid)
    digest, arrays = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(arrays).digest() != digest:
        _log.warning("%s is damaged: what is normal is learned anew", path)
        return Baseline(grid)
    with np.load(io.BytesIO(arrays), allow_pickle=False) as saved:
        return _restored(saved, grid, model)


def _restored(saved: Any, grid: tuple[int, int], model: str) -> Baseline:
    baseline = Baseline(grid)
    version, frames, active_frames, threshold = (float(number) for number in saved["numbers"])
    fits = saved["count"].shape == baseline.count.shape and str(saved["model"]) == model
    if version != _FORMAT or not fits:
        return baseline
    for name, tensor in baseline.tensors().items():
        tensor[:] = saved[name]
    baseline.frames, baseline.active_frames, baseline.threshold = int(frames), int(active_frames), threshold
    baseline.scores.extend(float(score) for score in saved["scores"])
    return baseline
