"""One graph, ready to run: onnxruntime held to few threads, and to what the manifest says goes in and comes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from contract.manifest import Manifest, Tensor
from edge.core.errors import ModelError

_ENOUGH: Final = "1.24"
"""Has minima and maxima of bytes, which the bundled motion model looks for."""
CPU: Final = "CPUExecutionProvider"
AUTO: Final = "auto"
BEST_FIRST: Final = (
    "TensorrtExecutionProvider",
    "CUDAExecutionProvider",
    "XnnpackExecutionProvider",
    "ACLExecutionProvider",
    CPU,
)
"""What `auto` stands for: special hardware, then what is quick on small processors, then what always works."""
_DTYPES: Final[dict[str, str]] = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(uint8)": "uint8",
    "tensor(uint16)": "uint16",
    "tensor(int32)": "int32",
    "tensor(int64)": "int64",
    "tensor(bool)": "bool",
}
Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What runs a graph: providers, best first (`auto` stands for the best there are), and how many threads.

    `cache` is where a provider may keep what it made of a graph: TensorRT takes minutes to make it.
    """

    providers: Sequence[str] = (CPU,)
    threads: int = 1
    cache: Path | None = None


class Model:
    """A verified graph with its manifest.

    `run` lets go of the interpreter lock, creating a model does not: create models before anything is live.
    One instance belongs to one thread at a time.
    """

    def __init__(self, manifest: Manifest, graph: bytes, runtime: Runtime | None = None) -> None:
        """Load `graph`; raise `ModelError` if it is no graph or its tensors are not those of `manifest`."""
        self.manifest = manifest
        wanted = runtime or Runtime()
        providers = [(name, provider_options(name, wanted)) for name in choose_providers(wanted.providers)]
        try:
            self._session = ort.InferenceSession(graph, _options(wanted.threads), providers=providers)
        except Exception as error:  # onnxruntime raises a dozen types of its own, all of which mean: not usable
            words = f"model {manifest.name}: {manifest.file} is not a graph that can run"
            raise ModelError(f"{words}{_too_old(error)}: {error}") from error
        _compare(manifest.name, "input", manifest.inputs, self._session.get_inputs())
        _compare(manifest.name, "output", manifest.outputs, self._session.get_outputs())
        self._outputs = [tensor.name for tensor in manifest.outputs]

    @property
    def provider(self) -> str:
        """The execution provider that runs most of the graph."""
        chosen: str = self._session.get_providers()[0]
        return chosen

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run once on arrays as the manifest describes them; raise `ModelError` if the graph refuses them."""
        try:
            values = self._session.run(self._outputs, dict(inputs))
        except Exception as error:  # see __init__
            raise ModelError(f"model {self.manifest.name} cannot run: {error}") from error
        return dict(zip(self._outputs, values, strict=True))

    def bind(self, inputs: Mapping[str, Array], outputs: Mapping[str, Array]) -> "Binding":
        """Tie the graph to arrays that stay where they are: the hot path, without a copy or an allocation per run."""
        return Binding(self.manifest.name, self._session, inputs, outputs)


class Binding:
    """A model tied to arrays: fill the inputs in place, `run`, read the outputs in place.

    Arrays are contiguous and of exactly the dtype and shape that the graph has for them. No output may be an input
    of the same binding.
    """

    def __init__(self, name: str, session: Any, inputs: Mapping[str, Array], outputs: Mapping[str, Array]) -> None:
        self._name = name
        self._session = session
        self._kept = (*inputs.values(), *outputs.values())
        self._binding = session.io_binding()
        try:
            self._tie(inputs, outputs)
        except RuntimeError as error:  # what onnxruntime raises for a name that the graph does not have
            raise ModelError(f"model {name} has not the tensors that are asked of it: {error}") from error

    def run(self) -> None:
        """Run once from the bound inputs into the bound outputs; raise `ModelError` if the graph fails."""
        try:
            self._session.run_with_iobinding(self._binding)
        except Exception as error:  # see Model
            raise ModelError(f"model {self._name} cannot run: {error}") from error

    def _tie(self, inputs: Mapping[str, Array], outputs: Mapping[str, Array]) -> None:
        for key, array in inputs.items():
            self._binding.bind_cpu_input(key, _contiguous(key, array))
        for key, array in outputs.items():
            kept = _contiguous(key, array)
            self._binding.bind_output(key, "cpu", 0, kept.dtype.type, kept.shape, kept.ctypes.data)


def choose_providers(allowed: Sequence[str]) -> list[str]:
    """What of `allowed` this onnxruntime has, in that order, and the CPU after all else."""
    present = ort.get_available_providers()
    wanted = [one for name in allowed for one in (BEST_FIRST if name == AUTO else (name,))]
    chosen = [name for name in dict.fromkeys(wanted) if name in present]
    return chosen if CPU in chosen else [*chosen, CPU]


def provider_options(name: str, runtime: Runtime) -> dict[str, str]:
    """What a provider is told. XNNPACK has threads of its own; TensorRT keeps its engines where it has a place."""
    if name == "XnnpackExecutionProvider":
        return {"intra_op_num_threads": str(runtime.threads)}
    if name == "TensorrtExecutionProvider" and runtime.cache:
        return {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(runtime.cache)}
    return {}


def read_tensors(graph: bytes, name: str) -> tuple[list[Tensor], list[Tensor]]:
    """The inputs and outputs of `graph`, as a manifest writes them; a size without a name is called `any`.

    Raise `ModelError`, naming `name`, if it is no graph that onnxruntime can load here.
    """
    try:
        session = ort.InferenceSession(graph, _options(1), providers=[CPU])
    except Exception as error:  # see Model
        raise ModelError(f"{name} is not an ONNX graph that can run here: {error}") from error
    return [_tensor(found) for found in session.get_inputs()], [_tensor(found) for found in session.get_outputs()]


def _too_old(error: Exception) -> str:
    """What to say of an onnxruntime that does not know some node of a graph for some type."""
    if "NOT_IMPLEMENTED" not in str(error):
        return ""
    return f" with onnxruntime {ort.__version__} (the bundled models want {_ENOUGH} or later)"


def _tensor(found: Any) -> Tensor:
    shape = [size if isinstance(size, int | str) else "any" for size in found.shape]
    return Tensor(name=found.name, dtype=_DTYPES.get(found.type, found.type), shape=shape)


def _options(threads: int) -> ort.SessionOptions:
    """No spinning; with one thread it is the caller's own. Nodes run in the order in which they were written.

    That order keeps what was just made near the processor; onnxruntime's own makes all of the like first.

    Not `session.set_denormal_as_zero`: on a single thread it changes the caller's own arithmetic, and for good. Graphs
    keep their states away from denormal numbers instead.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_order = ort.ExecutionOrder.PRIORITY_BASED
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 4
    return options


def _compare(name: str, side: str, promised: list[Tensor], found: list[Any]) -> None:
    have = {arg.name: (_DTYPES.get(arg.type, arg.type), _shape(arg.shape)) for arg in found}
    want = {tensor.name: (tensor.dtype, _shape(tensor.shape)) for tensor in promised}
    for tensor, shape in want.items():
        if tensor not in have:
            raise ModelError(f"model {name}: the manifest promises the {side} {tensor!r}, the graph has none")
        if have[tensor] != shape:
            raise ModelError(f"model {name}: {side} {tensor!r} is {have[tensor]}, the manifest says {shape}")
    if unknown := sorted(have.keys() - want.keys()):
        raise ModelError(f"model {name}: the graph has the {side} {unknown[0]!r}, the manifest does not")


def _shape(dims: Sequence[int | str | None]) -> list[int | None]:
    """Sizes that are fixed; a free dimension is None, whatever it is called."""
    return [size if isinstance(size, int) else None for size in dims]


def _contiguous(key: str, array: Array) -> Array:
    if not array.flags.c_contiguous:
        raise ModelError(f"the array for {key!r} is not contiguous")
    return np.asarray(array)
