"""The very first installation on a machine that has Python and nothing else: `python3 bootstrap.py BUNDLE stage`.

Unpacks the few wheels of the bundle that its own updater needs into a temporary folder, and runs that updater on the
bundle: there is one implementation of what is verified, and how it is installed. It must run before anything of the
bundle is verified, so whoever brings the bundle here for the first time is trusted; the updater itself then refuses a
bundle that no key in /etc/afferent/release-keys.d signed, and every later one.
"""

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    sys.path.pop(0)  # root runs this, maybe where others may put a tarfile.py beside it

import io
import os
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path

NEEDED = {"afferent", "click", "msgspec", "cryptography", "cffi", "pycparser"}
TAKES_BUNDLE = {"stage", "apply", "inspect"}
USAGE = "usage: python3 bootstrap.py BUNDLE stage|apply|inspect|status|... [OPTIONS]"


def main(bundle: str = "", command: str = "", *options: str) -> int:
    """Run `release COMMAND` with the code in the bundle; return its exit code."""
    if not command or bundle.startswith("-"):
        print(USAGE, file=sys.stderr)  # noqa: T201
        return 2
    with tempfile.TemporaryDirectory(prefix="afferent-") as folder:
        try:
            unpack(bundle, folder)
        except (OSError, tarfile.TarError, zipfile.BadZipFile) as error:
            print(f"Error: {bundle}: {error}", file=sys.stderr)  # noqa: T201
            return 1
        own = [str(Path(bundle).resolve())] if command in TAKES_BUNDLE else []
        environment = {**os.environ, "PYTHONPATH": folder, "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        run = [sys.executable, "-m", "edge.releases.cli", command, *own, *options]
        return subprocess.call(run, env=environment)  # noqa: S603 - the updater, with the words that came


def unpack(bundle: str, folder: str) -> None:
    """Put the wheels that the updater needs into `folder`, as Python finds them there."""
    with tarfile.open(bundle, "r:") as tar:
        for member in tar:
            content = tar.extractfile(member)
            name = Path(member.name).name
            if content and name.endswith(".whl") and name.split("-")[0] in NEEDED:
                with zipfile.ZipFile(io.BytesIO(content.read())) as wheel:
                    wheel.extractall(folder)  # noqa: S202 - zipfile keeps what it writes inside


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
