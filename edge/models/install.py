"""Installs a model into the operator's folder, whole or not at all, and takes it out again."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from contract.manifest import Manifest, Tensor, encode_manifest
from edge.core.errors import ModelError
from edge.models.download import Limits, bring
from edge.models.loading import load_model, read_manifest
from edge.models.session import Model, Runtime, read_tensors

_ROOM: Final = ".incoming-"
_LOCK: Final = ".installing"


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A graph whose digest was right, and what goes in and comes out of it."""

    graph: bytes
    sha256: str
    inputs: list[Tensor]
    outputs: list[Tensor]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be installed: from where, with which digest (needed for a URL), and two who know its task: `describe`
    writes its manifest, `prove` tries it; both raise `ModelError` if it will not do."""

    source: str
    sha256: str
    describe: Callable[[Opened], Manifest]
    prove: Callable[[Model], None]
    limits: Limits


def install(order: Order, folder: Path, runtime: Runtime, now_ns: Callable[[], int]) -> tuple[Manifest, str]:
    """Install into `folder`, which is made if need be; return the manifest and the provider that ran the self-test.

    A model of the same name is replaced. Raise `ModelError` in words for an operator; then nothing has changed.
    """
    try:
        with _alone(folder), tempfile.TemporaryDirectory(prefix=_ROOM, dir=folder) as room:
            return _install(order, folder, Path(room), runtime, now_ns)
    except OSError as error:
        raise ModelError(f"{error.filename or folder}: {error.strerror}; run this as the appliance's user") from error


def remove(folder: Path, name: str) -> Manifest:
    """Take the model `name` out of `folder` and return its manifest; raise `ModelError` if there is none."""
    try:
        with _alone(folder):
            path = next((path for path in _manifests(folder) if _named(path, name)), None)
            if path is None:
                raise ModelError(f"there is no model {name!r} in {folder}; see `afferent edge model list`")
            manifest = read_manifest(path)
            path.unlink()
            _drop_graph(folder, manifest.file)
            return manifest
    except OSError as error:
        raise ModelError(f"{error.filename or folder}: {error.strerror}; run this as the appliance's user") from error


def _install(
    order: Order, folder: Path, room: Path, runtime: Runtime, now_ns: Callable[[], int]
) -> tuple[Manifest, str]:
    incoming = room / "graph"
    digest = bring(order.source, incoming, sha256=order.sha256, limits=order.limits, now_ns=now_ns)
    graph = incoming.read_bytes()
    inputs, outputs = read_tensors(graph, Path(order.source).name)
    manifest = order.describe(Opened(graph=graph, sha256=digest, inputs=inputs, outputs=outputs))
    manifest = msgspec.structs.replace(manifest, file=f"{manifest.name}-{digest[:12]}.onnx", sha256=digest)
    incoming.rename(room / manifest.file)
    _write_durably(room / f"{manifest.name}.json", encode_manifest(manifest))
    model = load_model(room / f"{manifest.name}.json", runtime)
    order.prove(model)
    _place(room, folder, manifest)
    return manifest, model.provider


def _place(room: Path, folder: Path, manifest: Manifest) -> None:
    """Graph first: a manifest that is there has its graph beside it at every moment."""
    old = [read_manifest(path).file for path in _manifests(folder) if _named(path, manifest.name)]
    _sync(room / manifest.file)
    (room / manifest.file).replace(folder / manifest.file)
    _sync(folder)
    (room / f"{manifest.name}.json").replace(folder / f"{manifest.name}.json")
    _sync(folder)
    for file in old:
        if file != manifest.file:
            _drop_graph(folder, file)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One installer at a time; what a killed one left behind is swept away."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob(f"{_ROOM}*"):
            shutil.rmtree(left)
        yield


def _manifests(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"))


def _named(path: Path, name: str) -> bool:
    try:
        return read_manifest(path).name == name
    except ModelError:
        return False


def _drop_graph(folder: Path, file: str) -> None:
    """Remove a graph that no manifest names any more."""
    for path in _manifests(folder):
        try:
            if read_manifest(path).file == file:
                return
        except ModelError:
            continue
    (folder / file).unlink(missing_ok=True)


def _write_durably(path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
