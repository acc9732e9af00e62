"""Faces in a whole picture, at once: so that privacy can make them unrecognisable in the very frame they are in."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from contract.messages import Box
from edge.core.errors import ModelError
from edge.models.store import ModelStore

Bgr = NDArray[np.uint8]


class FaceFinder:
    """Calls as `finder(bgr) -> boxes`; has a model of its own and belongs to one thread at a time.

    Boxes are in shares of the picture, without a margin. A face that was there in one of the pictures just before is
    still told, so that a model that misses it for a moment shows nobody.
    """

    def __init__(self, models: ModelStore) -> None:
        """Load the operator's model for the task `faces`.

        Raise `ModelError`, with what to do about it, if none is installed or it does not work.
        """
        raise ModelError(
            "no model for faces is installed; install one: afferent edge model add FILE --task faces --kind yunet"
        )

    def __call__(self, bgr: Bgr) -> Sequence[Box]:
        """The faces of a picture, uint8 [height, width, 3]. Raise `ModelError` if the model fails."""
        raise NotImplementedError
