"""What the voices say of the recorded viewings: labels at chosen moments, other viewers' consensus, the body.

Every segment of every video counts here, those too in which the joystick rests in its centre: that is low valence and
low arousal (at or below 5), as in the published controls. A question at the end of a segment is answered with that
segment's own mean of valence and arousal.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloud.training.emotion_data import RATING_CENTRE, CaseRows
from cloud.training.emotion_features import SEGMENT_S
from cloud.training.voices_departure import UNKNOWN, values
from cloud.training.voices_features import CLASSES, LABELS, Array, Heard, graded

Labels = NDArray[np.int64]
Mask = NDArray[np.bool_]
MOST_DRAWN: Final = 6
RATING_REACH: Final = 4.5
"""From the centre of CASE's joystick to its ends."""
_EYE: Final = np.eye(len(CLASSES))


class Viewings(NamedTuple):
    """Segments in order of person, video and place; `rows` of `[viewing]` are those of one person's one video."""

    truth: Labels
    person: Labels
    video: Labels
    place: Labels
    point: Array
    """`[segments, 2]`: valence and arousal, -1 to 1."""
    rows: list[Labels]

    @property
    def since_onset_s(self) -> Array:
        """From the onset to the end of each segment."""
        return np.multiply(self.place + 1, SEGMENT_S, dtype=np.float64)


class Asked(NamedTuple):
    """Which segments were labelled, and which labels each segment knows."""

    labelled: Mask
    known: Labels
    """`[segments, LABELS]`: the segments of the newest labels up to and with this one, newest first; -1 none."""


def viewings(case: CaseRows) -> Viewings:
    """Who watched what."""
    pairs = sorted(set(zip(case.person.tolist(), case.video.tolist(), strict=True)))
    rows = [np.nonzero((case.person == one) & (case.video == film))[0] for one, film in pairs]
    person, video, place = (column.astype(np.int64) for column in (case.person, case.video, case.place))
    point = (case.rating - RATING_CENTRE) / RATING_REACH
    return Viewings(case.quadrant, person, video, place, point, rows)


def asked(views: Viewings, moments: Callable[[Labels], Sequence[int]]) -> Asked:
    """Labels where `moments` says: given the rows of a viewing, which of them (by index) are labelled."""
    labelled = np.zeros(len(views.truth), bool)
    known = np.full((len(views.truth), LABELS), -1, np.int64)
    for rows in views.rows:
        at = np.unique(np.asarray(moments(rows), np.int64))
        labelled[rows[at]] = True
        for index, row in enumerate(rows):
            newest = rows[at[at <= index][::-1][:LABELS]]
            known[row, : len(newest)] = newest
    return Asked(labelled, known)


def evenly(count: int) -> Callable[[Labels], Sequence[int]]:
    """The first segment, and `count` more at equal distances: at i / (count + 1) of the viewing."""
    return lambda rows: [len(rows) * index // (count + 1) for index in range(count + 1)]


def drawn(random: np.random.Generator) -> Callable[[Labels], Sequence[int]]:
    """The first segment, and in every other viewing up to `MOST_DRAWN` others, anywhere."""

    def moments(rows: Labels) -> Sequence[int]:
        more = max(0, int(random.integers(-MOST_DRAWN, MOST_DRAWN + 1)))
        return [0, *random.integers(0, len(rows), more)]

    return moments


class Crowd(NamedTuple):
    """What others say at each segment."""

    shares: Array
    """`[segments, 4]`; see `consensus`."""
    values: Array
    """`[segments, 2]`: mean of their values of valence and arousal (`voices_departure.values`)."""


def crowd_of(views: Viewings, people: Labels) -> Crowd:
    """What `people`, but for the viewer, felt at the same place of the same video."""
    totals, counts = sums_of(views, np.isin(views.person, people), values(views.point))
    means = np.where(counts[:, None] > 0, totals / np.maximum(counts, 1.0)[:, None], UNKNOWN)
    return Crowd(consensus(views, people), means)


def sums_of(views: Viewings, counted: Mask, column: Array) -> tuple[Array, Array]:
    """`[segments, n]` sums of a column over `counted` rows of the same place of the same video but the viewer's own,
    and `[segments]` over how many."""
    moments = np.unique(np.stack([views.video, views.place]), axis=1, return_inverse=True)[1].ravel()
    totals, counts = np.zeros((moments.max(initial=0) + 1, column.shape[1])), np.zeros(moments.max(initial=0) + 1)
    np.add.at(totals, moments[counted], column[counted])
    np.add.at(counts, moments[counted], 1.0)
    return totals[moments] - column * counted[:, None], counts[moments] - counted


def consensus(views: Viewings, people: Labels) -> Array:
    """`[segments, 4]`: shares of the classes among `people`, but for the viewer, at the same place of the same video.

    Zeros where nobody else was there.
    """
    sums, counts = sums_of(views, np.isin(views.person, people), _EYE[views.truth])
    shares: Array = sums / np.maximum(counts, 1.0)[:, None]
    return shares


def heard(views: Viewings, body: Array, labels: Asked | None, crowd: Crowd | None, *, by_key: bool = False) -> Heard:
    """What the voices say at the end of each segment. Labels are points of the square, or `by_key` quadrants."""
    known = np.full((len(body), LABELS), -1) if labels is None else labels.known
    given, since = known >= 0, views.since_onset_s
    from_row = np.maximum(known, 0)
    said = _EYE[views.truth] if by_key else graded(views.point)
    others = np.full((len(body), 1 + LABELS, 2), UNKNOWN)
    if crowd is not None:
        others[:, 0] = crowd.values
        others[:, 1:] = np.where(given[:, :, None], crowd.values[from_row], UNKNOWN)
    return Heard(
        body=body,
        quality=np.ones(len(body)),
        labels=said[from_row] * given[:, :, None],
        ages_s=np.where(given, since[:, None] - since[from_row], -1.0),
        consensus=np.zeros_like(body) if crowd is None else crowd.shares,
        since_onset_s=since,
        others=others,
    )


def of_rows(whole: Heard, rows: Labels | Mask) -> Heard:
    """Some of the segments."""
    return Heard(*(column[rows] for column in whole))


def folds_by_person_and_video(views: Viewings, groups: int) -> Iterator[tuple[Labels, Labels]]:
    """Train and test rows: a group of people on one video, from other people on other videos."""
    group = np.unique(views.person, return_inverse=True)[1] % groups
    for one in np.unique(group):
        for film in np.unique(views.video):
            test = (group == one) & (views.video == film)
            train = (group != one) & (views.video != film)
            if test.any() and train.any():
                yield np.nonzero(train)[0], np.nonzero(test)[0]


def folds_by(column: Labels, groups: int) -> Iterator[tuple[Labels, Labels]]:
    """Train and test rows by groups of people, or of videos."""
    group = np.unique(column, return_inverse=True)[1] % groups
    for one in np.unique(group):
        yield np.nonzero(group != one)[0], np.nonzero(group == one)[0]
