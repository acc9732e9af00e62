"""Where a file lies in object storage: every key begins with what it is and the device that it is from."""

import re
from datetime import UTC, datetime
from typing import Final

from contract.errors import InvalidMessageError
from contract.ids import check_id

_EXTENSION: Final = re.compile(r"[a-z0-9]{1,12}(?![\s\S])")
_ROOTS: Final = ("recordings", "sessions", "collected", "timelapses", "commands")
_LONGEST: Final = 500
_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}(?![\s\S])")


def recording_key(device: str, camera: str, recording_id: str, start_ms: int) -> str:
    """`recordings/{device}/{YYYY}/{MM}/{DD}/{camera}/{recording_id}.mp4`, by the UTC day it began."""
    parts = check_id(device, "device"), _day(start_ms), check_id(camera, "camera"), check_id(recording_id, "recording")
    return "recordings/" + "/".join(parts) + ".mp4"


def session_key(device: str, session_id: str, name: str) -> str:
    """`sessions/{device}/{session_id}/{name}`: one file of a session's folder."""
    return f"sessions/{check_id(device, 'device')}/{check_id(session_id, 'session')}/{_checked(_NAME, name)}"


def collected_key(device: str, session_id: str, video_id: str, extension: str) -> str:
    """`collected/{device}/{session_id}/{video_id}.{extension}`: a video that a browser handed in."""
    parts = check_id(device, "device"), check_id(session_id, "session"), check_id(video_id, "video")
    return "collected/" + "/".join(parts) + f".{_checked(_EXTENSION, extension)}"


def timelapse_key(device: str, camera: str, start_ms: int) -> str:
    """`timelapses/{device}/{camera}/{YYYY-MM-DD}.mp4`, by the UTC day."""
    day = _day(start_ms).replace("/", "-")
    return f"timelapses/{check_id(device, 'device')}/{check_id(camera, 'camera')}/{day}.mp4"


def command_key(device: str, command_id: str, name: str) -> str:
    """`commands/{device}/{command_id}/{name}`: what a command from afar brought, a snapshot or diagnostics."""
    return f"commands/{check_id(device, 'device')}/{check_id(command_id, 'command')}/{_checked(_NAME, name)}"


def device_of(key: str) -> str:
    """The device whose file lies under `key`; raise `InvalidMessageError` if no device may write there."""
    root, _, rest = key.partition("/")
    device, _, name = rest.partition("/")
    parts = name.split("/")
    if root not in _ROOTS or len(key) > _LONGEST or not all(_NAME.match(part) for part in parts):
        raise InvalidMessageError(f"{key!r:.120} is no key of a device's file")
    return check_id(device, "device")


def _day(start_ms: int) -> str:
    return datetime.fromtimestamp(start_ms / 1000, UTC).strftime("%Y/%m/%d")


def _checked(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.match(text):
        raise InvalidMessageError(f"{text!r:.120} cannot be part of a key")
    return text
