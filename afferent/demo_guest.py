"""The made-up wearer of the demo's simulated sensor, so that a newcomer can lead a session at once.

They are asked for consent like anybody: the demo shows how that is done, and does not do it itself.
"""

import json
import urllib.request
from typing import Any, Final

GUEST: Final = "guest"
_TIMEOUT_S: Final = 10.0


def welcome_guest(url: str, password: str) -> None:
    """Make them known to the appliance at `url`, unless they are; raise `OSError` if it does not take them."""
    headers = {"Content-Type": "application/json"}
    token = _ask("POST", f"{url}/v1/session", headers, {"password": password})["token"]
    headers["Authorization"] = f"Bearer {token}"
    known = {one["id"] for one in _ask("GET", f"{url}/v1/participants", headers)["participants"]}
    if GUEST not in known:
        about = {"sensor": "body", "note": "Made up: wears the simulated sensor"}
        _ask("PUT", f"{url}/v1/participants/{GUEST}", headers, about)
    _ask("DELETE", f"{url}/v1/session", headers)


def _ask(method: str, url: str, headers: dict[str, str], body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - our own address
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
        return json.loads(answer.read() or b"null")
