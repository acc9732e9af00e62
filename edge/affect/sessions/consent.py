"""The text that participants agree to, with its version and its digest, so that a consent says what was agreed to."""

import hashlib
from pathlib import Path
from typing import Final

from contract.messages import Consent
from contract.sessions import ConsentState, ConsentText
from edge.affect.sessions.settings import SessionSettings
from edge.core.errors import StoreError

MOST_BYTES: Final = 64 * 1024
EXTERNAL: Final = "external"
"""The version of a text that an existing client showed, and we never saw."""
_EXTERNAL_SHA256: Final = hashlib.sha256(b"").hexdigest()
_OUR_VERSION: Final = "afferent-2"
_OUR_VIDEO_VERSION: Final = "afferent-2-video"
_OUR_TEXT: Final = """\
What happens in this session

While you watch, a sensor on your body measures the conductance of your skin and your pulse. From this a program
estimates how you feel. Now and then you are asked how you feel yourself; you need not answer.
{video}
What is kept, and under which name

Kept are the signals of the sensor as they come, what the program says in each few seconds of a session, your answers,
the marks and notes of the person who leads the session, and the times of all these. It is kept under a pseudonym, never
under your name, on this device and, where one is connected, on the server of the study.

What you may do

You take part of your own will. You may stop at any moment and need not say why. You may take this consent back at any
moment: a session that runs then ends, and nothing more is kept of you. You may have everything of you erased, on this
device and on the server. The estimate can be wrong; it is no diagnosis.
"""
_VIDEO: Final = """
A camera records you on video while the session runs. The video is kept with the rest, and may let people who know you
recognise you.
"""


def says_video(settings: SessionSettings) -> bool:
    """Whether the text of now says that video is recorded: the general one does where the settings name cameras."""
    return settings.consent_covers_video or bool(settings.cameras and not settings.consent_file)


def consent_text(settings: SessionSettings) -> ConsentText:
    """The text of now. Raise `StoreError` if the file of the settings cannot be read as text."""
    if not settings.consent_file:
        video = says_video(settings)
        return _text(_OUR_VIDEO_VERSION if video else _OUR_VERSION, _OUR_TEXT.format(video=_VIDEO if video else ""))
    path = Path(settings.consent_file)
    try:
        raw = path.read_bytes()
        if len(raw) > MOST_BYTES:
            raise StoreError(f"{path}: a text to agree to may have {MOST_BYTES} bytes, this has {len(raw)}")
        return _text(settings.consent_version, raw.decode())
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path}: the text that participants agree to cannot be read: {error}") from error


def agreed(text: ConsentText, *, given: bool, at_ms: int, witness: str) -> ConsentState:
    """The state after somebody agreed to `text`, or took it back."""
    return ConsentState(
        given=given, text_version=text.version, text_sha256=text.sha256, at_ms=at_ms, witness=witness[:200]
    )


def agreed_elsewhere(at_ms: int) -> ConsentState:
    """The state after an existing client began a session: it asked, and we know no more of it."""
    return ConsentState(
        given=True,
        text_version=EXTERNAL,
        text_sha256=_EXTERNAL_SHA256,
        at_ms=at_ms,
        witness="existing client",
    )


def record_of(participant: str, state: ConsentState) -> Consent:
    """The record of it."""
    return Consent(
        participant=participant,
        given=state.given,
        text_version=state.text_version,
        text_sha256=state.text_sha256,
        witness=state.witness,
    )


def _text(version: str, text: str) -> ConsentText:
    return ConsentText(version=version, text=text, sha256=hashlib.sha256(text.encode()).hexdigest())
