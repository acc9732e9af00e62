"""Runs in the machine: installs the unit by hand, starts it with cameras of the kernel, unplugs them, plugs them in.

Debian's Python alone runs this; the appliance has its wheels in /site and its own package in /cargo/own.
"""

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

_UNIT: Final = "afferent-edge.service"
_SYSTEMD: Final = Path("/etc/systemd/system")
_RELEASE: Final = Path("/opt/afferent/releases/tried")
_STANDING: Final = Path("/run/afferent/standing.json")
_DRIVER: Final = Path("/sys/bus/platform/drivers/vivid")
_NAMED: Final = Path("/dev/afferent/camera-PLAYED1")
_CAMERAS: Final = ("front", "side")
_SETTINGS: Final = f"""
device = "machine"

[[cameras]]
id = "front"
source = "v4l2"
device = "/dev/video0"
width = 320
height = 180
fps = 5

[[cameras]]
id = "side"
source = "v4l2"
device = "{_NAMED}"
width = 320
height = 180
fps = 5

[vision]
max_fps = 1.0

[recording]
mode = "continuous"
encoder = "software"

[broker]
enabled = false
"""
_SLOWLY: Final = """
[Service]
TimeoutStartSec=15min
TimeoutStopSec=2min
WatchdogSec=5min
Restart=no
StandardOutput=journal+console
StandardError=journal+console
"""
"""Nothing else of the unit is changed: an emulated processor takes a hundred times as long."""
_INSTEAD: Final = """[Unit]
OnFailure=
[Service]
Type=oneshot
ExecStart=
ExecStart=/usr/bin/python3 /cargo/guest/fenced.py /dev/video0 /dev/ttyS0 /dev/null
Restart=no
RestartForceExitStatus=
WatchdogSec=0
RuntimeDirectory=fenced
StandardOutput=truncate:/run/fenced.out
"""
_PROGRAM: Final = """#!/usr/bin/python3
import sys
sys.path[:0] = ["/cargo/own", "/site"]
from afferent.__main__ import main
main()
"""
_WITHIN_S: Final = 600.0
_BOUNDARY: Final = re.compile(rb"Content-Length: (\d+)\r\n.*?\r\n\r\n", re.DOTALL | re.IGNORECASE)
_STATUS: Final = ("CapEff", "CapBnd", "NoNewPrivs", "Seccomp", "Uid", "Groups", "Threads", "VmRSS")
_T = TypeVar("_T")


def main() -> None:
    """Leave `told.json` in /found, and a picture of each camera before and after."""
    told: dict[str, Any] = {"boot_s": _uptime()}
    try:
        _install()
        _plug_in("vid_cap_nr=0,1")
        told["before"] = _names()
        told["fenced"] = _fenced()
        told |= _started()
        told |= _looked_at()
        told |= _unplugged_and_plugged_in()
        told |= _stopped()
    except (OSError, ValueError) as error:
        told["error"] = f"{type(error).__name__}: {error}"
    told["journal"] = _call("journalctl", "-u", _UNIT, "-o", "cat", "--no-pager", "-n", "80")
    Path("/found/told.json").write_text(json.dumps(told), encoding="utf-8")


def _install() -> None:
    units = Path("/cargo/systemd")
    for file in units.iterdir():
        if file.is_file():
            shutil.copy(file, _SYSTEMD)
    for folder in ("sysusers.d", "tmpfiles.d"):
        shutil.copy(units / folder / "afferent-edge.conf", Path("/usr/lib") / folder)
    rules = Path("/etc/udev/rules.d")
    shutil.copy("/cargo/udev/70-afferent.rules", rules)
    shutil.copy("/cargo/guest/played.rules", rules / "65-played.rules")
    program = _RELEASE / "venv/bin/afferent"
    program.parent.mkdir(parents=True)
    program.write_text(_PROGRAM)
    program.chmod(0o755)
    Path("/opt/afferent/current").symlink_to("releases/tried")
    _written(_SYSTEMD / f"{_UNIT}.d/slowly.conf", _SLOWLY)
    _call("systemd-sysusers")
    _written(Path("/etc/afferent/edge.toml"), _SETTINGS)
    _call("systemd-tmpfiles", "--create")
    _call("systemctl", "daemon-reload")
    _call("udevadm", "control", "--reload")
    _call("ip", "link", "set", "lo", "up")
    _say("installed")


def _plug_in(numbers: str) -> None:
    said = _call("insmod", "/modules/vivid.ko", "n_devs=2", "node_types=0x1,0x1", numbers)
    _call("udevadm", "settle")
    if said:
        raise OSError(said)


def _names() -> dict[str, str]:
    """Each stable name and what it stands for, and who may use `/dev/video0`."""
    names = {str(path): str(path.resolve()) for path in sorted(Path("/dev/afferent").iterdir())}
    node = Path("/dev/video0")
    return {**names, "mode": f"{node.group()} {node.stat().st_mode & 0o777:o}"}


def _fenced() -> dict[str, str]:
    """What a program may open that runs as the unit does."""
    shutil.copy(_SYSTEMD / _UNIT, _SYSTEMD / "fenced.service")
    _written(_SYSTEMD / "fenced.service.d/probe.conf", _INSTEAD)
    _call("systemctl", "daemon-reload")
    _call("systemctl", "start", "--wait", "fenced.service")
    found: dict[str, str] = json.loads(Path("/run/fenced.out").read_text())
    return found


