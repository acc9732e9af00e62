"""How a detector wants its picture and how its answer is read: what a manifest's `parameters` say, checked."""

from dataclasses import dataclass
from typing import Any, Final, Literal, cast, get_args

from contract.manifest import Manifest, Tensor
from edge.core.errors import ModelError

Kind = Literal["yunet", "yolox", "rtdetr", "classifier"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
TASKS: Final[dict[str, tuple[Kind, ...]]] = {
    "faces": ("yunet", "yolox", "rtdetr"),
    "objects": ("yolox", "rtdetr"),
    "expressions": ("classifier",),
}
"""What may be installed, and the kinds that can do it."""
STRIDES: Final = (8, 16, 32)
_SIDES: Final = 16, 2048
_RANK: Final = 4
_LARGEST: Final = 1e6
Parameters = dict[str, float | int | str | list[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The picture: `size` (width, height), `channels` (3, or 1 for grey), `rgb` or BGR order, each value of 0..255
    taken times `scale`, less `mean`, over `std`; kept in shape and padded with `pad` if `letterbox`, else stretched.

    The answer: `strides` of the cells, whether YOLOX boxes are `decoded`, which `activation` logits need, the unit of
    `boxes`, and how much two boxes of one class may overlap.
    """

    kind: Kind
    image: Tensor
    size: tuple[int, int]
    channels: int
    rgb: bool
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    letterbox: bool
    pad: int
    strides: tuple[int, ...]
    decoded: bool
    activation: str
    boxes: str
    max_overlap: float


def read_recipe(manifest: Manifest) -> Recipe:
    """The recipe in `manifest`; raise `ModelError` that names the parameter or tensor that will not do."""
    said = _Said(manifest)
    kind = said.word("kind", KINDS)
    image = image_of(manifest.name, manifest.inputs)
    channels, height, width = image.shape[1:]
    return Recipe(
        kind=cast("Kind", kind),
        image=image,
        size=(said.side("width", width), said.side("height", height)),
        channels=channels if isinstance(channels, int) else 3,
        rgb=said.word("channel_order", ("bgr", "rgb")) == "rgb",
        scale=said.number("scale", 1.0),
        mean=said.per_channel("mean", 0.0, channels),
        std=said.per_channel("std", 1.0, channels),
        letterbox=said.word("fit", ("letterbox", "stretch")) == "letterbox",
        pad=int(min(max(said.number("pad", 0), 0), 255)),
        strides=tuple(max(int(stride), 1) for stride in said.numbers("strides", STRIDES)),
        decoded=said.number("decoded", 0) != 0,
        activation=said.word("activation", ("sigmoid", "softmax", "none")),
        boxes=said.word("boxes", ("pixels", "shares")),
        max_overlap=said.number("max_overlap", 0.45),
    )


def image_of(name: str, inputs: list[Tensor]) -> Tensor:
    """The input that takes the picture: [1, channels, height, width]; raise `ModelError` if there is none."""
    for tensor in inputs:
        if not _is_picture(tensor):
            continue
        if tensor.dtype not in {"float32", "uint8"}:
            raise ModelError(f"model {name}: its picture {tensor.name!r} is {tensor.dtype}, not float32 or uint8")
        return tensor
    shapes = ", ".join(f"{tensor.name} {tensor.shape}" for tensor in inputs) or "none"
    raise ModelError(f"model {name}: no input is a picture [1, 3 or 1, height, width]; it has {shapes}")


def _is_picture(tensor: Tensor) -> bool:
    one = len(tensor.shape) == _RANK and (tensor.shape[0] == 1 or isinstance(tensor.shape[0], str))
    return one and tensor.shape[1] in {1, 3}


class _Said:
    """The parameters of a manifest, read one by one."""

    def __init__(self, manifest: Manifest) -> None:
        self._name = manifest.name
        self._parameters = manifest.parameters

    def word(self, key: str, allowed: tuple[str, ...]) -> str:
        """One of `allowed`; the first where nothing is said, but for `kind`, which must be."""
        value = self._parameters.get(key, None if key == "kind" else allowed[0])
        if value not in allowed:
            raise self._wrong(key, value, f"must be {' or '.join(allowed)}")
        return str(value)

    def number(self, key: str, default: float) -> float:
        """A number, not absurdly large."""
        return self.numbers(key, (default,))[0]

    def numbers(self, key: str, default: tuple[float, ...]) -> tuple[float, ...]:
        """One or several numbers, not absurdly large."""
        value: Any = self._parameters.get(key, list(default))
        found = value if isinstance(value, list) else [value]
        if not found or not all(isinstance(one, int | float) and abs(one) <= _LARGEST for one in found):
            raise self._wrong(key, value, "must be a number or several, none above a million")
        return tuple(found)

    def per_channel(self, key: str, default: float, channels: int | str) -> tuple[float, ...]:
        """One number for all channels, or one for each."""
        found = self.numbers(key, (default,))
        if len(found) not in {1, channels} or (key == "std" and 0 in found):
            raise self._wrong(key, list(found), f"must be one number or {channels}, and `std` not 0")
        return found

    def side(self, key: str, fixed: int | str) -> int:
        """A side of the picture in pixels: the graph's own, or the manifest's where the graph leaves it open."""
        side = fixed if isinstance(fixed, int) else int(self.number(key, 0))
        if not _SIDES[0] <= side <= _SIDES[1]:
            raise self._wrong(key, side, f"must be {_SIDES[0]} to {_SIDES[1]} pixels")
        return side

    def _wrong(self, key: str, value: object, words: str) -> ModelError:
        return ModelError(f"model {self._name}: $.parameters.{key}: {value!r} {words}")
