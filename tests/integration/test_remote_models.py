"""Desired models from a real server: only by a manifest that is signed by a key which is trusted here."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.manifest import encode_manifest
from contract.remote import WantedModel
from edge.core.background import in_the_background
from edge.core.errors import ModelError
from edge.daemon.remote import models
from edge.daemon.remote.models import ModelTaker, ModelUnreachableError, problem_of
from edge.models.settings import ModelSettings
from edge.models.store import ModelStore
from edge.releases.keys import sign
from tests.support.detector_graphs import yolox_graph
from tests.support.detectors import manifest_of
from tests.support.model_server import serving

GRAPH = yolox_graph((160, 160))
DIGEST = hashlib.sha256(GRAPH).hexdigest()
MANIFEST = manifest_of(GRAPH, "objects", "yolox", ["apple", "berry"])
RAW = encode_manifest(MANIFEST)
OURS, THEIRS = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    files = {
        MANIFEST.file: GRAPH,
        "good.json": RAW,
        "good.json.sig": sign(RAW, OURS),
        "unsigned.json": RAW,
        "theirs.json": RAW,
        "theirs.json.sig": sign(RAW, THEIRS),
        "changed.json": RAW.replace(b"apple", b"Apple"),
        "changed.json.sig": sign(RAW, OURS),
        "vast.json": b"x" * (2 << 20),
        "vast.json.sig": sign(RAW, OURS),
        "no.json": b"{}",
        "no.json.sig": sign(b"{}", OURS),
    }
    with serving(files) as address:
        yield address


@pytest.fixture
def taker(tmp_path: Path) -> ModelTaker:
    keys = tmp_path / "model-keys.d"
    keys.mkdir()
    pem = OURS.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (keys / "ours.pub").write_bytes(pem)
    return ModelTaker(ModelSettings(), tmp_path / "state", keys)


def wanted(server: str, file: str = "good.json", **changes: str) -> WantedModel:
    """What a desired state says."""
    words = {"name": MANIFEST.name, "version": MANIFEST.version, "sha256": DIGEST, "url": f"{server}/{file}", **changes}
    return WantedModel(**words)


def installed(tmp_path: Path) -> list[str]:
    """What the operator's folder has."""
    return [one.manifest.name for one in ModelStore.of(ModelSettings(), tmp_path / "state").installed()]


async def test_a_signed_model_is_installed_once_and_dropped(server: str, taker: ModelTaker, tmp_path: Path) -> None:
    await in_the_background(lambda: taker.take(wanted(server)))
    assert installed(tmp_path) == [MANIFEST.name]
    taker.take(wanted("http://127.0.0.1:9"))
    taker.drop([MANIFEST.name, "never-there"])
    assert installed(tmp_path) == []


@pytest.mark.parametrize(
    ("file", "changes", "why"),
    [
        ("theirs.json", {}, "not signed by a key in"),
        ("changed.json", {}, "not signed by a key in"),
        ("vast.json", {}, "more than"),
        ("no.json", {}, "manifest"),
        ("good.json", {"version": "9"}, "version"),
        ("good.json", {"name": "other"}, "name"),
        ("good.json", {"sha256": "0" * 64}, "digest"),
    ],
)
async def test_what_is_not_as_it_was_said_is_refused(  # noqa: PLR0917 - fixtures and a table
    server: str, taker: ModelTaker, tmp_path: Path, file: str, changes: dict[str, str], why: str
) -> None:
    with pytest.raises(ModelError, match=why):
        await in_the_background(lambda: taker.take(wanted(server, file, **changes)))
    assert installed(tmp_path) == []


def test_a_server_that_has_it_not_may_have_it_later(server: str, taker: ModelTaker) -> None:
    for url in (f"{server}/unsigned.json", f"{server}/missing.json", "http://127.0.0.1:9/x.json"):
        with pytest.raises(ModelUnreachableError):
            taker.take(wanted(server, url=url))


def test_a_head_without_end_is_given_up(server: str, taker: ModelTaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte began the timeout anew: nothing else was taken from afar for as long as it dripped."""
    monkeypatch.setattr(models, "_SILENCE_S", 0.2)
    with pytest.raises(ModelUnreachableError, match="is too slow"):
        taker.take(wanted(server, "drip/good.json"))


def test_without_a_trusted_key_nothing_is_taken(server: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="without a key"):
        ModelTaker(ModelSettings(), tmp_path / "state", tmp_path / "none").take(wanted(server))


def test_what_cannot_be_meant_is_known_before(server: str) -> None:
    one = wanted(server)
    assert problem_of([one]) is None
    assert problem_of([one, one]) == ("$.models[0].name", f"{MANIFEST.name} is wanted twice")
    assert problem_of([one] * 17) == ("$.models", "17 models are more than 16")
    assert problem_of([wanted(server, url="file:///etc/shadow")]) is not None
