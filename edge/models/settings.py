"""Where models come from and what they may run on."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

Provider = Literal["CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"]
DetectorProvider = Literal[
    "auto",
    "TensorrtExecutionProvider",
    "CUDAExecutionProvider",
    "XnnpackExecutionProvider",
    "ACLExecutionProvider",
    "CPUExecutionProvider",
]


class ModelSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[models]` table."""

    folder: Annotated[
        str,
        Meta(
            max_length=4096,
            description="Folder with models of your own (a manifest `*.json` beside each `*.onnx`): detectors, and "
            "what takes the place of the bundled models of the same task. `afferent edge model add` installs into it; "
            "empty takes `models` in the state folder.",
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
    detector_providers: Annotated[
        tuple[DetectorProvider, ...],
        Meta(
            min_length=1,
            max_length=6,
            description="What may run the optional detectors, best first; `auto` stands for the best that this machine "
            "has, and one that cannot run a model gives way to the next.",
        ),
    ] = ("auto",)
    detector_threads: Annotated[
        int, Meta(ge=1, le=16, description="Threads of the processor that one run of a detector may take.")
    ] = 1

    def folder_in(self, state: Path) -> Path:
        """The folder of models of one's own, where `state` is the state folder."""
        return Path(self.folder).expanduser() if self.folder else state / "models"
