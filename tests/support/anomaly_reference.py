"""The anomaly graph once more, in plain numpy, cell by cell and in double precision: what onnxruntime must agree with.

Written from the formulas, not from the graph: windows are cut out, pixel by pixel, instead of pooled.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloud.training.graphs import anomaly, flow

Doubles = NDArray[np.float64]
_DAY, _HOUR = "", "hour_"


def anomaly_reference(inputs: dict[str, NDArray[Any]]) -> dict[str, Doubles]:
    """The outputs of the anomaly graph, without the leading axis of one."""
    given = {name: value.astype(np.float64)[0] for name, value in inputs.items()}
    luma, mask, previous = given["luma"][0], given["mask"][0] / 255, given["previous"][0]
    features, active = features_reference(luma, previous, mask, float(given["seconds"]))
    day, hour = (_known(given, of) for of in (_DAY, _HOUR))
    found = {"features": features, "active": active[None], "hour_share": np.zeros_like(active)[None]}
    found |= {"deviation": np.zeros((3, *active.shape)), "day_deviation": np.zeros((2, *active.shape))}
    for row, column in np.ndindex(active.shape):
        at = np.s_[:, row, column]
        usual, own = day["usual"][0, row, column], hour["usual"][0, row, column]
        share = usual + float(given["hour_weight"]) * (own - usual)
        found["hour_share"][0, row, column] = share
        if not active[row, column]:
            continue
        by_day, own_hour = expected_reference(day, hour, row, column)
        by_hour = _between(by_day, own_hour, float(given["hour_weight"]))
        found["day_deviation"][at] = [_above(*one) for one in zip(features[at], by_day, range(2), strict=True)]
        unlike = [_above(*one) for one in zip(features[at], by_hour, range(2), strict=True)]
        rare = math.sqrt(2 * max(math.log((usual + anomaly.RARE) / (share + anomaly.RARE)), 0))
        found["deviation"][at] = [*unlike, rare]
    total = found["deviation"].sum(axis=0)
    found["score"] = np.array(np.sort(total.ravel())[-anomaly.TOP :].mean())
    normal = (total < given["gate"]) * given["learn"]
    for of, known, pace in ((_DAY, day, given["pace"]), (_HOUR, hour, given["hour_pace"])):
        for name, value in _learned(known, features, active, normal * (pace > 0), float(pace)).items():
            found[f"{of}{name}_next"] = value
    return found


def features_reference(luma: Doubles, previous: Doubles, mask: Doubles, seconds: float) -> tuple[Doubles, Doubles]:
    """Change and speed of each cell, [2, rows, columns], and whether it is active."""
    steps = np.minimum(2 * _flow(_means(luma, 2), _means(previous, 2)), flow.LIMIT)
    halved = _means(mask, 2)
    share = _means(mask, anomaly.CELL)
    went = _means(steps * halved, anomaly.CELL // 2) / np.maximum(share, 0.05)
    pace = anomaly.REFERENCE_S / max(seconds, anomaly.LEAST_S)
    change = _means(np.abs(luma - previous), anomaly.CELL) * pace**anomaly.CHANGE_POWER
    return np.stack([change, went * pace]), (share > anomaly.ACTIVE_SHARE).astype(float)


def expected_reference(
    day: dict[str, Doubles], hour: dict[str, Doubles], row: int, column: int
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Mean and mean square to expect of both features in one cell: by the whole day, and by the hour's own past."""
    by_day, by_hour = [], []
    for feature in range(2):
        prior, spread = anomaly.PRIOR_MEAN[feature], anomaly.PRIOR_VARIANCE[feature]
        moments = []
        for power, start in ((1, prior), (2, spread + prior**2)):
            values = _moment(day, feature, power)
            count = day["count"][0]
            wide = _lean((count * values).sum(), count.sum(), start, anomaly.PRIOR_TRUST)
            line = _lean((count * values)[row].sum(), count[row].sum(), wide, anomaly.ROW_TRUST)
            own = _lean(count[row, column] * values[row, column], count[row, column], line, anomaly.CELL_TRUST)
            at_hour = hour["count"][0, row, column]
            now = _lean(at_hour * _moment(hour, feature, power)[row, column], at_hour, own, anomaly.HOUR_TRUST)
            moments.append((own, now))
        by_day.append((moments[0][0], moments[1][0]))
        by_hour.append((moments[0][1], moments[1][1]))
    return by_day, by_hour


