"""Some of the drawn scenes of `make eval-vision`, played to the real service: what must be found is, and no more."""

from pathlib import Path

import pytest

from tests.eval.scenes.measure import all_scenes
from tests.eval.scenes.play import play
from tests.eval.scenes.truth import judge

SCENES = {scene.name: scene for scene in all_scenes()}


@pytest.mark.parametrize(
    "name",
    ["restricted zone", "line crossed", "wrong way", "object left", "object removed", "covered", "rain begins"],
)
def test_a_drawn_scene_is_understood(name: str, tmp_path: Path) -> None:
    """Zones, lines and rules; a covered camera; weather that is no motion."""
    verdict = judge(SCENES[name], *play(SCENES[name], tmp_path))
    assert verdict.missed == ()
    assert verdict.false == ()
