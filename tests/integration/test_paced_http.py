"""httpx keeps our pace: straight, and by way of a proxy. It has no public way for it, so a new one may break it."""

import time
from collections.abc import Iterator

import httpx
import pytest

from edge.core.pace import Pace
from edge.core.paced_http import PacedClient
from tests.support.dripping import Dripping, dripping, head_without_end

_PATIENCE_S = 0.3


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dripping]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with dripping(head_without_end()) as server:
        yield server


def _fault_of(url: str) -> str:
    pace = Pace(time.monotonic_ns, _PATIENCE_S)
    with PacedClient(pace, timeout=_PATIENCE_S) as client, pytest.raises(httpx.TransportError):
        client.get(url)
    return pace.fault


def test_the_names_that_the_pace_hangs_on_are_there() -> None:
    words = "httpx was renewed and has no {} any more: hang the pace of edge/core/paced_http.py on what it has now"
    for name in ("_init_transport", "_init_proxy_transport"):
        assert callable(getattr(httpx.Client, name, None)), words.format(name)
    with httpx.HTTPTransport() as transport:
        assert hasattr(getattr(transport, "_pool", None), "_network_backend"), words.format("_pool._network_backend")


def test_an_answer_that_drips_is_given_up(server: Dripping) -> None:
    assert "is too slow" in _fault_of(server.endpoint)


def test_an_answer_that_drips_out_of_a_proxy_is_given_up(server: Dripping, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.endpoint)
    assert "is too slow" in _fault_of("http://models.invalid/a.onnx")
    monkeypatch.setenv("HTTPS_PROXY", server.endpoint)
    assert "is too slow" in _fault_of("https://models.invalid/a.onnx")
