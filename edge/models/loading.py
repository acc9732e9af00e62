"""From a manifest on disk to a model that is trusted: digest, tensors, a first run; or clear words on what is wrong."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from contract.errors import InvalidManifestError
from contract.manifest import Manifest, Tensor, decode_manifest
from edge.core.errors import ModelError
from edge.models.session import Model, Runtime, choose_providers

_TEST_SIZE: Final = 40
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


def load_model(path: Path, runtime: Runtime | None = None) -> Model:
    """The model whose manifest is the file `path`, with digest and tensors checked and one run made.

    A provider that cannot run it gives way to the next one, which is logged. Raise `ModelError` with what is wrong and
    with which file.
    """
    manifest = read_manifest(path)
    graph = _read_graph(path.parent / manifest.file, manifest)
    wanted = runtime or Runtime()
    return first_that_works(
        choose_providers(wanted.providers),
        lambda providers: _start(manifest, graph, replace(wanted, providers=providers)),
    )


def check_interface(manifest: Manifest, like: Manifest) -> None:
    """Raise `ModelError` unless whoever gives its inputs to the model of `like` can give them to that of `manifest`.

    A model has as many states as it likes, and whoever reads its outputs knows which of them may be missing. It may be
    without an input that the parameter `newer_inputs` of `like` names (a word each): an older one was.
    """
    given = {tensor.name: tensor for tensor in like.inputs}
    for tensor in manifest.inputs:
        known = given.pop(tensor.name, None)
        if known is None and not tensor.state:
            raise _unfit(manifest, like, f"it asks for the input {tensor.name!r}, which nobody gives it")
        if known and known.dtype != tensor.dtype:
            words = f"its input {tensor.name!r} is {tensor.dtype}, and {known.dtype} is what it is given"
            raise _unfit(manifest, like, words)
    newer = str(like.parameters.get("newer_inputs", "")).split()
    for tensor in given.values():
        if not tensor.state and tensor.name not in newer:
            raise _unfit(manifest, like, f"it has no input {tensor.name!r}")


def first_that_works(providers: Sequence[str], start: Callable[[Sequence[str]], _T]) -> _T:
    """What `start` makes of all `providers`, or else of all but the best, and so on; the last one's error escapes."""
    for count, provider in enumerate(providers[:-1]):
        try:
            return start(providers[count:])
        except ModelError as error:
            _log.warning("%s cannot be used, %s is tried instead: %s", provider, providers[count + 1], error)
    return start(providers[-1:])


def read_manifest(path: Path) -> Manifest:
    """The manifest in the file `path`; raise `ModelError` that names the file and what is wrong in it."""
    try:
        return decode_manifest(path.read_bytes())
    except OSError as error:
        raise ModelError(f"manifest {path} cannot be read: {error.strerror}") from error
    except InvalidManifestError as error:
        raise ModelError(f"{path}: {error}") from error


def _unfit(manifest: Manifest, like: Manifest, words: str) -> ModelError:
    whose = f"{like.name} {like.version}"
    return ModelError(f"model {manifest.name} {manifest.version}: {words}; it has to be built anew, like {whose}")


def _start(manifest: Manifest, graph: bytes, runtime: Runtime) -> Model:
    model = Model(manifest, graph, runtime)
    _self_test(model)
    return model


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
    try:
        return np.zeros(sizes, tensor.dtype)
    except TypeError as error:
        raise ModelError(
            f"model {manifest.name}: input {tensor.name!r}: {tensor.dtype} is no type known here"
        ) from error


def _test_size(dimension: str, manifest: Manifest) -> int:
    size = manifest.parameters.get(f"test_{dimension}", _TEST_SIZE)
    return size if isinstance(size, int) else _TEST_SIZE
