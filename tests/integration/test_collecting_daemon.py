"""The whole appliance without a sensor: who handed in videos is known, refused once they take their consent back, and
erased out of it like everybody else."""

from pathlib import Path

import requests

from tests.support.daemon_guest import Lead
from tests.support.ports import free_port
from tests.support.processes import Daemon, running

_WEBM = b"\x1a\x45\xdf\xa3" + b"words" * 1000
_SETTINGS = """
device = "kiosk"
state_dir = "{state}"

[broker]
enabled = false

[web]
host = "127.0.0.1"
port = {port}
"""


def _hand_in(daemon: Daemon, participant: str | int) -> tuple[str, int]:
    """A session of theirs, and how its only chunk was answered."""
    made = requests.post(f"{daemon.url}/api/session/create", json={"participant_id": participant}, timeout=10)
    session = str(made.json().get("session_id", "none"))
    form = {"session_id": session, "video_id": "v", "chunk_index": 0, "total_chunks": 1}
    sent = requests.post(f"{daemon.url}/api/upload/chunk", data=form, files={"chunk": _WEBM}, timeout=10)
    return session, sent.status_code if made.ok else made.status_code


def test_who_handed_in_videos_is_erased_without_any_sensor(tmp_path: Path) -> None:
    """S2.1, X.4; a number is an id as well."""
    state, port = tmp_path / "state", free_port()
    settings = tmp_path / "edge.toml"
    settings.write_text(_SETTINGS.format(state=state, port=port), encoding="utf-8")
    with running("edge", settings, port) as daemon:
        lead = Lead(daemon)
        (mine, first), (other, second) = _hand_in(daemon, "P07"), _hand_in(daemon, 8)
        assert (first, second) == (200, 200)
        known = lead.ask("GET", "/v1/participants")["participants"]
        assert [one["id"] for one in known] == ["8", "P07"]
        lead.ask(
            "POST", "/v1/participants/P07/consent", json={"given": False, "text_sha256": "0" * 64, "witness": "lead"}
        )
        assert _hand_in(daemon, "P07")[1] == 403
        assert lead.ask("DELETE", "/v1/participants/P07")["files"] == 1
        assert not (state / "facial_recordings" / mine).exists()
        assert (state / "facial_recordings" / other).exists()
        assert requests.get(f"{daemon.url}/api/session/{mine}", timeout=10).status_code == 404
        assert _hand_in(daemon, "P07")[1] == 200
        start = requests.post(f"{daemon.url}/api/video/1/start", json={"user_id": "user1"}, timeout=10)
        assert (start.status_code, "sensor" in start.text) == (503, True)
