"""Where models come from and what they may run on."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Provider = Literal["CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"]


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[models]` table."""

    folder: Annotated[
        str,
        Meta(
            max_length=4096,
            description="Folder with models of your own (a manifest `*.json` beside each `*.onnx`) that take the place "
            "of the bundled ones of the same task; empty for none.",
        ),
    ] = ""
    providers: Annotated[
        tuple[Provider, ...],
        Meta(
            min_length=1,
            max_length=3,
            description="What may run the models, best first; what this machine's onnxruntime lacks is passed over. "
            "The bundled models are so small that the CPU is usually quickest.",
        ),
    ] = ("CPUExecutionProvider",)
