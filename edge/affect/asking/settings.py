"""What an operator may say about asking."""

from typing import Annotated

from msgspec import Meta, Struct


class AskSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[affect.asking]` table."""

    enabled: Annotated[
        bool,
        Meta(description="Whether participants are asked how they feel while a session runs."),
    ] = True
    per_stimulus: Annotated[
        int, Meta(ge=1, le=60, description="Questions during a stimulus of known length, the first one included.")
    ] = 5
    per_hour: Annotated[int, Meta(ge=1, le=240, description="Most questions within any hour.")] = 60
    least_gap_ms: Annotated[
        int,
        Meta(ge=5_000, le=3_600_000, description="Least milliseconds from a question or a label to the next question."),
    ] = 15_000
    every_ms: Annotated[
        int,
        Meta(
            ge=5_000,
            le=3_600_000,
            description="Milliseconds from question to question on average, where the length of the stimulus is "
            "unknown.",
        ),
    ] = 60_000
    front: Annotated[
        float,
        Meta(
            ge=1.0,
            le=3.0,
            description="How much closer together the questions are at the beginning, where feelings change fastest: "
            "question i of k comes at the share (i/k)**front of the stimulus; 1 is a uniform clock.",
        ),
    ] = 1.2
    first_ms: Annotated[
        int, Meta(ge=0, le=600_000, description="Milliseconds from the beginning to the first question, at least.")
    ] = 0
    early_share: Annotated[
        float,
        Meta(
            ge=0.0,
            le=1.0,
            description="How much sooner than by the clock, as a share of the time between two questions, a change, a "
            "disagreement or doubt may bring the next one; 0 for never.",
        ),
    ] = 0.0
    change_above: Annotated[
        float,
        Meta(
            ge=0.0,
            le=100.0,
            description="Change score from which a question may come early; 1 is what the model calls a change.",
        ),
    ] = 1.0
    disagreement_above: Annotated[
        float,
        Meta(
            ge=0.0,
            le=1.0,
            description="Disagreement among the voices from which a question may come early; 1 is opposite "
            "certainties.",
        ),
    ] = 0.5
    unsure_below: Annotated[
        float,
        Meta(
            ge=0.0,
            le=1.0,
            description="Confidence of the estimate below which a question may come early; 0 for never.",
        ),
    ] = 0.35
