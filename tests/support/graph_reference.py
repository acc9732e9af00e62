"""The motion graph once more, in plain numpy and slowly: what onnxruntime must agree with."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud.training.graphs import motion

Floats = NDArray[np.float32]


def motion_reference(inputs: dict[str, NDArray[Any]]) -> dict[str, Floats]:
    """The outputs of the motion graph, as [height, width] planes."""
    given = {name: value.astype(np.float32).squeeze() for name, value in inputs.items()}
    x = given["luma"]
    distances = np.sort([np.abs(given[f"sample_{index}"] - x) for index in range(motion.SAMPLES)], axis=0)
    far = distances[1] > np.clip(given["noise"] * motion.NOISE_GAIN, given["threshold"], 255)
    kernel = np.ones((motion.CLOSING, motion.CLOSING), np.uint8)
    near = cv2.dilate((_mean(far.astype(np.float32), motion.MAJORITY) > motion.MOST).astype(np.uint8), kernel) > 0
    mask = cv2.erode(near.astype(np.uint8), kernel) > 0
    foreground = mask | far
    age = (given["age"] + 1) * foreground
    may_learn = ~foreground | (age > given["age_limit"])
    learns = given["chance"] < np.where(may_learn, given["rate"], given["blind"])
    surprise = np.clip(distances[0], motion.NOISE_FLOOR, motion.NOISE_LIMIT) - given["noise"]
    return {
        "mask": mask * np.float32(255),
        "noise_next": given["noise"] + ~near * motion.NOISE_RATE * surprise,
        "age_next": age,
        "sample_next": np.where(learns, x, given["sample_0"]),
    }


def _mean(plane: Floats, size: int) -> Floats:
    """Mean over the part of the neighbourhood that is in the picture."""

    def total(of: Floats) -> Any:
        return cv2.boxFilter(of, cv2.CV_64F, (size, size), normalize=False, borderType=cv2.BORDER_CONSTANT)

    return np.asarray(total(plane) / total(np.ones_like(plane)), np.float32)
