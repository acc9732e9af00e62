"""OpenCV held to the thread that calls it: analysis has threads of its own, and its planes are too small to share."""

import cv2


def hold_opencv_to_its_caller() -> None:
    """From now on OpenCV wakes no threads of its own, in the whole process: what they cost on planes of 160x120 is more
    than what they save (9 of 102 ms a second were measured)."""
    cv2.setNumThreads(1)
