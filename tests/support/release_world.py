"""A small world for the updater: releases of a few files, a host that boots, a server that may fall silent.

Everything that the updater does to its folder is real; the release itself, the restart and the gate are fakes that we
own. A world is a folder, so that processes that die can share it: `opt` is what the updater writes, `state` the
appliance's, and the rest belongs to the tests.
"""

import contextlib
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from contract.release import WHEELS, Kind, Release
from edge.core.standing import Standing
from edge.releases.desk import FOLDER, REQUEST, RESULT, Desk, UpdateRequest, UpdateResult, read_result, write_request
from edge.releases.download import Download
from edge.releases.errors import ReleaseBrokenError
from edge.releases.gate import Check, Question, Verdict
from edge.releases.journal import Journal, Phase
from edge.releases.keys import load_keys
from edge.releases.layout import Layout
from edge.releases.ports import Host, Ports, free_bytes
from edge.releases.staging import Stager
from edge.releases.updater import Updater
from edge.releases.working import Work
from scripts.release.pack import new_key, read_key, write_bundle

MACHINE: Final = "x86_64"
PYTHON: Final = "3.11"
OLD: Final = "1.0"
NEW: Final = "2.0"
LOST: Final = 99
"""How a process ends whose box has nothing that runs."""


class QuickTime:
    """Waiting takes no time."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def mono_s(self) -> float:
        """Seconds slept so far."""
        return self._now_s

    def wall_ms(self) -> int:
        """Some moment of 2026."""
        return 1_790_000_000_000 + round(self._now_s * 1000)

    def sleep(self, seconds: float) -> None:
        """Let it have passed."""
        self._now_s += seconds


@dataclass(frozen=True, slots=True)
class World:
    """The folder of one. `address` is where bundles are served; empty if nowhere."""

    folder: Path
    address: str = ""

    @property
    def layout(self) -> Layout:
        """What the updater writes."""
        return Layout(self.folder / "opt")

    @property
    def state(self) -> Path:
        """The appliance's own folder."""
        return self.folder / "state"

    @property
    def keys(self) -> Path:
        """The keys that are trusted."""
        return self.folder / "keys"

    def prepare(self) -> None:
        """Make keys and folders."""
        for folder in (self.keys, self.folder / "bundles", self.state / FOLDER):
            folder.mkdir(parents=True)
        new_key(self.folder / "key").replace(self.keys / "ours.pub")
        self.boot("boot-1")

    def boot(self, name: str = "") -> str:
        """The host comes up under a new name; without one, which boot this is."""
        path = self.folder / "boot"
        if name:
            path.write_text(name, encoding="utf-8")
        return path.read_text(encoding="utf-8")

    def bundle(self, name: str, nature: str = "good", **more: Any) -> Path:
        """A signed bundle of a release that is `good`, `bad` (does not pass the gate) or `broken` (fails its test)."""
        wheel = self.folder / f"fake-{name}-py3-none-any.whl"
        wheel.write_bytes(_wheel(name, nature))
        fields: dict[str, Any] = {"version": name, "machine": MACHINE, "python": PYTHON, "built_s": 1_700_000_000}
        fields |= more
        about = Release(release=name, installed_bytes=0, files=[], **fields)
        target = self.folder / "bundles" / f"{name}.tar"
        write_bundle(target, about, [wheel], b"fake==1.0\n", read_key(self.folder / "key"))
        return target

    def installed(self, name: str = OLD) -> None:
        """A world in which this release was installed, and works."""
        updater = self.updater()
        order = Journal(phase=Phase.DOWNLOADING, source=str(self.bundle(name)))
        assert self.work(updater).take(order).result == "committed"

    def ask(self, name: str = NEW, request: str = "r1") -> None:
        """Ask at the desk for the bundle of a release, as the appliance does."""
        bundle = self.folder / "bundles" / f"{name}.tar"
        digest = hashlib.sha256(bundle.read_bytes()).hexdigest()
        write_request(self.state, UpdateRequest(request=request, url=f"{self.address}/{bundle.name}", sha256=digest))

    def unask(self) -> None:
        """Take the request away again."""
        (self.state / FOLDER / REQUEST).unlink(missing_ok=True)

    def answer(self) -> UpdateResult | None:
        """What the updater answered."""
        return read_result(self.state)

    def forget_answer(self) -> None:
        """Let there be no answer."""
        (self.state / FOLDER / RESULT).unlink(missing_ok=True)

    def resume(self, updater: Updater | None = None) -> None:
        """What the unit of the updater does."""
        self.work(updater or self.updater()).resume(Desk(self.state))

    def work(self, updater: Updater) -> Work:
        """What the commands do."""
        return Work(updater, self.layout, self.ports())

    def updater(self, kind: type[Updater] = Updater, keep_free: int = 0) -> Updater:
        """The updater of this world."""
        self.layout.prepare()
        ports = self.ports()
        stager = Stager(layout=self.layout, ports=ports, keys=lambda: load_keys(self.keys), keep_free=keep_free)
        return kind(self.layout, ports, stager)

    def ports(self, tell: Callable[[str], None] = lambda _words: None) -> Ports:
        """The world as the updater sees it."""
        time = QuickTime()
        return Ports(
            host=Host(machine=MACHINE, python=PYTHON, boot=self.boot(), free=free_bytes),
            time=time,
            bring=Download(sleep=time.sleep, free=lambda _folder: 1 << 40, tell=tell, mono_s=time.mono_s).bring,
            install=_install,
            self_test=_self_test,
            restart=lambda _kind: self.start(),
            gate=self.judge,
            busy=self.busy,
            standing=self.standing,
            tell=tell,
        )

    def start(self) -> None:
        """Start what `current` chooses; a box on which that does not run ends the process."""
        if wrong := self.why_not_runnable():
            print(wrong)  # noqa: T201
            os._exit(LOST)
        runs = self.running().get("runs", 0) + 1
        running = {"release": self.layout.points_to("current"), "runs": runs}
        (self.folder / "running").write_text(json.dumps(running), encoding="utf-8")

    def running(self) -> dict[str, Any]:
        """What runs, and the how-manieth start it was."""
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            found: dict[str, Any] = json.loads((self.folder / "running").read_text(encoding="utf-8"))
            return found
        return {}

    def judge(self, _kind: Kind, question: Question) -> Verdict:
        """The gate: the release runs and is a good one. What it was asked stays in `asked`."""
        with (self.folder / "asked").open("a", encoding="utf-8") as asked:
            asked.write(f"{question.release} {'proven' if question.proven else 'new'}\n")
        release = self.running().get("release", "")
        nature = (self.layout.of(question.release) / "venv" / "nature").read_text(encoding="utf-8")
        ok = release == question.release and nature == "good"
        return Verdict(ok=ok, checks=[Check(name="works", ok=ok, why="" if ok else f"{release} is {nature}")])

    def asked_of_gate(self) -> list[str]:
        """Each release that the gate was asked about, and whether it was `new` or `proven`."""
        return (self.folder / "asked").read_text(encoding="utf-8").splitlines()

    def busy(self) -> list[str]:
        """Why there must be no restart."""
        return ["a session is recorded"] if (self.folder / "session").exists() else []

    def standing(self) -> Standing | None:
        """Nothing was wrong before."""
        return None

    def why_not_runnable(self) -> str:
        """Empty if both links choose a release of which everything is there; else what is wrong."""
        for link in ("current", "good"):
            release = self.layout.points_to("current" if link == "current" else "good")
            if not release:
                return f"{link} chooses nothing"
            if wrong := _damage(self.layout.of(release) / "venv"):
                return f"{link} chooses {release}, {wrong}"
        return ""