def _started() -> dict[str, Any]:
    began = _uptime()
    if said := _call("systemctl", "start", _UNIT):
        raise OSError(said)
    ready = _uptime()
    _say("ready")
    pictures = _pictures("before")
    first = _uptime()
    _until(lambda: all(_recorded().values()))
    return {"ready_s": round(ready - began), "pictures_s": round(first - ready), "pictures": pictures}


def _looked_at() -> dict[str, Any]:
    group = Path("/sys/fs/cgroup/system.slice") / _UNIT
    status = Path("/proc", _pid(), "status").read_text().splitlines()
    exposure = _call("systemd-analyze", "security", "--no-pager", _UNIT)
    return {
        "exposure": float(re.findall(r"exposure level for \S+: ([0-9.]+)", exposure)[0]),
        "memory_max": int((group / "memory.max").read_text()),
        "memory_high": int((group / "memory.high").read_text()),
        "tasks_max": int((group / "pids.max").read_text()),
        "user": _call("ps", "-o", "user=", "-p", _pid()).strip(),
        "status": {
            name: value.strip() for name, _, value in (line.partition(":") for line in status) if name in _STATUS
        },
    }


def _unplugged_and_plugged_in() -> dict[str, Any]:
    """Pull both cables; the driver can be unloaded only once nobody holds the nodes. Then plug in, numbered anew."""
    pid, began = _pid(), _uptime()
    (_DRIVER / "unbind").write_text("vivid.0")
    _until(lambda: all(_part(camera)["state"] != "ok" for camera in _CAMERAS))
    noticed, details = _uptime(), {camera: _part(camera).get("detail", "") for camera in _CAMERAS}
    _say("unplugged")
    _until(lambda: not _call("rmmod", "vivid"))
    gone = [str(path) for path in (*Path("/dev").glob("video*"), *Path("/dev/afferent").glob("*"))]
    time.sleep(5)
    _plug_in("vid_cap_nr=0,7")
    plugged = _uptime()
    _say("plugged in")
    _until(lambda: all(_part(camera)["state"] == "ok" for camera in _CAMERAS))
    pictures = _pictures("after")
    return {
        "noticed_s": round(noticed - began, 1),
        "details": details,
        "left_of_nodes": gone,
        "again_s": round(_uptime() - plugged, 1),
        "again": pictures,
        "after": _names(),
        "opened": sorted({str(path) for path in _opened(pid) if path.name.startswith("video")}, key=str),
        "same_process": _pid() == pid,
    }


def _stopped() -> dict[str, Any]:
    began = _uptime()
    _call("systemctl", "stop", _UNIT)
    stop_s = round(_uptime() - began, 1)
    restarts = int(_shown("NRestarts"))
    return {"stop_s": stop_s, "result": _shown("Result"), "restarts": restarts, "recorded": _recorded(whole=True)}


def _recorded(*, whole: bool = False) -> dict[str, int]:
    """Bytes of video that lie there of each camera; `NAME.part.mp4` is one that is not ended yet."""
    files = Path("/var/lib/afferent/recordings").glob("*/*.mp4")
    found = dict.fromkeys(_CAMERAS, 0)
    for file in files:
        found[file.parent.name] += 0 if whole and file.name.endswith(".part.mp4") else file.stat().st_size
    return found


def _pictures(when: str) -> dict[str, list[int]]:
    return {camera: _until(partial(_watched, camera, when)) for camera in _CAMERAS}


def _watched(camera: str, when: str) -> list[int]:
    """Sizes of three pictures of `/live/CAMERA`; none unless each is whole, as MJPEG, and another than the last."""
    with urllib.request.urlopen(f"http://127.0.0.1:8000/live/{camera}", timeout=60) as live:
        seen: list[bytes] = []
        rest = b""
        while len(seen) < 3:
            rest += live.read1(65536) or _ended()
            if (head := _BOUNDARY.search(rest)) and len(rest) >= head.end() + int(head[1]):
                end = head.end() + int(head[1])
                seen.append(rest[head.end() : end])
                rest = rest[end:]
    whole = all(one.startswith(b"\xff\xd8\xff") and one.rstrip(b"\r\n").endswith(b"\xff\xd9") for one in seen)
    if not whole or len(set(seen)) < len(seen):
        raise OSError("these are no pictures, or always the same one")
    Path(f"/found/{when}-{camera}.jpg").write_bytes(seen[-1])
    return [len(one) for one in seen]


def _ended() -> bytes:
    raise OSError("no more pictures")


def _part(camera: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(_STANDING.read_text())["parts"][f"camera.{camera}"]
    return found


def _opened(pid: str) -> list[Path]:
    return [path.readlink() for path in Path("/proc", pid, "fd").iterdir()]


def _pid() -> str:
    return _shown("MainPID")


def _shown(name: str) -> str:
    return _call("systemctl", "show", "--value", "-p", name, _UNIT).strip()


def _until(look: Callable[[], _T]) -> _T:
    end, why = _uptime() + _WITHIN_S, ""
    while _uptime() < end:
        try:
            if found := look():
                return found
        except (OSError, ValueError) as error:
            if str(error) != why:
                _say(f"not yet: {(why := str(error))}")
        time.sleep(1)
    raise OSError(f"not in time: {why}")


def _written(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _uptime() -> float:
    return time.monotonic()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _call(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


if __name__ == "__main__":
    main()
