"""What an operator may say about emotion."""

from typing import Annotated

from msgspec import Meta, Struct

from contract.ids import Id
from edge.affect.asking.settings import AskSettings
from edge.affect.sessions.settings import SessionSettings
from edge.affect.signals.settings import SignalSettings


class AffectSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[affect]` table."""

    enabled: Annotated[bool, Meta(description="Whether emotion is estimated from the body signals of each sensor.")] = (
        True
    )
    participants: Annotated[
        dict[Id, Id],
        Meta(
            description="Who wears which sensor: sensor id to user id. A viewing that this user starts takes this "
            "sensor; a sensor that is not named here takes the newest viewing of any user who has none of their own."
        ),
    ] = {}
    min_quality: Annotated[
        float,
        Meta(
            ge=0.0,
            le=1.0,
            description="Signal quality (0 to 1) below which a segment is left undecided; the model's own least "
            "quality counts if it is higher.",
        ),
    ] = 0.0
    settle_ms: Annotated[
        int,
        Meta(
            ge=0,
            le=2000,
            description="Milliseconds to wait after the end of a segment for samples that are still on their way; a "
            "serial board's are let gather for 40.",
        ),
    ] = 100
    voice_weight: Annotated[
        float,
        Meta(
            ge=0.0,
            le=2.0,
            description="How much another voice on the same person's emotion, such as a camera that saw the face, "
            "counts beside the body's 1 where it is sure and fresh; 0 for not at all.",
        ),
    ] = 0.5
    signals: SignalSettings = SignalSettings()
    sessions: SessionSettings = SessionSettings()
    asking: AskSettings = AskSettings()
