"""What `afferent edge model` does: an operator's words in, lines for an operator out."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from contract.manifest import Manifest
from edge.core.clock import SystemClock
from edge.core.errors import ModelError
from edge.models.download import Limits, plain
from edge.models.install import Opened, Order, install
from edge.models.loading import load_model, read_manifest
from edge.models.session import Runtime
from edge.models.settings import ModelSettings
from edge.models.store import Installed, ModelStore
from edge.vision.detect.papers import Asked, describe, name_from, prove, read_labels, read_parameter
from edge.vision.detect.recipe import Kind


@dataclass(frozen=True, kw_only=True)
class Words:
    """The command line of `model add`."""

    source: str
    sha256: str = ""
    task: str | None = None
    kind: Kind | None = None
    labels: str = ""
    name: str = ""
    licence: str = "unknown"
    said: tuple[str, ...] = ()
    manifest: Path | None = None


def add_model(words: Words, models: ModelSettings, state: Path, limits: Limits | None = None) -> Iterator[str]:
    """Install what `words` say, within `limits`; lines about what came of it.

    Raise `ModelError` that says what is wrong; then nothing has changed.
    """
    folder = models.folder_in(state)
    given = read_manifest(words.manifest) if words.manifest else None
    write = partial(_adopt, words, given) if given else partial(describe, _asked(words))
    order = Order(source=words.source, sha256=words.sha256, describe=write, prove=prove, limits=limits or Limits())
    manifest, provider = install(order, folder, _runtime(models), SystemClock().mono_ns)
    yield f"Installed {manifest.name} {manifest.version} for {manifest.task} in {folder}; it ran on {provider}."
    yield f"SHA-256 {manifest.sha256}; licence: {manifest.provenance.licence}."
    used = next(one.manifest for one in ModelStore.of(models, state).installed() if _does(one, manifest.task))
    if used.name != manifest.name:
        yield f"But {used.name} stays in use for {used.task}, until: afferent edge model remove {used.name}"


def list_models(models: ModelSettings, state: Path) -> Iterator[str]:
    """A line for each model of the operator's folder, and one for each problem there."""
    store = ModelStore.of(models, state)
    installed = store.installed()
    for one in installed:
        yield _line(one, _runtime(models))
    yield from store.problems
    if not installed:
        yield f"No model is installed in {models.folder_in(state)}; see: afferent edge model add --help"


def _line(one: Installed, runtime: Runtime) -> str:
    manifest = one.manifest
    try:
        state = f"runs on {load_model(one.path, runtime).provider}" if one.used else "another model is used instead"
    except ModelError as error:
        state = f"does not work: {error}"
    kind = manifest.parameters.get("kind", "")
    named = f"{manifest.name}  {manifest.version}  {manifest.task}  {kind}".rstrip()
    return f"{named}  licence {manifest.provenance.licence}: {state}"


def _does(one: Installed, task: str) -> bool:
    return one.used and one.manifest.task == task


def _asked(words: Words) -> Asked:
    """What the command line says, checked for what is missing."""
    if words.task is None or words.kind is None:
        raise ModelError("say what it is to do and how its answer is read: --task and --kind, or --manifest FILE")
    classes, probes = read_labels(words.labels) if words.labels else ([], {})
    return Asked(
        task=words.task,
        kind=words.kind,
        name=_checked_name(words.name) or name_from(words.source),
        source=plain(words.source),
        licence=words.licence,
        classes=classes,
        parameters={**probes, **dict(read_parameter(text) for text in words.said)},
    )


def _adopt(words: Words, manifest: Manifest, opened: Opened) -> Manifest:
    """A manifest that came with the model: it must be that of this very graph, and of what was said besides."""
    if manifest.sha256 != opened.sha256:
        raise ModelError(f"the manifest is of another graph: it says {manifest.sha256}, the graph has {opened.sha256}")
    for what, wanted, found in (
        ("task", words.task, manifest.task),
        ("kind", words.kind, manifest.parameters.get("kind")),
    ):
        if wanted and wanted != found:
            raise ModelError(f"--{what} says {wanted}, the manifest {found}")
    return msgspec.structs.replace(manifest, name=_checked_name(words.name) or manifest.name)


def _checked_name(name: str) -> str:
    if name and name_from(f"{name}.onnx") != name:
        raise ModelError(f"--name {name!r}: write 1 to 64 letters, digits, dots, dashes or underscores, a letter first")
    return name


def _runtime(models: ModelSettings) -> Runtime:
    return Runtime(providers=models.detector_providers, threads=models.detector_threads)