def _between(
    day: list[tuple[float, float]], hour: list[tuple[float, float]], weight: float
) -> list[tuple[float, float]]:
    """The moments of a mixture."""
    pairs = zip(day, hour, strict=True)
    return [(a[0] + weight * (b[0] - a[0]), a[1] + weight * (b[1] - a[1])) for a, b in pairs]


def _known(given: dict[str, Doubles], of: str) -> dict[str, Doubles]:
    return {name: given[f"{of}{name}"] for name in ("count", "mean", "variance", "usual")}


def _moment(known: dict[str, Doubles], feature: int, power: int) -> Doubles:
    mean = known["mean"][feature]
    return np.asarray(mean if power == 1 else known["variance"][feature] + mean**2)


def _lean(total: Any, count: Any, wider: float, trust: float) -> float:
    return float((total + trust * wider) / (count + trust))


def _above(value: float, moments: tuple[float, float], feature: int) -> float:
    mean, square = moments
    floor = anomaly.SPREAD_FLOOR * math.sqrt(anomaly.PRIOR_VARIANCE[feature])
    return max((value - mean) / (math.sqrt(max(square - mean**2, 0)) + floor), 0.0)


def _learned(
    known: dict[str, Doubles], features: Doubles, active: Doubles, normal: Doubles, pace: float
) -> dict[str, Doubles]:
    """Welford, one cell after the other."""
    after = {name: value.copy() for name, value in known.items()}
    for row, column in np.ndindex(active.shape):
        at = np.s_[:, row, column]
        after["usual"][at] += normal[row, column] * pace * (active[row, column] - known["usual"][at])
        if not active[row, column] * normal[row, column]:
            continue
        count = min(float(known["count"][0, row, column]) + 1, anomaly.MEMORY)
        step = features[at] - known["mean"][at]
        after["count"][at] = count
        after["mean"][at] = known["mean"][at] + step / count
        square = step * (features[at] - after["mean"][at])
        after["variance"][at] = known["variance"][at] + (square - known["variance"][at]) / count
    return after


def _flow(now: Doubles, before: Doubles) -> Doubles:
    """Length of the flow by damped least squares over windows."""
    middle, dt = np.pad((now + before) / 2, 1), now - before
    height, width = now.shape

    def at(down: int, right: int) -> Doubles:
        return middle[1 + down : 1 + down + height, 1 + right : 1 + right + width]

    dx = (at(-1, 1) - at(-1, -1) + 2 * (at(0, 1) - at(0, -1)) + at(1, 1) - at(1, -1)) / 8
    dy = (at(1, -1) - at(-1, -1) + 2 * (at(1, 0) - at(-1, 0)) + at(1, 1) - at(-1, 1)) / 8
    length, half = np.zeros(now.shape), flow.WINDOW // 2
    for row, column in np.ndindex(length.shape):
        part = slice(max(row - half, 0), row + half + 1), slice(max(column - half, 0), column + half + 1)
        gradients = np.stack([dx[part].ravel(), dy[part].ravel()])
        matrix = gradients @ gradients.T / gradients.shape[1] + flow.DAMPING * np.eye(2)
        length[row, column] = math.hypot(*np.linalg.solve(matrix, gradients @ dt[part].ravel() / gradients.shape[1]))
    return length


def _means(plane: Doubles, size: int) -> Doubles:
    height, width = plane.shape
    return np.asarray(plane.reshape(height // size, size, width // size, size).mean(axis=(1, 3)))
