#!/usr/bin/env python3
"""Makes a Raspberry Pi with Raspberry Pi OS an appliance that runs for a year: camera, watchdog, serial line, zram, and
on demand a root that nothing is written to. Needs nothing but Python; run again, it changes nothing.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
KEPT: Final = (
    "var/lib/afferent",
    "var/log/journal",
    "opt/afferent",
    "etc/afferent",
    "var/lib/systemd",
    "var/lib/bluetooth",
)
"""What lies on the data partition: state, journal, releases, settings, the clock of the last boot, paired straps."""
_DATA: Final = "LABEL=afferent-data /data ext4 noatime,nofail,x-systemd.device-timeout=30s,x-systemd.growfs 0 2"
_BIND: Final = "/data/{0} /{0} none bind,nofail,x-systemd.requires-mounts-for=/data 0 0"
_BEGIN, _END = "# afferent: begin, kept by apply.py", "# afferent: end"
_OVERLAY: Final = "overlayroot=tmpfs:recurse=0"
"""`recurse=0`: else what is mounted below the root, the data partition too, would be in memory and gone at the end."""
_MEMORY: Final = ("cgroup_enable=memory", "cgroup_memory=1")
"""Raspberry Pi OS comes without; the unit's limits would be silently ignored."""
_CONSOLES: Final = ("console=serial0,115200", "console=ttyAMA0,115200", "console=ttyS0,115200")
_SWAP_FILE: Final = "etc/systemd/system/dphys-swapfile.service"


class RefusedError(Exception):
    """Why nothing was changed, and what to do first."""


@dataclass(frozen=True)
class Wish:
    """What this Pi shall be."""

    root: Path
    uart: bool
    data: bool
    read_only: bool

    @property
    def boot(self) -> str:
        """Where the boot partition is: since Debian 12 in a folder of its own."""
        return "boot/firmware" if (self.root / "boot/firmware/config.txt").is_file() else "boot"


@dataclass(frozen=True)
class Piece:
    """One file as it shall be; a `link` is a symbolic link, `text` None is no file at all."""

    path: str
    text: str | None
    link: bool = False

    def is_there(self, root: Path) -> bool:
        """Whether it is so already."""
        file = root / self.path
        if self.link:
            return file.is_symlink() and str(file.readlink()) == self.text
        return _read(file) == self.text and not file.is_symlink()

    def put(self, root: Path) -> None:
        """Make it so, whole or not at all."""
        file = root / self.path
        if self.text is None:
            file.unlink(missing_ok=True)
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        growing = file.with_name(file.name + ".new")
        growing.unlink(missing_ok=True)
        if self.link:
            growing.symlink_to(self.text)
        else:
            _write(growing, self.text)
            _give_mode_of(file, growing)
        growing.replace(file)


def main() -> int:
    """Apply, or with --check only tell. 0: all is as it shall be; 1: --check found something; 2: refused."""
    wish, check = _asked()
    try:
        _refuse_what_would_not_last(wish)
        pending = [piece for piece in pieces(wish) if not piece.is_there(wish.root)]
        if not check:
            _apply(wish, pending)
    except (RefusedError, OSError) as error:
        sys.stderr.write(f"refused: {error}\n")
        return 2
    for piece in pending:
        sys.stdout.write(f"{'would change' if check else 'changed'} /{piece.path}\n")
    sys.stdout.write("Reboot to make it so.\n" if pending and not check else "")
    sys.stdout.write("" if pending else "Nothing to change.\n")
    return 1 if pending and check else 0


def pieces(wish: Wish) -> Iterator[Piece]:
    """Every file that this has to do with, as it shall be."""
    boot = wish.boot
    for file in sorted((HERE / "etc").rglob("*.conf")):
        yield Piece(str(file.relative_to(HERE)), file.read_text(encoding="utf-8"))
    yield Piece(f"{boot}/afferent.txt", (HERE / "boot/afferent.txt").read_text(encoding="utf-8"))
    uart = (HERE / "boot/afferent-uart.txt").read_text(encoding="utf-8") if wish.uart else None
    yield Piece(f"{boot}/afferent-uart.txt", uart)
    drop_in = (HERE / "afferent-edge-uart.conf").read_text(encoding="utf-8") if wish.uart else None
    yield Piece("etc/systemd/system/afferent-edge.service.d/uart.conf", drop_in)
    yield Piece(_SWAP_FILE, "/dev/null", link=True)
    yield Piece(f"{boot}/config.txt", config_txt(_needed(wish.root / boot / "config.txt"), uart=wish.uart))
    yield Piece(f"{boot}/cmdline.txt", cmdline(_needed(wish.root / boot / "cmdline.txt"), wish))
    yield Piece("etc/fstab", fstab(_needed(wish.root / "etc/fstab"), data=wish.data))


def config_txt(text: str, *, uart: bool) -> str:
    """`config.txt` with our files included at its end, outside of every condition."""
    included = ["include afferent.txt", *(["include afferent-uart.txt"] if uart else [])]
    return _with_block(text, ["[all]", *included])


