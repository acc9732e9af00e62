"""Which cameras record a session: those that were asked for, and never anybody who did not agree to be on video."""

from collections.abc import Sequence

from contract.sessions import ConsentState, ConsentText
from edge.affect.sessions.consent import says_video
from edge.affect.sessions.settings import SessionSettings
from edge.core.errors import RefusedError


def cameras_for(
    wanted: Sequence[str] | None,
    *,
    settings: SessionSettings,
    known: Sequence[str],
    consent: ConsentState | None,
    text: ConsentText,
) -> tuple[list[str], list[str]]:
    """The cameras, and a warning for each reason why some of the settings' cameras are left out.

    `wanted` None takes those of the settings; what was asked for by name and cannot be is refused (`RefusedError`).
    """
    cameras = list(dict.fromkeys(settings.cameras if wanted is None else wanted))
    problems = [f"camera: there is no camera {one}" for one in cameras if one not in known]
    if cameras and not covers_video(consent, text, settings):
        problems.append(f"consent: no video is recorded, for it does not cover that; {_remedy(settings)}")
        cameras = []
    if problems and wanted is not None:
        raise RefusedError(f"a session cannot begin: {'; '.join(problems)}")
    return [one for one in cameras if one in known], problems


def covers_video(consent: ConsentState | None, text: ConsentText, settings: SessionSettings) -> bool:
    """Whether they agreed to the text of now, and that says that video is recorded."""
    agreed = consent is not None and consent.given and consent.text_sha256 == text.sha256
    return agreed and says_video(settings)


def _remedy(settings: SessionSettings) -> str:
    if says_video(settings):
        return "let them read and agree to the text of now"
    return "start without video, or set consent_covers_video in [affect.sessions], and ask them again"
