"""The system that every host starts from: Debian as small as an appliance's, with sshd and Python and nothing of ours.

It is made once (a minute or two) and kept in the cache under a name that says what went into it. The hosts have no way
out to the internet; the packages that a playbook may ask for lie in apt's own cache, so that `apt install` of them
works as it would with a mirror near by.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.fleet import places

SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
INSTALLED = (
    "systemd", "systemd-sysv", "dbus", "libpam-systemd", "openssh-server", "python3", "python3-apt", "python3-venv",
    "sudo", "iproute2", "procps", "ca-certificates", "udev", "kmod", "libseccomp2", "openssl", "logrotate",
)  # fmt: skip
AT_HAND = (
    "mosquitto", "mosquitto-clients", "prometheus", "prometheus-alertmanager", "prometheus-node-exporter",
    "nftables", "acl", "rsync", "zram-tools", "postgresql",
)  # fmt: skip
_MASKED = ("systemd-udevd.service", "apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "fstrim.timer")


def base_root() -> Path:
    """The root to lay hosts over, made on first use; two who ask at once wait for one another."""
    root = places.cache() / f"base-{_digest()}"
    with places.alone(root.with_suffix(".lock")):
        if not root.is_dir():
            _make(root)
    return root


def _digest() -> str:
    said = "\n".join((SUITE, *INSTALLED, "-", *AT_HAND, "-", *_MASKED))
    return hashlib.sha256(said.encode()).hexdigest()[:12]


def _make(root: Path) -> None:
    growing = root.with_suffix(".growing")
    shutil.rmtree(growing, ignore_errors=True)
    _run("debootstrap", "--variant=minbase", f"--include={','.join(INSTALLED)}", SUITE, str(growing), MIRROR)
    shutil.copyfile("/etc/resolv.conf", growing / "etc/resolv.conf")
    for words in (("update",), ("clean",), ("install", "--download-only", "-y", "--no-install-recommends", *AT_HAND)):
        _run("chroot", str(growing), "apt-get", "-q", *words)
    _settle(growing)
    growing.rename(root)


def _settle(root: Path) -> None:
    (root / "etc/resolv.conf").write_text("")
    (root / "etc/machine-id").write_text("")
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    for unit in _MASKED:
        (root / "etc/systemd/system" / unit).symlink_to("/dev/null")


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, env=_environment(), check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv[:3])} failed:\n{(done.stdout + done.stderr)[-2000:]}")


def _environment() -> dict[str, str]:
    return {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
