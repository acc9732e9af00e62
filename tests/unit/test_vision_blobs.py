"""Blobs are those of the whole mask, though only the part of it is looked through in which something moves."""

import cv2
import numpy as np
import pytest

from edge.vision.pixels.blobs import find_blobs


@pytest.mark.parametrize("seed", range(20))
def test_blobs_are_the_regions_of_the_whole_mask(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros((90, 160), np.uint8)
    for _ in range(int(rng.integers(1, 6))):
        top, left = int(rng.integers(0, 80)), int(rng.integers(0, 150))
        mask[top : top + int(rng.integers(1, 30)), left : left + int(rng.integers(1, 30))] = 255
    changed = np.asarray(rng.random(mask.shape) < 0.5, np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    moved = np.bincount(labels[changed > 0], minlength=count)
    whole = sorted((*stats[at, :5].tolist(), int(moved[at])) for at in range(1, count))
    found = sorted(
        (
            round(blob.x * 160),
            round(blob.y * 90),
            round(blob.w * 160),
            round(blob.h * 90),
            round(blob.area * mask.size),
            round(blob.changed * blob.area * mask.size),
        )
        for blob in find_blobs(mask, 0.0, changed.__getitem__)
    )
    assert found == whole


def test_an_empty_mask_has_no_blobs() -> None:
    assert find_blobs(np.zeros((90, 160), np.uint8), 0.0) == []
