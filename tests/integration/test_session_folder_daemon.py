"""The whole appliance: a filmed session leaves one folder whose video, signals and predictions lie on one clock, also
where the appliance is killed in the middle of it."""

import io
import zipfile
from pathlib import Path

import av
import httpx
import pyarrow.parquet as pq

from edge.affect.sessions.folder.layout import SessionNote, read_note
from tests.support.daemon_guest import Lead
from tests.support.ports import free_port
from tests.support.processes import running, wait_until

_SETTINGS = """
device = "lab"
state_dir = "{state}"

[[cameras]]
id = "front"
source = "simulated"
width = 320
height = 240
fps = 10

[recording]
mode = "off"

[[sensors]]
id = "wrist"
source = "simulated"
gap_every_s = 0

[affect.sessions]
cameras = ["front"]

[affect.sessions.folder]
sync_s = 0.5
late_s = 1.0

[broker]
enabled = false

[web]
host = "127.0.0.1"
port = {port}
"""


def test_a_filmed_session_leaves_a_folder_on_one_clock_also_when_it_is_killed(tmp_path: Path) -> None:
    state, port = tmp_path / "state", free_port()
    settings = tmp_path / "edge.toml"
    settings.write_text(_SETTINGS.format(state=state, port=port), encoding="utf-8")
    with running("edge", settings, port) as daemon:
        lead = Lead(daemon)
        lead.welcome("P01", sensor="wrist")
        stopped = lead.begin("P01")
        _delivered(lead, stopped)
        lead.ask("POST", f"/v1/sessions/{stopped}/stop")
        _check(_whole(state, stopped), state, reason="stopped")
        _taken_away(lead, stopped)
        killed = lead.begin("P01")
        _delivered(lead, killed)
        daemon.kill()
        daemon.start()
        _check(_whole(state, killed), state, reason="restarted")
        _erased_while_it_runs(Lead(daemon), state)


def _delivered(lead: Lead, session_id: str) -> None:
    wait_until(lambda: len(lead.segments(session_id)) >= 1, "a segment of the session")


def _whole(state: Path, session_id: str) -> SessionNote:
    folder = state / "sessions" / "folders" / session_id
    wait_until(lambda: (note := read_note(folder)) is not None and note.state == "whole", "the folder is whole")
    note = read_note(folder)
    assert note
    return note


def _check(note: SessionNote, state: Path, *, reason: str) -> None:
    folder = state / "sessions" / "folders" / note.session_id
    assert note.reason == reason
    assert note.consent is not None
    assert note.consent.text_version == "afferent-2-video"
    signals = pq.read_table(folder / "signals.parquet").to_pandas()
    skin = signals[signals.channel == signals.channel.iloc[0]]
    assert skin.t_ms.iloc[-1] - skin.t_ms.iloc[0] > 3000
    assert skin.t_ms.diff().max() < 500
    predictions = pq.read_table(folder / "predictions.parquet").to_pylist()
    assert predictions[0]["t_ms"] >= note.start_ms
    (film,) = note.videos
    assert film.mono_ms is not None
    with av.open(str(folder / film.name)) as video:
        times = [
            note.start_ms + round(film.mono_ms - note.start_mono_ms + 1000 * (frame.time or 0))
            for frame in video.decode(video=0)
        ]
    assert times[0] == film.start_ms
    assert abs(times[0] - note.start_ms) < 3000
    assert times[-1] - times[0] > 2000


def _taken_away(lead: Lead, session_id: str) -> None:
    folder = f"/v1/sessions/{session_id}/folder"
    wait_until(lambda: bool(lead.ask("GET", folder)["state"] == "whole"), "the appliance knows that it is whole")
    listed = lead.ask("GET", folder)
    headers = {"Authorization": f"Bearer {lead.token}"}
    sent = httpx.get(f"{lead.url}{folder}.zip", headers=headers, timeout=20)
    with zipfile.ZipFile(io.BytesIO(sent.content)) as archive:
        assert archive.testzip() is None
        sizes = {one.filename: one.file_size for one in archive.infolist()}
    assert sizes == {f"{session_id}/{one['name']}": one["size_bytes"] for one in listed["files"]}


def _erased_while_it_runs(lead: Lead, state: Path) -> None:
    last = lead.begin("P01")
    wait_until((state / "sessions" / "folders" / last).exists, "the third session is recorded")
    lead.ask("DELETE", "/v1/participants/P01")
    assert list((state / "sessions" / "folders").iterdir()) == []
    assert not list((state / "spool").rglob("*.mp4"))
