"""Finding and trusting a model: manifest, digest, tensors and a first run, or a clear word about what is wrong."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contract.errors import InvalidManifestError
from contract.manifest import Manifest, Tensor, decode_manifest
from edge.core.errors import ModelError
from edge.models.session import CPU, Model

BUNDLED: Final = Path(__file__).parent / "bundled"
"""The models that come with the appliance; `python -m cloud.training.build` writes them."""
_TEST_SIZE: Final = 40
_log = logging.getLogger(__name__)


class ModelStore:
    """Models by task: from the operator's folder if it has one that works, else the bundled one.

    `problems` says, one sentence each, which models of the operator's folder could not be used and why.
    """

    def __init__(
        self, folder: Path | None = None, *, bundled: Path = BUNDLED, providers: Sequence[str] = (CPU,)
    ) -> None:
        self._folder = folder
        self._bundled = bundled
        self._providers = tuple(providers)
        self._problems: dict[str, str] = {}

    @property
    def problems(self) -> list[str]:
        """What of the operator's folder is passed over; empty when all is well."""
        return [self._problems[place] for place in sorted(self._problems)]

    def available(self) -> list[Manifest]:
        """The manifest of each task's model that `load` would try first, by task; nothing is opened or verified."""
        found = self._scan(self._bundled) | self._own()
        return [manifest for _, (_, manifest) in sorted(found.items())]

    def load(self, task: str) -> Model:
        """A verified model for `task`; raise `ModelError` if there is none that works.

        A model of the operator's folder that does not work is passed over, kept in `problems` and logged once.
        """
        own = self._own().get(task)
        if own:
            try:
                return load_model(own[0], self._providers)
            except ModelError as error:
                self._remember(own[0], f"{error}; the bundled model is used instead")
        bundled = self._scan(self._bundled).get(task)
        if bundled is None:
            raise ModelError(f"there is no model for the task {task!r} in {self._bundled}")
        return load_model(bundled[0], self._providers)

    def _own(self) -> dict[str, tuple[Path, Manifest]]:
        if self._folder is None:
            return {}
        if not self._folder.is_dir():
            self._remember(self._folder, f"the folder of models {self._folder} does not exist")
            return {}
        return self._scan(self._folder)

    def _scan(self, folder: Path) -> dict[str, tuple[Path, Manifest]]:
        """The manifests of a folder by task; of two for one task the later file name counts."""
        found = {}
        for path in sorted(folder.glob("*.json")):
            try:
                manifest = _read_manifest(path)
            except ModelError as error:
                self._remember(path, f"{error}; it is passed over")
                continue
            found[manifest.task] = path, manifest
        return found

    def _remember(self, place: Path, problem: str) -> None:
        if self._problems.get(str(place)) != problem:
            self._problems[str(place)] = problem
            _log.warning("%s", problem)


def load_model(path: Path, providers: Sequence[str] = (CPU,)) -> Model:
    """The model whose manifest is the file `path`, with digest and tensors checked and one run made.

    Raise `ModelError` with what is wrong and with which file.
    """
    manifest = _read_manifest(path)
    model = Model(manifest, _read_graph(path.parent / manifest.file, manifest), providers)
    _self_test(model)
    return model


def _read_manifest(path: Path) -> Manifest:
    try:
        return decode_manifest(path.read_bytes())
    except OSError as error:
        raise ModelError(f"manifest {path} cannot be read: {error.strerror}") from error
    except InvalidManifestError as error:
        raise ModelError(f"{path}: {error}") from error


def _read_graph(path: Path, manifest: Manifest) -> bytes:
    try:
        graph = path.read_bytes()
    except OSError as error:
        raise ModelError(f"model {manifest.name}: its file {path} cannot be read: {error.strerror}") from error
    digest = hashlib.sha256(graph).hexdigest()
    if digest != manifest.sha256:
        raise ModelError(
            f"model {manifest.name}: wrong digest: {path} has SHA-256 {digest[:12]}..., "
            f"its manifest says {manifest.sha256[:12]}...; copy both files again"
        )
    return graph


def _self_test(model: Model) -> None:
    """Run once on zeros. A free dimension `d` has the size `parameters["test_d"]` of the manifest, else 40."""
    manifest = model.manifest
    outputs = model.run({tensor.name: _zeros(tensor, manifest) for tensor in manifest.inputs})
    for name, value in outputs.items():
        if not np.isfinite(value).all():
            raise ModelError(f"model {manifest.name}: self-test: output {name!r} is not finite")


def _zeros(tensor: Tensor, manifest: Manifest) -> NDArray[Any]:
    sizes = [size if isinstance(size, int) else _test_size(size, manifest) for size in tensor.shape]
    return np.zeros(sizes, tensor.dtype)


def _test_size(dimension: str, manifest: Manifest) -> int:
    size = manifest.parameters.get(f"test_{dimension}", _TEST_SIZE)
    return size if isinstance(size, int) else _TEST_SIZE
