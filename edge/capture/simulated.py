"""A camera where there is none: the made-up scene, at the rate of a real one."""

from edge.capture.camera import Picture
from edge.capture.encode import encode_bgr
from edge.capture.lifetime import Lifetime
from edge.capture.pace import Pace
from edge.capture.scene import Person, Scene
from edge.capture.settings import SimulatedSettings
from edge.core.clock import Clock


class SimulatedCamera:
    """Shows `Scene` picture by picture; `people` tells what is in it."""

    def __init__(self, settings: SimulatedSettings, *, clock: Clock) -> None:
        self._settings = settings
        self._lifetime = Lifetime(self._release)
        self._pace = Pace(clock, self._lifetime)
        self._scene: Scene | None = None
        self._number = 0

    def open(self) -> None:
        """Make the scene; see `Camera`."""
        with self._lifetime.inside():
            self._scene = self._new_scene()

    def read(self) -> Picture:
        """The next picture when it is due; see `Camera`."""
        with self._lifetime.inside():
            scene = self._scene = self._scene or self._new_scene()
            self._pace.wait(1 / self._settings.fps)
            image = scene.draw(self._number / self._settings.fps)
            self._number += 1
            return encode_bgr(image, self._settings.jpeg_quality)

    def people(self, number: int) -> tuple[Person, ...]:
        """Who is in picture `number`, counted from 0; only while the camera is open."""
        return self._scene.people(number / self._settings.fps) if self._scene else ()

    def close(self) -> None:
        """Forget the scene; see `Camera`."""
        self._lifetime.close()

    def describe(self) -> str:
        """What it is."""
        return f"simulated scene {self._settings.seed}"

    def _new_scene(self) -> Scene:
        settings = self._settings
        return Scene(settings.width, settings.height, seed=settings.seed, noise=settings.noise)

    def _release(self) -> None:
        self._scene = None
