"""Models that are desired: fetched by a manifest that somebody signed who is trusted here, then installed as by hand.

The signature lies beside the manifest under its name and `.sig`: lines of a key's id and the Ed25519 signature in
base64, as of a release. Trusted are the keys in `model-keys.d/*.pub` of the configuration's folder, and no others.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urljoin, urlsplit, urlunsplit

import httpx

from contract.errors import InvalidManifestError
from contract.manifest import Manifest, decode_manifest
from contract.remote import WantedModel
from edge.core.clock import SystemClock
from edge.core.errors import EdgeError, ModelError
from edge.core.pace import Pace
from edge.core.paced_http import PacedClient
from edge.models.install import remove
from edge.models.loading import read_manifest
from edge.models.settings import ModelSettings
from edge.releases.download import is_web, plain
from edge.releases.errors import BundleRefusedError, ReleaseError
from edge.releases.keys import check_signature, load_keys
from edge.vision.detect.installing import Words, add_model

KEYS: Final = "model-keys.d"
MOST_MODELS: Final = 16
_MOST_MANIFEST: Final = 1 << 20
_MOST_SIGNATURE: Final = 4096
_SILENCE_S: Final = 20.0


class ModelUnreachableError(EdgeError):
    """It cannot be fetched now; later it may."""


class ModelTaker:
    """Installs and removes models of the operator's folder. Every method blocks: call it in a thread."""

    def __init__(self, settings: ModelSettings, state: Path, keys: Path) -> None:
        """`keys` is the folder of trusted keys."""
        self._settings = settings
        self._state = state
        self._keys = keys

    def take(self, wanted: WantedModel) -> None:
        """See that it is installed. Raise `ModelUnreachableError`, or `ModelError` for what is not to be had so."""
        if self._has(wanted):
            return
        raw = _fetch(wanted.url, _MOST_MANIFEST)
        self._check(raw, _fetch(_beside(wanted.url), _MOST_SIGNATURE))
        manifest = _manifest_of(raw, wanted)
        with tempfile.TemporaryDirectory(prefix="afferent-model-") as room:
            path = Path(room) / "manifest.json"
            path.write_bytes(raw)
            words = Words(source=urljoin(wanted.url, manifest.file), sha256=wanted.sha256, manifest=path)
            list(add_model(words, self._settings, self._state))

    def drop(self, names: Sequence[str]) -> None:
        """Take these out, as far as they are there."""
        folder = self._settings.folder_in(self._state)
        there = {manifest.name for manifest in _installed(folder)}
        for name in names:
            if name in there:
                remove(folder, name)

    def _has(self, wanted: WantedModel) -> bool:
        return any(
            (one.name, one.version, one.sha256) == (wanted.name, wanted.version, wanted.sha256)
            for one in _installed(self._settings.folder_in(self._state))
        )

    def _check(self, manifest: bytes, signature: bytes) -> None:
        try:
            check_signature(manifest, signature, load_keys(self._keys))
        except BundleRefusedError as error:
            raise ModelError(f"its manifest is not signed by a key in {self._keys}") from error
        except ReleaseError as error:
            raise ModelError(f"no model is taken from afar without a key that is trusted: {error}") from error


def problem_of(models: Sequence[WantedModel]) -> tuple[str, str] | None:
    """`(path, reason)` of the first that cannot be meant, before anything is fetched."""
    if len(models) > MOST_MODELS:
        return "$.models", f"{len(models)} models are more than {MOST_MODELS}"
    names = [model.name for model in models]
    for place, model in enumerate(models):
        if names.count(model.name) > 1:
            return f"$.models[{place}].name", f"{model.name} is wanted twice"
        if not is_web(model.url):
            return f"$.models[{place}].url", "must begin with https:// or http://, and name a host"
    return None


def _installed(folder: Path) -> list[Manifest]:
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(read_manifest(path))
        except ModelError:
            continue  # the store says so
    return found


def _manifest_of(raw: bytes, wanted: WantedModel) -> Manifest:
    try:
        manifest = decode_manifest(raw)
    except InvalidManifestError as error:
        raise ModelError(str(error)) from error
    for what, meant, found in (
        ("name", wanted.name, manifest.name),
        ("version", wanted.version, manifest.version),
        ("digest", wanted.sha256, manifest.sha256),
    ):
        if meant != found:
            raise ModelError(f"its manifest has the {what} {found!r:.80}, not {meant!r:.80}")
    return manifest


def _beside(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, f"{parts.path}.sig", parts.query, ""))


def _fetch(url: str, most_bytes: int) -> bytes:
    """The whole of a small file. Raise `ModelUnreachableError`, or `ModelError` if it is not one."""
    shown = plain(url)
    pace, content = Pace(SystemClock().mono_ns, _SILENCE_S), bytearray()
    try:
        with (
            PacedClient(pace, follow_redirects=True, max_redirects=5, timeout=_SILENCE_S) as client,
            client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise ModelUnreachableError(f"{shown}: the server answers {answer.status_code}")
            for chunk in answer.iter_raw():
                content += chunk
                if len(content) > most_bytes:
                    raise ModelError(f"{shown} has more than {most_bytes} bytes")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ModelUnreachableError(f"{shown} cannot be had: {pace.fault or error or type(error).__name__}") from error
    return bytes(content)
