"""What people and existing clients do at a real appliance with sessions: sign in, agree, watch, and hear segments."""

import gc
import json
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import socketio
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.processes import Daemon


class Lead:
    """Whoever leads the sessions: the signed-in API of a daemon that runs."""

    def __init__(self, daemon: Daemon) -> None:
        self.url = daemon.url
        self.password = (daemon.settings.parent / "state" / "first-password").read_text(encoding="ascii").strip()
        self.token: str = httpx.post(f"{self.url}/v1/session", json={"password": self.password}).json()["token"]
        self._headers = {"Authorization": f"Bearer {self.token}"}

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of an answer that must be a good one."""
        answer = httpx.request(method, self.url + path, headers=self._headers, timeout=20, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.headers.get("content-type") == "application/json" else answer.text

    def status(self, path: str) -> int:
        """How a question is answered, good or not."""
        return httpx.get(self.url + path, headers=self._headers, timeout=20).status_code

    def welcome(self, participant: str, *, sensor: str) -> None:
        """Somebody who agreed, and wears that sensor."""
        self.ask("PUT", f"/v1/participants/{participant}", json={"sensor": sensor, "note": ""})
        text = self.ask("GET", "/v1/consent")
        said = {"given": True, "text_sha256": text["sha256"], "witness": "lead"}
        self.ask("POST", f"/v1/participants/{participant}/consent", json=said)

    def show(self, stimulus: str, video: Path) -> None:
        """Upload a video."""
        self.ask("PUT", f"/v1/stimuli/{stimulus}", json={"id": stimulus, "kind": "external"})
        self.ask("PUT", f"/v1/stimuli/{stimulus}/video", content=video.read_bytes())

    def begin(self, participant: str, **options: Any) -> str:
        """Start a session in spite of warnings; its id."""
        body = {"participant": participant, "overrule": True, **options}
        return str(self.ask("POST", "/v1/sessions", json=body)["session_id"])

    def segments(self, session_id: str) -> list[dict[str, Any]]:
        """What was predicted in it."""
        found: list[dict[str, Any]] = self.ask("GET", f"/v1/sessions/{session_id}/segments")["segments"]
        return found


class Heard:
    """What was pushed to two clients of one user's video, in the order of its coming."""

    def __init__(self) -> None:
        self.by_socket: list[dict[str, Any]] = []
        self.by_socket_io: list[dict[str, Any]] = []


@contextmanager
def listening(url: str, user: str, video: int) -> Iterator[Heard]:
    """The raw WebSocket of S0.19 and the Socket.IO client of S0.20, both subscribed."""
    heard, wish = Heard(), {"video_id": video, "user_id": user}
    client: Any = socketio.Client(reconnection=False, handle_sigint=False)
    client.on("new_prediction", heard.by_socket_io.append)
    client.connect(url, wait_timeout=10)
    with connect(url.replace("http", "ws") + "/predictions", proxy=None) as socket:
        socket.send(json.dumps({"action": "subscribe", **wish}))
        reader = threading.Thread(target=_read, args=(socket, heard.by_socket))
        reader.start()
        try:
            client.call("subscribe", wish, timeout=10)
            yield heard
        finally:
            client.disconnect()
            socket.close()
            reader.join()
    del client
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the library leaves closing to the garbage collector
        gc.collect()


def _read(socket: ClientConnection, into: list[dict[str, Any]]) -> None:
    try:
        for message in socket:
            into.append(json.loads(message))
    except ConnectionClosed:
        return
