"""The viewings that labels and questions are judged on: every segment of every film, from one folder or two."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloud.training.emotion_data import CaseRows, read_case, strangers
from cloud.training.voices_data import Viewings, folds_by, folds_by_person_and_video, viewings
from cloud.training.voices_metrics import GROUPS, Folds

Labels = NDArray[np.int64]


class Stage(NamedTuple):
    """What is judged, and by models of what."""

    case: CaseRows
    views: Viewings
    judged: NDArray[np.bool_]
    """Rows that are scored; the others only teach."""
    folds: dict[str, Folds]
    """By what the models did not see; the first is the one that figures are of."""

    @property
    def strict(self) -> Folds:
        """The folds that figures are of."""
        return next(iter(self.folds.values()))


def stage(data: Path, train: Path | None = None) -> Stage:
    """Read CASE under `data`, and under `train` what teaches; raises `NoRecordingsError`."""
    case = read_case(data, margin=-1.0)
    if train is None:
        views = viewings(case)
        folds = {
            "unseen person and film": list(folds_by_person_and_video(views, GROUPS)),
            "unseen person": list(folds_by(views.person, GROUPS)),
            "unseen film": list(folds_by(views.video, len(np.unique(views.video)))),
        }
        return Stage(case, views, np.ones(len(views.truth), bool), folds)
    taught = strangers(read_case(train, margin=-1.0), case)
    taught = taught._replace(person=taught.person + case.person.max() + 1)
    both = CaseRows(*(np.concatenate([mine, theirs]) for mine, theirs in zip(case, taught, strict=True)))
    judged = np.arange(len(both.x)) < len(case.x)
    films = [np.nonzero(judged & (both.video == film))[0] for film in np.unique(case.video)]
    by_film = [(np.nonzero(~judged & (both.video != both.video[rows[0]]))[0], rows) for rows in films]
    all_films = [(np.nonzero(~judged)[0], np.nonzero(judged)[0])]
    folds = {"unseen person and film": by_film, "unseen person": all_films}
    return Stage(both, viewings(both), judged, folds)
