"""Begin a session, or end it, as somebody at the page does: `session.py begin|end BASE PASSWORD PARTICIPANT`."""

import json
import sys
import urllib.error
import urllib.request
from typing import Any


def main(deed: str, base: str, password: str, participant: str) -> None:
    """Sign in and do it; print the session's id."""
    token = _asked(f"{base}/v1/session", {"password": password}, "")["token"]
    if deed == "begin":
        _begin(base, token, participant)
    for session in _asked(f"{base}/v1/sessions", None, token)["sessions"]:
        if session["participant"] == participant and not session.get("end_ms"):
            if deed == "end":
                _asked(f"{base}/v1/sessions/{session['session_id']}/stop", {}, token)
            sys.stdout.write(session["session_id"] + "\n")
            return
    sys.exit("there is no such session")


def _begin(base: str, token: str, participant: str) -> None:
    _asked(f"{base}/v1/participants/{participant}", {}, token, method="PUT")
    text = _asked(f"{base}/v1/consent", None, token)
    _asked(f"{base}/v1/participants/{participant}/consent", {"given": True, "text_sha256": text["sha256"]}, token)
    _asked(f"{base}/v1/sessions", {"participant": participant, "overrule": True}, token)


def _asked(url: str, body: object, token: str, *, method: str | None = None) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 (ours)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 (ours)
            said: dict[str, Any] = json.loads(answer.read() or b"{}")
            return said
    except urllib.error.HTTPError as error:
        sys.exit(f"{url}: {error.code}: {error.read().decode(errors='replace')}")


if __name__ == "__main__":
    main(*sys.argv[1:])