def _wheel(name: str, nature: str) -> bytes:
    files = {f"lib/part{number}.txt": f"{name} {number}\n" * 200 for number in range(6)} | {"nature": nature}
    sums = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in files.items()}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as wheel:
        for path, text in [*files.items(), ("sums.json", json.dumps(sums))]:
            wheel.writestr(zipfile.ZipInfo(path), text)
    return content.getvalue()


def _install(unpacked: Path, target: Path, _final: Path) -> None:
    """As the real one: an environment with a link in it, and then files by the number."""
    place = target / "venv"
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "python").symlink_to("/usr/bin/python3")
    with zipfile.ZipFile(next((unpacked / WHEELS).glob("*.whl"))) as wheel:
        wheel.extractall(place)


def _self_test(folder: Path, release: Release) -> None:
    if wrong := _damage(folder / "venv"):
        raise ReleaseBrokenError(f"{release.release} {wrong}")
    if (folder / "venv" / "nature").read_text(encoding="utf-8") == "broken":
        raise ReleaseBrokenError(f"{release.release} fails its self-test")


def _damage(venv: Path) -> str:
    """Empty if everything is as it was packed, else what is not."""
    try:
        sums = json.loads((venv / "sums.json").read_text(encoding="utf-8"))
        wrong = [path for path, digest in sums.items() if _digest(venv / path) != digest]
        if not (venv / "bin" / "python").is_symlink():
            wrong.append("bin/python")
    except (OSError, ValueError) as error:
        return f"which is not whole: {error}"
    return f"of which is damaged: {', '.join(wrong)}" if wrong else ""


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
