"""The case table of an update: it dies in every phase of every death, and the box runs: `python -m tests.update_cases`.

Deaths: SIGKILL before any change of a file, a power cut after any (replayed from a journal of what a real process did),
a disk that is really full from a phase on, and a network that is gone from a phase on. After each the box must have a
whole release that runs; then it boots, or goes on, and must end with the release that it should end with, at rest, and
with an answer for whoever asked.
"""

import argparse
import contextlib
import http.server
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from edge.releases.desk import REQUEST, RESULT
from edge.releases.errors import NotNowError
from edge.releases.journal import Journal, Phase, read_journal
from edge.releases.updater import Updater
from tests.support.power_cut import Deed, Disk, Entry, build_shim, shim_environment, write_disk
from tests.support.power_cut import read_journal as read_power
from tests.support.release_world import NEW, OLD, World
from tests.support.small_disk import SmallDisk, small_disk

Hazard = Literal["killed", "power cut", "disk full", "no network"]
GOOD_WAY: Final = (
    Phase.IDLE,
    Phase.DOWNLOADING,
    Phase.VERIFYING,
    Phase.STAGING,
    Phase.TESTING,
    Phase.HOLDING,
    Phase.SWITCHING,
    Phase.RESTARTING,
    Phase.TRYING,
    Phase.COMMITTING,
)
BACK_WAY: Final = (Phase.RETURNING, Phase.RESTARTING_BACK, Phase.CHECKING_BACK)
DISK_BYTES: Final = 3 << 20
_MEMORY_BYTES: Final = 64 << 20
_CHANGES: Final = {"open", "os.rename", "os.symlink", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree", "os.chmod"}
_WITHIN: Final = 60


@dataclass(frozen=True, slots=True)
class Case:
    """One death, and what came of it. `wrong` is empty if the box survived."""

    hazard: Hazard
    phase: str
    point: int
    wrong: str


class _Noticed(Updater):
    """Tells of each phase that it begins."""

    on_phase: Callable[[Phase], None] = staticmethod(lambda _phase: None)

    def _write(self, journal: Journal) -> None:
        super()._write(journal)
        type(self).on_phase(journal.phase)


class Table:
    """Runs cases on copies of two worlds: in one the new release is good, in the other it is bad."""

    def __init__(self, folder: Path, address: str, rng: random.Random) -> None:
        self._folder = folder
        self._address = address
        self._rng = rng
        self.cases: list[Case] = []

    def run(self, points: int, disk: SmallDisk) -> None:
        """All hazards; `points` places in each phase for those that can strike anywhere."""
        for nature, phases in (("good", GOOD_WAY), ("bad", BACK_WAY)):
            template = self._template(nature)
            self._killed(template, phases, points, good=nature == "good")
            self._power_cut(template, phases, points, good=nature == "good")
            for phase in phases:
                self._disk_full(template, phase, disk, good=nature == "good")
                self._no_network(template, phase, good=nature == "good")

    def _template(self, nature: str) -> Path:
        folder = self._folder / f"template-{nature}"
        world = World(folder, self._address)
        world.prepare()
        world.installed(OLD)
        world.bundle(NEW, nature)
        world.ask()
        return folder

    def _world(self, template: Path, place: Path | None = None) -> World:
        folder = place or self._folder / "case"
        if folder.exists():
            shutil.rmtree(folder)
        shutil.copytree(template, folder, symlinks=True)
        return World(folder, self._address)

    def _killed(self, template: Path, phases: Sequence[Phase], points: int, *, good: bool) -> None:
        for phase, chosen in self._choose(_changes_of(self._world(template)), phases, points).items():
            for point in chosen:
                world = self._world(template)
                code = _in_child(lambda world=world, point=point: _run_until(world, point))  # type: ignore[misc]
                wrong = "" if code == -signal.SIGKILL else f"it was not killed but ended with {code}"
                self._judge("killed", phase, point, wrong or self._after(world, good=good))

    def _power_cut(self, template: Path, phases: Sequence[Phase], points: int, *, good: bool) -> None:
        world = self._world(template)
        entries = _record(world, self._folder)
        for phase, chosen in self._choose(_phases_of(entries, self._world(template)), phases, points).items():
            for point in chosen:
                self._judge("power cut", phase, point, self._cut(template, entries[:point], good=good))

    def _cut(self, template: Path, entries: list[Entry], *, good: bool) -> str:
        world = self._world(template)
        disk = Disk(world.layout.root)
        disk.feed(entries)
        write_disk(world.layout.root, disk.cut(self._rng))
        journal = read_journal(world.layout.journal)
        if journal is None:
            return "the journal cannot be read"
        if journal.request or (journal.last and journal.last.request):
            world.unask()
        world.boot("boot-2")
        went_down = journal.phase in {Phase.RESTARTING, Phase.TRYING}
        return self._after(world, good=good and not went_down, boots=True, at_boot=self._rng.random() < 0.5)

    def _disk_full(self, template: Path, phase: Phase, disk: SmallDisk, *, good: bool) -> None:
        world = self._world(template, disk.folder / "case")

        def fill(reached: Phase) -> None:
            if reached is phase:
                disk.fill(0)

        _in_child(lambda: _run(world, fill, phase))
        wrong = world.why_not_runnable()
        disk.free()
        self._judge("disk full", phase, 0, wrong or self._after(world, good=good))
        shutil.rmtree(world.folder)

    def _no_network(self, template: Path, phase: Phase, *, good: bool) -> None:
        world = self._world(template)
        off = self._folder / "network-off"

        def cut(reached: Phase) -> None:
            if reached is phase:
                off.touch()

        _in_child(lambda: _run(world, cut, phase))
        wrong = world.why_not_runnable()
        off.unlink(missing_ok=True)
        self._judge("no network", phase, 0, wrong or self._after(world, good=good))

    def _after(self, world: World, *, good: bool, boots: bool = False, at_boot: bool = False) -> str:
        """What is wrong with the box now, and when it went on; asked once more where it had given up."""
        if wrong := world.why_not_runnable():
            return f"at once: {wrong}"
        for work in _onwards(world, boots=boots, at_boot=at_boot):
            if code := _in_child(work):
                return f"going on ended with {code}"
        if wrong := _end_of(world):
            return wrong
        answer = world.answer()
        if good and answer and answer.state == "failed":
            world.ask(request="r2")
            if code := _in_child(world.resume):
                return f"asked again it ended with {code}"
        return _end_of(world) or _verdict(world, good=good)

    def _choose(self, places: list[Phase], phases: Sequence[Phase], points: int) -> dict[Phase, list[int]]:
        """For each phase some of the places at which it can be struck; all if there are not more."""
        found = {phase: [index for index, at in enumerate(places) if at is phase] for phase in phases}
        return {
            phase: sorted(self._rng.sample(there, min(points, len(there)))) for phase, there in found.items() if there
        }

    def _judge(self, hazard: Hazard, phase: Phase, point: int, wrong: str) -> None:
        self.cases.append(Case(hazard, phase.value, point, wrong))


def _onwards(world: World, *, boots: bool, at_boot: bool) -> Iterator[Callable[[], None]]:
    """What happens next: perhaps a boot, with or without the links put right first; the updater, started twice."""
    if boots:
        if at_boot:
            yield lambda: world.updater().at_boot()
        yield world.start
    yield world.resume
    yield world.resume


def _end_of(world: World) -> str:
    if wrong := world.why_not_runnable():
        return f"in the end: {wrong}"
    journal = read_journal(world.layout.journal)
    if journal is None or journal.phase is not Phase.IDLE:
        return f"it is not at rest: {journal}"
    current, good = world.layout.points_to("current"), world.layout.points_to("good")
    if current != good or world.running().get("release", OLD) != current:
        return f"current is {current}, good {good}, and what runs is {world.running()}"
    answer = world.answer()
    return "" if answer and answer.state != "under_way" else f"nobody was told: {answer}"


def _verdict(world: World, *, good: bool) -> str:
    """The release that it should have, and a word that says so."""
    current, answer = world.layout.points_to("current"), world.answer()
    wanted = NEW if good else OLD
    if current == wanted and answer and answer.state == ("succeeded" if good else "failed"):
        return ""
    return f"{current} runs, not {wanted}: {answer}"


def _run(world: World, on_phase: Callable[[Phase], None], first: Phase) -> None:
    """An updater to which something happens at a phase; one that says `not now` has ended well."""
    _Noticed.on_phase = staticmethod(on_phase)
    if first is Phase.IDLE:
        on_phase(Phase.IDLE)
    with contextlib.suppress(NotNowError, OSError):
        world.resume(world.updater(_Noticed))


def _run_until(world: World, point: int) -> None:
    """An updater that is killed before the change of this number."""
    _watch(world, lambda number: os.kill(os.getpid(), signal.SIGKILL) if number == point else None)
    world.resume()


def _watch(world: World, at: Callable[[int], None]) -> None:
    count, ours = 0, (str(world.layout.root), str(world.state), REQUEST, f".{RESULT}")

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal count
        if event in _CHANGES and any(isinstance(word, str) and word.startswith(ours) for word in args[:2]):
            count += 1
            at(count - 1)

    sys.addaudithook(hook)


def _changes_of(world: World) -> list[Phase]:
    """The phase at each change of a file, in the order of a whole update."""
    told = world.folder.parent / "changes"

    def note() -> None:
        updater, seen = world.updater(), []
        _watch(world, lambda _number: seen.append(updater.journal.phase.value))
        world.resume(updater)
        found = list(seen)
        told.write_text(json.dumps(found), encoding="utf-8")

    assert _in_child(note) == 0
    return [Phase(value) for value in json.loads(told.read_text(encoding="utf-8"))]


def _record(world: World, folder: Path) -> list[Entry]:
    """What a whole update does to its folder, by a real process under the power journal."""
    journal = folder / "power"
    journal.unlink(missing_ok=True)
    environment = os.environ | shim_environment(build_shim(folder), world.layout.root, journal)
    words = [sys.executable, "-m", "tests.update_cases", "--one", str(world.folder), world.address]
    subprocess.run(words, env=environment, check=True, timeout=_WITHIN)
    return list(read_power(journal))


def _phases_of(entries: Sequence[Entry], world: World) -> list[Phase]:
    """The phase at each deed: what the journal says as it would be read then, by its last whole replacement."""
    phase, draft, inode, phases = Phase.IDLE, b"", -1, []
    name = f".{world.layout.journal.name}.new"
    for entry in entries:
        if entry.deed in {Deed.CREATED, Deed.OPENED} and entry.name == name:
            inode = entry.inode
        elif entry.deed is Deed.WROTE and entry.inode == inode:
            draft = entry.data
        elif entry.deed is Deed.RENAMED and entry.names[0] == name:
            phase = Phase(json.loads(draft).get("phase", "idle"))
        phases.append(phase)
    return phases


def _in_child(work: Callable[[], object]) -> int:
    """Do it in a process of its own; return its exit code, negative for a signal."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        code = 1
        try:
            work()
            code = 0
        except BaseException as error:  # noqa: BLE001 - the parent is told by the code, a person by the words
            print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class _Bundles(http.server.BaseHTTPRequestHandler):
    """Serves a folder of bundles, also parts of them; while the network is off, it breaks off in the middle."""

    folder = Path()

    def do_GET(self) -> None:
        """One bundle."""
        found = sorted(self.folder.glob(f"*/bundles/{Path(self.path).name}"))
        content = found[0].read_bytes()
        said = self.headers.get("Range", "")
        first = int(said.removeprefix("bytes=").split("-")[0]) if said else 0
        if first >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if said else 200)
        if said:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        off = (self.folder / "network-off").exists()
        self.wfile.write(content[first : first + (len(content) - first) // 2] if off else content[first:])

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    """A server in a process of its own."""
    _Bundles.folder = folder
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Bundles)
    child = os.fork()
    if not child:
        server.serve_forever()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.server_close()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def run_table(points: int, seed: int) -> list[Case]:
    """The cases, `points` places in each phase for what can strike anywhere; as many as there are, if more."""
    with tempfile.TemporaryDirectory(prefix="update-cases-") as name:
        folder = Path(name)
        with (
            small_disk(
                folder / "quick", _MEMORY_BYTES
            ),  # where it may be mounted: real syncs would take most of the time
            small_disk(folder / "disk", DISK_BYTES) as disk,
            _serving(folder / "quick") as address,
        ):
            table = Table(folder / "quick", address, random.Random(seed))
            table.run(points, disk)
            return table.cases


def main() -> int:
    """Print the table, and the figure `update_cases_survived`; 1 if a box did not survive."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--points", type=int, default=1000, help="places in each phase that are struck; all, if fewer")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", nargs=2, metavar=("FOLDER", "ADDRESS"), help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.one:
        World(Path(said.one[0]), said.one[1]).resume()
        return 0
    cases = run_table(said.points, said.seed)
    dead = [case for case in cases if case.wrong]
    for (hazard, phase), count in Counter((case.hazard, case.phase) for case in cases).items():
        lost = sum((case.hazard, case.phase) == (hazard, phase) for case in dead)
        print(f"{hazard:<11} {phase:<16} {count - lost:>4} of {count:>4} survived")  # noqa: T201
    for case in dead:
        print(f"LOST {case.hazard}, {case.phase}, {case.point}: {case.wrong}")  # noqa: T201
    figure = {
        "update_cases": len(cases),
        "update_cases_survived": len(cases) - len(dead),
        "lost": list(map(asdict, dead)),
    }
    print(json.dumps(figure | {"lost": len(dead)}))  # noqa: T201
    if said.json:
        said.json.write_text(json.dumps(figure), encoding="utf-8")
    return bool(dead)


if __name__ == "__main__":
    sys.exit(main())
