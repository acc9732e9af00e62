"""The paper that comes with a model: what goes in, what comes out, where it comes from, how good it was found."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from contract.errors import InvalidManifestError
from contract.ids import Id

Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="SHA-256, lower-case hex")]


class Tensor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One input or output of a graph. A `state` output of one run is the input of the same stem in the next."""

    name: str
    dtype: str
    shape: list[int | str]
    unit: str = ""
    meaning: str = ""
    state: bool = False


class Provenance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a model comes from: the recipe that builds it and the recordings, with licences, that it learned from."""

    built_by: str
    recipe: str
    data: list[str] = []
    licence: str = "Apache-2.0"


class Manifest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device must know of a model without opening it. `classes` are in the order of the probability output."""

    v: int = 1
    name: Id
    version: str
    task: Id
    file: str
    sha256: Digest
    inputs: list[Tensor]
    outputs: list[Tensor]
    classes: list[str] = []
    label_set: str = ""
    rate_hz: float | None = None
    provenance: Provenance
    metrics: dict[str, float] = {}
    parameters: dict[str, float | int | str | list[float]] = {}
    limits: str = ""


def decode_manifest(raw: bytes) -> Manifest:
    """Read a manifest from JSON; raise `InvalidManifestError` that names the field if it is malformed."""
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidManifestError(f"manifest: {error}") from error
    if "/" in manifest.file or manifest.file.startswith("."):
        raise InvalidManifestError(
            f"manifest: $.file: {manifest.file!r:.80} must be a plain file name beside the manifest"
        )
    return manifest


def encode_manifest(manifest: Manifest) -> bytes:
    """A manifest as indented JSON with a final newline; the same manifest gives the same bytes."""
    plain: Any = msgspec.to_builtins(manifest)
    return msgspec.json.format(msgspec.json.encode(plain, order="deterministic"), indent=2) + b"\n"
