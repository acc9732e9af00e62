"""Where a recording lies in object storage."""

from datetime import UTC, datetime

from contract.ids import check_id


def recording_key(device: str, camera: str, recording_id: str, start_ms: int) -> str:
    """`recordings/{device}/{YYYY}/{MM}/{DD}/{camera}/{recording_id}.mp4`, by the UTC day it began."""
    day = datetime.fromtimestamp(start_ms / 1000, UTC).strftime("%Y/%m/%d")
    parts = check_id(device, "device"), day, check_id(camera, "camera"), check_id(recording_id, "recording")
    return "recordings/" + "/".join(parts) + ".mp4"
