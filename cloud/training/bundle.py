"""A graph and its paper, as the two files that a device reads.

A graph's module calls `bundle(model, name=..., task=..., ...)`: tensors and digest of the manifest are taken from the
graph itself, so they cannot disagree with it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import onnx

from contract.manifest import Manifest, Provenance, Tensor, encode_manifest

Parameters = Mapping[str, float | int | str | list[float]]
_DTYPES: Final[dict[int, str]] = {
    onnx.TensorProto.FLOAT: "float32",
    onnx.TensorProto.UINT8: "uint8",
    onnx.TensorProto.UINT16: "uint16",
    onnx.TensorProto.INT64: "int64",
    onnx.TensorProto.INT32: "int32",
    onnx.TensorProto.BOOL: "bool",
}


@dataclass(frozen=True, kw_only=True)
class TensorNote:
    """What the graph alone does not say about one of its inputs or outputs."""

    meaning: str
    unit: str = ""
    state: bool = False


@dataclass(frozen=True, kw_only=True)
class Card:
    """What the manifest says beyond the graph: see `contract.manifest.Manifest` for each field."""

    name: str
    version: str
    task: str
    provenance: Provenance
    notes: Mapping[str, TensorNote]
    """One for each input and output, by name."""
    classes: tuple[str, ...] = ()
    label_set: str = ""
    rate_hz: float | None = None
    metrics: Mapping[str, float] | None = None
    parameters: Parameters | None = None
    limits: str = ""


@dataclass(frozen=True)
class Bundle:
    """The two files of one model, by content."""

    manifest: Manifest
    graph: bytes

    def files(self) -> dict[str, bytes]:
        """File name to content: the graph, and the manifest beside it."""
        return {self.manifest.file: self.graph, f"{Path(self.manifest.file).stem}.json": encode_manifest(self.manifest)}


def bundle(model: onnx.ModelProto, card: Card) -> Bundle:
    """Check `model` and serialise it with its manifest; raise `ValueError` if the notes do not fit its tensors."""
    onnx.checker.check_model(model, full_check=True)
    values = {value.name for value in (*model.graph.input, *model.graph.output)}
    if values != card.notes.keys():
        raise ValueError(f"model {card.name}: notes and tensors differ: {sorted(values ^ card.notes.keys())}")
    graph = model.SerializeToString(deterministic=True)
    manifest = Manifest(
        name=card.name,
        version=card.version,
        task=card.task,
        file=f"{card.name}.onnx",
        sha256=hashlib.sha256(graph).hexdigest(),
        inputs=[_tensor(value, card.notes[value.name]) for value in model.graph.input],
        outputs=[_tensor(value, card.notes[value.name]) for value in model.graph.output],
        classes=list(card.classes),
        label_set=card.label_set,
        rate_hz=card.rate_hz,
        provenance=card.provenance,
        metrics=dict(card.metrics or {}),
        parameters=dict(card.parameters or {}),
        limits=card.limits,
    )
    return Bundle(manifest, graph)


def _tensor(value: onnx.ValueInfoProto, note: TensorNote) -> Tensor:
    kind = value.type.tensor_type
    shape = [size.dim_param or size.dim_value for size in kind.shape.dim]
    dtype = _DTYPES[kind.elem_type]
    return Tensor(name=value.name, dtype=dtype, shape=shape, unit=note.unit, meaning=note.meaning, state=note.state)
