"""`make release`: builds and signs a bundle for a machine, which need not be this one."""

import platform
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.release import Kind, Release
from scripts.release.pack import new_key, read_key, write_bundle
from scripts.release.wheels import Machine, build_own, digest_of, download, own_requirement, pinned_in

ROOT: Final = Path(__file__).resolve().parent.parent
_LOCKS: Final[dict[str, str]] = {"edge": "device.txt", "cloud": "cloud.txt"}
_TESTS: Final[dict[str, list[list[str]]]] = {
    "edge": [["version"], ["edge", "check-config", "--config", "{config}"], ["edge", "release", "self-test"]],
    "cloud": [["version"], ["cloud", "--help"], ["cloud", "check-config", "--config", "{config}"]],
}
_PATH: Final = click.Path(path_type=Path)


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be built."""

    kind: Kind
    machine: Machine
    name: str
    """Empty takes the version."""
    lock: Path
    kept: Path
    """Where wheels are kept from one build to the next."""
    out: Path


@click.command(
    epilog="""\b
Examples:
  python -m scripts.build_release --new-key release.key
  python -m scripts.build_release --key release.key
  python -m scripts.build_release --key release.key --machine aarch64 --python 3.11
  python -m scripts.build_release --key release.key --kind cloud --release 0.1.1-rc1"""
)
@click.option("--key", type=_PATH, help="The key to sign with, as --new-key makes it.")
@click.option("--new-key", "made", type=_PATH, help="Only make a key here, and FILE.pub for the devices.")
@click.option("--kind", type=click.Choice(["edge", "cloud"]), default="edge", show_default=True)
@click.option("--machine", default=platform.machine(), show_default=True, help="As `uname -m` says it there.")
@click.option("--python", default="3.11", show_default=True, help="The Python that is there.")
@click.option("--lock", type=_PATH, help="Another lock, such as locks/jetson.txt.")
@click.option("--release", "name", default="", help="Its name, one for each build handed on; by default the version.")
@click.option("--out", type=_PATH, default=ROOT / "dist", help="Folder for the bundle.  [default: dist]")
@click.option("--wheels", type=_PATH, default=ROOT / "build" / "wheels", help="Where downloaded wheels are kept.")
def main(key: Path | None, made: Path | None, **said: Any) -> None:
    """Build a bundle: the wheels of the lock for a machine, our own, pip, the lock; signed.

    Wheels that were downloaded before are not downloaded again. Prints the bundle's path and SHA-256.
    """
    if made:
        _make_key(made)
        return
    if key is None:
        raise click.UsageError("a release is signed: --key FILE; --new-key FILE makes one")
    order = Order(
        kind=said["kind"],
        machine=Machine(name=said["machine"], python=said["python"]),
        name=said["name"],
        lock=said["lock"] or ROOT / "locks" / _LOCKS[said["kind"]],
        kept=said["wheels"],
        out=said["out"],
    )
    try:
        bundle = build(order, read_key(key), lambda words: click.echo(words, err=True))
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{bundle}\nsha256 {digest_of(bundle)}, {bundle.stat().st_size / 1e6:.0f} MB")


def build(order: Order, key: Ed25519PrivateKey, tell: Callable[[str], None]) -> Path:
    """Build one bundle and return its path; raise `CalledProcessError` if a wheel cannot be had or built."""
    pinned = pinned_in(order.lock.read_text(encoding="utf-8"), order.machine)
    installer = pinned_in(
        (Path(__file__).parent / "release" / "installer.txt").read_text(encoding="utf-8"), order.machine
    )
    kept = order.kept / f"{order.machine.name}-{order.machine.python}"
    tell(f"collecting {len(pinned)} wheels for {order.machine.name}, Python {order.machine.python}, in {kept}")
    wheels = download([*pinned, *installer], order.machine, kept)
    tell("building our own wheel")
    own = build_own(ROOT, order.kept / "own")
    requirement = own_requirement(own)
    lock = "\n".join(one.text for one in [*pinned, requirement]) + "\n"
    name = order.name or requirement.version
    about = Release(
        release=name,
        version=requirement.version,
        kind=order.kind,
        machine=order.machine.name,
        python=order.machine.python,
        built_s=int(_git("log", "-1", "--format=%ct") or 0),
        source=_git("describe", "--always", "--dirty", "--abbrev=12"),
        installed_bytes=0,
        self_test=_TESTS[order.kind],
        files=[],
    )
    tell(f"packing {name}")
    kind = "afferent" if order.kind == "edge" else f"afferent-{order.kind}"
    target = order.out / f"{kind}-{name}-{order.machine.name}.tar"
    write_bundle(target, about, [*wheels, own], lock.encode(), key)
    return target


def _make_key(path: Path) -> None:
    try:
        public = new_key(path)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}") from error
    click.echo(f"{path}: keep it, and keep it secret\n{public}: to the devices, into /etc/afferent/release-keys.d/")


def _git(*words: str) -> str:
    """What git says of these sources; empty where they are no repository."""
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            ["git", "-C", str(ROOT), *words],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip() if not done.returncode else ""


if __name__ == "__main__":
    main()