def cmdline(text: str, wish: Wish) -> str:
    """The kernel's one line: what we need is in it once, and what we do not want is not."""
    wanted = [*_MEMORY, *([_OVERLAY] if wish.read_only else [])]
    unwanted = _CONSOLES if wish.uart else ()
    kept = [word for word in text.split() if word not in (*wanted, *unwanted) and not word.startswith("overlayroot=")]
    found = [word for word in text.split() if word in wanted]
    missing = [word for word in wanted if word not in found]
    if not missing and len(kept) + len(found) == len(text.split()):
        return text
    return " ".join([*kept, *wanted]) + "\n"


def fstab(text: str, *, data: bool) -> str:
    """`fstab` with the data partition, and what lies on it at its usual places."""
    return _with_block(text, [_DATA, *(_BIND.format(path) for path in KEPT)] if data else [])


def _with_block(text: str, lines: list[str]) -> str:
    """`text` with our lines between marks at its end, in place of those that an earlier run put there."""
    before, mark, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2].removeprefix("\n") if mark else ""
    own = "\n".join([_BEGIN, *lines, _END, ""]) if lines else ""
    plain = before + after
    return plain + ("" if plain.endswith("\n") or not plain or not own else "\n") + own


def _refuse_what_would_not_last(wish: Wish) -> None:
    mounts = [line.split() for line in (_read(wish.root / "proc/mounts") or "").splitlines()]
    if any(words[1] == "/" and words[2] == "overlay" for words in mounts):
        raise RefusedError(
            f"the root is an overlay in memory now: take {_OVERLAY} out of /{wish.boot}/cmdline.txt and reboot"
        )
    needed = {"systemd-zram-generator": "usr/lib/systemd/system-generators/zram-generator"}
    if wish.read_only:
        needed["overlayroot"] = "usr/share/initramfs-tools/scripts/init-bottom/overlayroot"
    if absent := [name for name, file in needed.items() if not (wish.root / file).exists()]:
        raise RefusedError(f"packages are missing: apt-get install {' '.join(absent)}")
    if wish.data and wish.root == Path("/") and not any(words[1] == "/data" for words in mounts):
        raise RefusedError("the data partition is not mounted: mount -L afferent-data /data")
    if not wish.data and _BEGIN in _needed(wish.root / "etc/fstab"):
        _refuse_to_leave(wish.root / "data")
    for path in KEPT if wish.data else ():
        if _has_content(wish.root / path) and not _has_content(wish.root / "data" / path):
            raise RefusedError(
                f"/{path} is not on the data partition yet: cp -aT /{path} /data/{path}, with all stopped"
            )


def _refuse_to_leave(data: Path) -> None:
    if left := [path for path in KEPT if _has_content(data / path)]:
        raise RefusedError(
            f"/{left[0]} lies on the data partition: say --data, or give that up first "
            "(copy it all back, and take our lines out of /etc/fstab)"
        )


def _apply(wish: Wish, pending: list[Piece]) -> None:
    for path in KEPT if wish.data else ():
        (wish.root / path).mkdir(parents=True, exist_ok=True)
        _make_like(wish.root / path, wish.root / "data" / path)
    for piece in pending:
        piece.put(wish.root)
    os.sync()


def _make_like(there: Path, folder: Path) -> None:
    """The same owner, group and mode, or the journal could be read by nobody, and paired keys by everybody."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
        seen = there.stat()
        os.chown(folder, seen.st_uid, seen.st_gid)
        folder.chmod(seen.st_mode & 0o7777)


def _has_content(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def _read(file: Path) -> str | None:
    """What others wrote is kept byte for byte: whatever its encoding, however its lines end."""
    try:
        return file.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None


def _needed(file: Path) -> str:
    if (text := _read(file)) is None:
        raise RefusedError(f"{file} is not there: is this a Raspberry Pi with Raspberry Pi OS?")
    return text


def _write(file: Path, text: str) -> None:
    with file.open("wb") as stream:
        stream.write(text.encode("utf-8", "surrogateescape"))
        stream.flush()
        os.fsync(stream.fileno())


def _give_mode_of(old: Path, new: Path) -> None:
    """Only where it differs, for the boot partition knows no modes and may refuse."""
    if old.is_file() and (mode := old.stat().st_mode) != new.stat().st_mode:
        new.chmod(mode & 0o7777)


def _asked() -> tuple[Wish, bool]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit with 1 if something would change")
    parser.add_argument("--uart", action="store_true", help="a sensor board is on the pins 8 and 10")
    parser.add_argument("--data", action="store_true", help="keep state, journal and releases on the data partition")
    parser.add_argument("--read-only", action="store_true", help="write nothing to the root any more; implies --data")
    parser.add_argument("--root", type=Path, default=Path("/"), help="another root, such as a mounted card")
    given = parser.parse_args()
    data = given.data or given.read_only
    return Wish(root=given.root, uart=given.uart, data=data, read_only=given.read_only), given.check


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())
