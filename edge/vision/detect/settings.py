"""How optional detectors are used."""

from typing import Annotated

from msgspec import Meta, Struct


class DetectSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Optional detectors: they run where an operator has installed a model for them, and cost nothing otherwise."""

    enabled: Annotated[bool, Meta(description="Whether detectors that are installed are used at all.")] = True
    max_hz: Annotated[
        float,
        Meta(
            ge=0.05,
            le=30,
            description="Looks a second at most, and only while something moves; a detector that is slow looks more "
            "seldom, so that it takes half of one core at most.",
        ),
    ] = 2.0
    max_crops: Annotated[
        int,
        Meta(
            ge=1,
            le=8,
            description="At most so many parts of the picture are looked at in one look; more that moves is looked at "
            "in fewer, larger parts.",
        ),
    ] = 2
    objects: Annotated[bool, Meta(description="Whether objects are named, if a model for them is installed.")] = True
    classes: Annotated[
        tuple[Annotated[str, Meta(max_length=60)], ...],
        Meta(
            max_length=100,
            description="Classes of objects to tell, by the names that the model has for them; empty for all.",
        ),
    ] = ()
    faces: Annotated[bool, Meta(description="Whether faces are looked for, if a model for them is installed.")] = True
    expressions: Annotated[
        bool,
        Meta(
            description="Whether faces are asked for their expression, if models for faces and for expressions are "
            "installed; what they say counts as one more voice on emotion."
        ),
    ] = True
    min_score: Annotated[
        float, Meta(ge=0.05, le=0.99, description="Score from 0 to 1 below which a detection does not count.")
    ] = 0.5
    label_half_life_s: Annotated[
        float,
        Meta(
            ge=1,
            le=600,
            description="Seconds in which the confidence of a thing's class halves while no detection confirms it.",
        ),
    ] = 20.0
