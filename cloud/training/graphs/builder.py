"""A small language to write ONNX graphs in: each operation is a method that returns the name of its result.

`onnx.helper` wants every node's inputs, outputs and constants named by hand; here only what leaves the graph has a
name of ours. Numbers may stand where tensors are expected; equal constants are written once.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper

OPSET: Final = 17
"""Old enough for every onnxruntime that is still in use; minima and maxima of bytes came with its 1.24."""
IR_VERSION: Final = 8
FLOAT: Final = TensorProto.FLOAT
UINT8: Final = TensorProto.UINT8
UINT16: Final = TensorProto.UINT16
INT64: Final = TensorProto.INT64
BOOL: Final = TensorProto.BOOL

Value = str | float
Shape = Sequence[int | str]


class Graph:
    """One graph under construction. A value is known by its name; `model` closes it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, shape: Shape, dtype: int = FLOAT) -> str:
        """Declare an input of the graph."""
        self._inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, name: str, value: str, shape: Shape, dtype: int = FLOAT) -> None:
        """Declare that `value` leaves the graph under `name`."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, dtype, shape))

    def model(self) -> onnx.ModelProto:
        """The finished model: the same calls give the same bytes."""
        _rename_outputs(self._nodes, {value.name for value in self._outputs})
        initializers = list(self._constants.values())
        graph = helper.make_graph(self._nodes, self._name, self._inputs, self._outputs, initializers)
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="afferent")

    def constant(self, value: ArrayLike, dtype: str = "float32") -> str:
        """A constant tensor."""
        array = np.asarray(value, dtype)
        key = dtype, array.shape, array.tobytes()
        if key not in self._constants:
            self._constants[key] = numpy_helper.from_array(array, f"c{len(self._constants)}")
        return self._constants[key].name

    def op(self, kind: str, *inputs: Value, outputs: int = 1, **attributes: Any) -> Any:
        """Any ONNX operation; returns the name of its result, or a tuple of names if it has several."""
        at = len(self._nodes)
        names = [f"v{at}" if outputs == 1 else f"v{at}_{index}" for index in range(outputs)]
        sources = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        self._nodes.append(helper.make_node(kind, sources, names, **attributes))
        return names[0] if outputs == 1 else tuple(names)

    def add(self, a: Value, b: Value) -> str:
        """a + b."""
        return str(self.op("Add", a, b))

    def sub(self, a: Value, b: Value) -> str:
        """a - b."""
        return str(self.op("Sub", a, b))

    def mul(self, a: Value, b: Value) -> str:
        """a * b."""
        return str(self.op("Mul", a, b))

    def div(self, a: Value, b: Value) -> str:
        """a / b."""
        return str(self.op("Div", a, b))

    def max(self, *values: Value) -> str:
        """Elementwise maximum."""
        return str(self.op("Max", *values))

    def min(self, *values: Value) -> str:
        """Elementwise minimum."""
        return str(self.op("Min", *values))

    def abs(self, a: Value) -> str:
        """|a|."""
        return str(self.op("Abs", a))

    def distance(self, a: str, b: str) -> str:
        """|a - b| of bytes, which have no sign."""
        return self.sub(self.max(a, b), self.min(a, b))

    def sqrt(self, a: Value) -> str:
        """Square root."""
        return str(self.op("Sqrt", a))

    def complement(self, a: Value) -> str:
        """1 - a."""
        return self.sub(1.0, a)

    def greater(self, a: Value, b: Value) -> str:
        """1.0 where a > b, else 0.0: floats, for arithmetic is quicker than `Where`."""
        return self.cast(str(self.op("Greater", a, b)), FLOAT)

    def less(self, a: Value, b: Value) -> str:
        """1.0 where a < b, else 0.0."""
        return self.cast(str(self.op("Less", a, b)), FLOAT)

    def above(self, a: str, b: str) -> str:
        """Whether a > b, as a truth value."""
        return str(self.op("Greater", a, b))

    def no(self, a: str) -> str:
        """Not a, of truth values."""
        return str(self.op("Not", a))

    def both(self, a: str, b: str) -> str:
        """a and b, of truth values."""
        return str(self.op("And", a, b))

    def either(self, a: str, b: str) -> str:
        """a or b, of truth values."""
        return str(self.op("Or", a, b))

    def choose(self, which: str, yes: str, no: str) -> str:
        """`yes` where `which` is true, else `no`: for bytes, for with floats arithmetic is quicker."""
        return str(self.op("Where", which, yes, no))

    def cast(self, a: str, dtype: int) -> str:
        """To another type."""
        return str(self.op("Cast", a, to=dtype))

    def clip(self, a: str, low: Value, high: Value) -> str:
        """Into low..high."""
        return str(self.op("Clip", a, low, high))

    def concat(self, *values: str, axis: int = 1) -> str:
        """Side by side along `axis`."""
        return str(self.op("Concat", *values, axis=axis))

    def split(self, a: str, parts: int, axis: int = 1) -> tuple[str, ...]:
        """`parts` values of size 1 along `axis`."""
        sizes = self.constant([1] * parts, "int64")
        names: tuple[str, ...] = self.op("Split", a, sizes, outputs=parts, axis=axis)
        return names

    def sum(self, a: str, axes: Sequence[int]) -> str:
        """Sum over `axes`, which stay with size 1."""
        return str(self.op("ReduceSum", a, self.constant(axes, "int64"), keepdims=1))

    def mean_filter(self, a: str, size: int, *, at_once: bool = False) -> str:
        """Mean of a `size` x `size` neighbourhood; beyond the border there is nothing to count.

        `at_once` is quicker for a small neighbourhood in a single plane than first its rows and then its columns.
        """
        if at_once:
            return str(self.op("AveragePool", a, kernel_shape=[size, size], pads=[size // 2] * 4))
        rows = self.op("AveragePool", a, kernel_shape=[1, size], pads=[0, size // 2, 0, size // 2])
        return str(self.op("AveragePool", rows, kernel_shape=[size, 1], pads=[size // 2, 0, size // 2, 0]))

    def cell_means(self, a: str, size: int) -> str:
        """Mean of each `size` x `size` cell, cells side by side."""
        return str(self.op("AveragePool", a, kernel_shape=[size, size], strides=[size, size]))

    def dilate(self, a: str, size: int) -> str:
        """Greatest of a `size` x `size` neighbourhood."""
        return str(self.op("MaxPool", a, kernel_shape=[size, size], pads=[size // 2] * 4))


def _rename_outputs(nodes: list[onnx.NodeProto], outputs: set[str]) -> None:
    """Let the node that makes an output carry its name where it can, instead of an `Identity` that copies it."""
    for tail in [node for node in nodes if node.op_type == "Identity" and node.output[0] in outputs]:
        inner, outer = tail.input[0], tail.output[0]
        maker = next((node for node in nodes if inner in node.output), None)
        if maker is None or inner in outputs:
            continue
        nodes.remove(tail)
        for node in nodes:
            _replace(node.input, inner, outer)
            _replace(node.output, inner, outer)


def _replace(names: Any, old: str, new: str) -> None:
    for index, name in enumerate(names):
        if name == old:
            names[index] = new
