"""Build every model that comes with the appliance, from source, to the byte: `python -m cloud.training.build`."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cloud.training.bundle import Bundle

BUNDLED: Final = Path(__file__).resolve().parents[2] / "edge" / "models" / "bundled"
"""Where the edge looks for them. By path: the cloud does not import the edge."""
MODULES: Final = (
    "cloud.training.graphs.motion",
    "cloud.training.graphs.anomaly",
    "cloud.training.graphs.emotion",
    "cloud.training.graphs.voices",
)
"""Modules with `build() -> Bundle`; add a line to bundle a model more."""


def build_all(modules: Sequence[str] = MODULES) -> dict[str, bytes]:
    """The files of every bundled model: name to content."""
    files: dict[str, bytes] = {}
    for module in modules:
        made: Bundle = importlib.import_module(module).build()
        files |= made.files()
    return files


def differences(folder: Path, files: dict[str, bytes]) -> list[str]:
    """What keeps `folder` from being exactly `files`, one sentence each."""
    found = {path.name for path in folder.glob("*") if path.suffix in {".onnx", ".json"}}
    missing = [f"{name} is missing" for name in sorted(files.keys() - found)]
    surplus = [f"{name} is built by nothing" for name in sorted(found - files.keys())]
    changed = [
        f"{name} is not what its source builds"
        for name in sorted(found & files.keys())
        if (folder / name).read_bytes() != files[name]
    ]
    return missing + surplus + changed


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or with `--check` say whether those in the folder are the ones that would be written."""
    parser = argparse.ArgumentParser(prog="python -m cloud.training.build", description=__doc__)
    parser.add_argument("--out", type=Path, default=BUNDLED, help="folder to write to (default: the edge's own)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file differs")
    options = parser.parse_args(arguments)
    files = build_all()
    if options.check:
        wrong = differences(options.out, files)
        sys.stdout.writelines(f"{line}\n" for line in wrong or [f"{len(files)} files are what their source builds"])
        return 1 if wrong else 0
    options.out.mkdir(parents=True, exist_ok=True)
    for name, content in sorted(files.items()):
        (options.out / name).write_bytes(content)
        sys.stdout.write(f"{options.out / name}: {len(content)} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
