"""Finding models by task: the bundled ones, and what an operator put into a folder: better ones, and detectors."""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contract.manifest import Manifest
from edge.core.errors import ModelError
from edge.models.loading import check_interface, load_model, read_manifest
from edge.models.session import AUTO, CPU, Array, Model, Runtime
from edge.models.settings import ModelSettings

BUNDLED: Final = Path(__file__).parent / "bundled"
"""The models that come with the appliance; `python -m cloud.training.build` writes them."""
_ENGINES: Final = "engines"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Installed:
    """A model in the operator's folder; of several for one task one is `used`."""

    path: Path
    manifest: Manifest
    used: bool


class SharedModel:
    """A model that several threads ask, one after the other."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._turn = threading.Lock()

    @property
    def manifest(self) -> Manifest:
        """See `Model`."""
        return self._model.manifest

    @property
    def provider(self) -> str:
        """See `Model`."""
        return self._model.provider

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """See `Model`; waits until nobody else's run goes on."""
        with self._turn:
            return self._model.run(inputs)


class ModelStore:
    """Models by task: from the operator's folder if it has one that works, else the bundled one.

    A task that nothing is bundled for is a detector's, and optional. `problems` says, one sentence each, which models
    of the operator's folder could not be used and why. May be asked in any thread.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        bundled: Path = BUNDLED,
        providers: Sequence[str] = (CPU,),
        detectors: Runtime | None = None,
        must_exist: bool = True,
    ) -> None:
        """`providers` run what is bundled and what replaces it, `detectors` the rest.

        A `folder` that does not exist is a problem if it `must_exist`, else it is empty.
        """
        self._folder = folder
        self._bundled = bundled
        self._runtime = Runtime(providers=tuple(providers))
        self._detectors = detectors or Runtime(providers=(AUTO,))
        self._must_exist = must_exist
        self._problems: dict[str, str] = {}
        self._shared: dict[str, SharedModel] = {}
        self._sharing = threading.Lock()

    @classmethod
    def of(cls, settings: ModelSettings, state: Path) -> "ModelStore":
        """The store that `settings` ask for, where `state` is the state folder."""
        folder = settings.folder_in(state)
        detectors = Runtime(
            providers=settings.detector_providers, threads=settings.detector_threads, cache=folder / _ENGINES
        )
        return cls(folder, providers=settings.providers, detectors=detectors, must_exist=bool(settings.folder))

    @property
    def problems(self) -> list[str]:
        """What of the operator's folder is passed over; empty when all is well."""
        return [self._problems[place] for place in sorted(self._problems)]

    @property
    def changed_ns(self) -> int:
        """When something was last put into or taken out of the operator's folder, 0 if there is none; one `stat`."""
        try:
            return self._folder.stat().st_mtime_ns if self._folder else 0
        except OSError:
            return 0

    def available(self) -> list[Manifest]:
        """The manifest of each task's model that `load` would try first, by task; nothing is opened or verified."""
        found = self._scan(self._bundled) | self._own()
        return [manifest for _, (_, manifest) in sorted(found.items())]

    def installed(self) -> list[Installed]:
        """Every model in the operator's folder whose manifest can be read, by file name; nothing is verified."""
        used = {path for path, _ in self._own().values()}
        if self._folder is None or not self._is_there(self._folder):
            return []
        return [Installed(path, manifest, path in used) for path, manifest in self._manifests(self._folder)]

    def has(self, task: str) -> bool:
        """Whether there is any model for `task`, working or not."""
        return task in self._own() or task in self._scan(self._bundled)

    def load(self, task: str) -> Model:
        """A verified model for `task`, nobody else's; raise `ModelError` if there is none that works.

        A model of the operator's folder that does not work is passed over for the bundled one, if there is one, kept in
        `problems` and logged once.
        """
        own, bundled = self._own().get(task), self._scan(self._bundled).get(task)
        if own and bundled:
            try:
                check_interface(own[1], bundled[1])
                return load_model(own[0], self._runtime)
            except ModelError as error:
                self._remember(own[0], f"{error}; the bundled model is used instead")
        if bundled:
            return load_model(bundled[0], self._runtime)
        if own is None:
            raise ModelError(f"there is no model for the task {task!r} in {self._bundled}")
        return load_model(own[0], self._detectors)

    def share(self, task: str) -> SharedModel:
        """As `load`, but the same model for everybody who asks, as long as the folder has the same one."""
        with self._sharing:
            known = self._shared.get(task)
            if known is None or known.manifest not in self.available():
                known = self._shared[task] = SharedModel(self.load(task))
            return known

    def release(self, model: SharedModel) -> None:
        """`model` failed: share it no more; the next who asks gets one that was loaded anew."""
        with self._sharing:
            for task in [task for task, shared in self._shared.items() if shared is model]:
                del self._shared[task]

    def _own(self) -> dict[str, tuple[Path, Manifest]]:
        if self._folder is None:
            return {}
        return self._scan(self._folder) if self._is_there(self._folder) else {}

    def _is_there(self, folder: Path) -> bool:
        """Whether there is a folder that may be looked through; if not, why is kept where there should be one."""
        try:
            next(folder.iterdir(), None)
        except (FileNotFoundError, NotADirectoryError):
            if self._must_exist:
                self._remember(folder, f"the folder of models {folder} does not exist")
        except OSError as error:
            self._remember(folder, f"the folder of models {folder} cannot be read: {error.strerror}")
        else:
            return True
        return False

    def _scan(self, folder: Path) -> dict[str, tuple[Path, Manifest]]:
        """The manifests of a folder by task; of two for one task the later file name counts."""
        return {manifest.task: (path, manifest) for path, manifest in self._manifests(folder)}

    def _manifests(self, folder: Path) -> list[tuple[Path, Manifest]]:
        found = []
        for path in sorted(folder.glob("*.json")):
            try:
                found.append((path, read_manifest(path)))
            except ModelError as error:
                self._remember(path, f"{error}; it is passed over")
        return found

    def _remember(self, place: Path, problem: str) -> None:
        if self._problems.get(str(place)) != problem:
            self._problems[str(place)] = problem
            _log.warning("%s", problem)
