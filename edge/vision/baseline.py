"""What a camera has learned to be normal, kept across restarts in one small file."""

import io
import logging
import os
import zipfile
from collections import deque
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_SCORES_KEPT: Final = 6000
_FORMAT: Final = 1
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
    """Write `baseline` as learned by `model` (name and version); a reader sees the old file or the new, never a half.

    Raise `OSError` if the disk will not take it.
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
        file.write(content.getvalue())
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load_baseline(path: Path, grid: tuple[int, int], model: str) -> Baseline:
    """What was saved for this grid and model, else a blank one. A damaged file is said so once and begun anew."""
    baseline = Baseline(grid)
    try:
        with np.load(path, allow_pickle=False) as saved:
            if str(saved["model"]) == model and saved["count"].shape == baseline.count.shape:
                _fill(baseline, saved)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        _log.warning("what was learned in %s cannot be read and is learned anew: %s", path, error)
        return Baseline(grid)
    return baseline


def _fill(baseline: Baseline, saved: Any) -> None:
    version, frames, active_frames, threshold = (float(number) for number in saved["numbers"])
    if version != _FORMAT:
        raise ValueError(f"it has format {version:.0f}, not {_FORMAT}")
    for name, tensor in baseline.tensors().items():
        if not np.isfinite(saved[name]).all():
            raise ValueError(f"{name} is not finite")
        tensor[:] = saved[name]
    baseline.frames, baseline.active_frames, baseline.threshold = int(frames), int(active_frames), threshold
    baseline.scores.extend(float(score) for score in saved["scores"])
