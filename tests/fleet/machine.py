"""What runs one host: joins its control groups and starts systemd-nspawn, again as often as the host asks to reboot.

Run inside the network's namespaces as `python -m tests.fleet.machine FOLDER NAME [nspawn options]`. It ends when the
host powers off or is killed; a power cut is a kill, so it does not come back by itself.
"""

import subprocess
import sys
from pathlib import Path

from tests.fleet import cgroups

_REBOOT = 133
_INIT = """#!/bin/sh
# systemd-nspawn leaves cgroup 1's trees read-only, and limits would be ignored without a word.
for tree in cpu cpuacct memory pids blkio devices freezer cpuset; do
    [ -d /sys/fs/cgroup/$tree ] && mount -o remount,bind,rw /sys/fs/cgroup/$tree
done
# A unit with a /proc of its own sees the boot of the machine, not the one that nspawn makes up: let all see the same.
umount /proc/sys/kernel/random/boot_id
exec /lib/systemd/systemd "$@"
"""


def main() -> int:
    """Boot, and boot again after each reboot; return what the last boot ended with."""
    folder, name, *options = Path(sys.argv[1]), sys.argv[2], *sys.argv[3:]
    root = folder / "root"
    if not (root / "etc").is_dir():
        _lay_over(Path((folder / "base").read_text()), folder)
    (root / "sbin/fleet-init").write_text(_INIT)
    (root / "sbin/fleet-init").chmod(0o755)
    cgroups.join([Path(line) for line in (folder / "cgroups").read_text().split()])
    while (ended := _boot(folder, name, options)) == _REBOOT:
        pass
    return ended


def _lay_over(base: Path, folder: Path) -> None:
    (folder / "root").mkdir(exist_ok=True)
    over = f"lowerdir={base},upperdir={folder}/upper,workdir={folder}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", over, str(folder / "root")], check=True)


def _boot(folder: Path, name: str, options: list[str]) -> int:
    argv = [
        "systemd-nspawn", "--register=no", "--keep-unit", "--quiet", f"--machine={name}", f"--hostname={name}",
        f"--network-namespace-path=/run/netns/{name}", "--resolv-conf=off", "--timezone=off", "--link-journal=no",
        "--console=pipe", "-D", str(folder / "root"), *options, "/sbin/fleet-init",
    ]  # fmt: skip
    with (folder / "console").open("ab") as console:
        booted = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        (folder / "nspawn.pid").write_text(str(booted.pid))
        ended = booted.wait()
    (folder / "nspawn.pid").unlink(missing_ok=True)
    return ended


if __name__ == "__main__":
    sys.exit(main())
