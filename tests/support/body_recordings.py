"""Made-up people in the layout of the body recordings: few and short, to run evaluations on, not to learn from."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

FILMS: Final = (3, 21, 40)
"""Numbers of films, none of which means anything."""
FILM_S: Final = 40
PAUSE_S: Final = 20
_PAUSE: Final = 11
_HZ: Final = 4
Column = NDArray[Any]


def write_case(data: Path, people: list[int], seed: int = 0) -> None:
    """CASE's two tables: ratings that wander as the film and the person have it, and signals that follow arousal."""
    random = np.random.default_rng(seed)
    ratings, physio = [], []
    for person in people:
        video, valence, arousal = _session(random)
        seconds = np.arange(len(video)) / _HZ
        ratings.append(_columns(person, t_s=seconds, valence=valence, arousal=arousal, video=video))
        kept = np.sort(random.choice(len(video), len(video) // 24, replace=False))
        gsr = 5.0 + 0.3 * arousal[kept] + random.normal(0, 0.1, len(kept))
        physio.append(_columns(person, t_s=seconds[kept], gsr_us=gsr, skt_c=32.0 - 0.05 * arousal[kept]))
    _write(data / "body" / "case" / "annotations_4hz.parquet", ratings)
    _write(data / "body" / "case" / "sparse_physio_some.parquet", physio)


def write_stress(data: Path, people: list[int], seed: int = 0, minutes: int = 6) -> None:
    """Stress-Predict's tables: every other minute is a stressor."""
    random = np.random.default_rng(seed)
    folder = data / "body" / "stress_predict"
    wrist, heart, beats = [], [], []
    for person in people:
        stressed = (np.arange(minutes * 60 * _HZ) // (60 * _HZ)) % 2
        index = np.arange(len(stressed))
        wrist.append(
            _columns(
                person,
                i=index,
                eda_us=2.0 + stressed + random.normal(0, 0.05, len(index)),
                temp_c=np.full(len(index), 33.0),
                acc_sd_g=np.zeros(len(index)),
            )
        )
        seconds = np.arange(minutes * 60.0)
        rate = 65 + 15 * stressed[::_HZ] + random.normal(0, 1, len(seconds))
        heart.append(_columns(person, t_s=seconds, hr_bpm=rate))
        beats.append(_columns(person, t_s=seconds, ibi_s=60 / rate))
    _write(folder / "eda_temp_acc_4hz.parquet", wrist)
    _write(folder / "hr_1hz.parquet", heart)
    _write(folder / "ibi.parquet", beats)
    rows = [f"{one},{60 * at},{60 * at + 60},{at % 2}" for one in people for at in range(minutes)]
    (folder / "tasks.csv").write_text("\n".join(["subject,start_s,end_s,stress", *rows]) + "\n", encoding="utf-8")


def _session(random: np.random.Generator) -> tuple[Column, Column, Column]:
    parts = []
    for film in random.permutation(FILMS):
        parts.append(np.full((PAUSE_S * _HZ, 3), (_PAUSE, 5.0, 5.0)))
        count = FILM_S * _HZ
        rise = np.minimum(np.arange(count) / (10 * _HZ), 1)
        way = np.where(np.arange(count) < count // 2, 1, random.choice([-1, 1]))
        valence = 5 + 2.5 * rise * (1 if film % 2 else -1) + random.normal(0, 0.2)
        arousal = 5 + 2.5 * rise * way + random.normal(0, 0.2)
        parts.append(np.stack([np.full(count, film), valence, arousal], axis=1))
    video, valence, arousal = np.concatenate(parts).T
    return video, valence, arousal


def _columns(person: int, **columns: Column) -> dict[str, Column]:
    length = len(next(iter(columns.values())))
    return {"subject": np.full(length, person)} | columns


def _write(path: Path, people: list[dict[str, Column]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({name: np.concatenate([one[name] for one in people]) for name in people[0]}), path)
