"""What an operator may say about how body signals are read; the defaults are those of the literature."""

from typing import Annotated

from msgspec import Meta, Struct

from contract.ids import Id


class SignalSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[affect.signals]` table."""

    scr_threshold_us: Annotated[
        float,
        Meta(
            ge=0.005,
            le=1.0,
            description="Least rise in microsiemens, from onset to peak, that counts as a skin conductance response "
            "(0.01 to 0.05 is usual).",
        ),
    ] = 0.03
    electrode_off_us: Annotated[
        float,
        Meta(
            ge=0.0,
            le=1.0,
            description="Skin conductance in microsiemens below which the electrodes are taken to be off the skin.",
        ),
    ] = 0.03
    saturated_us: Annotated[
        float,
        Meta(
            ge=5.0,
            le=1000.0,
            description="Skin conductance in microsiemens from which the sensor is taken to be at its stop.",
        ),
    ] = 60.0
    gap_s: Annotated[
        float,
        Meta(
            ge=0.1,
            le=10.0,
            description="Seconds without a sample of skin conductance after which it is cut: nothing is drawn across.",
        ),
    ] = 0.6
    pulse_gap_s: Annotated[
        float,
        Meta(
            ge=0.01,
            le=1.0,
            description="Seconds without a sample of the optical pulse after which it is cut: nothing is drawn across.",
        ),
    ] = 0.12
    absent_s: Annotated[
        float,
        Meta(ge=0.5, le=60.0, description="Seconds without a sample after which a channel counts as absent."),
    ] = 3.0
    heart_lowest_bpm: Annotated[
        float, Meta(ge=20.0, le=100.0, description="Slowest heart rate, in beats a minute, that is believed.")
    ] = 35.0
    heart_highest_bpm: Annotated[
        float, Meta(ge=100.0, le=260.0, description="Fastest heart rate, in beats a minute, that is believed.")
    ] = 220.0
    beat_quality: Annotated[
        float,
        Meta(
            ge=0.0,
            le=1.0,
            description="Least likeness (0 to 1) of a pulse wave to those before it for its beat to count.",
        ),
    ] = 0.7
    upside_down: Annotated[
        tuple[Id, ...],
        Meta(
            max_length=32,
            description="Sensors, by id, whose optical pulse is turned over before beats are looked for: of beats that "
            "point down fewer are found, and the channel's quality says so.",
        ),
    ] = ()
    heart_window_s: Annotated[
        float, Meta(ge=2.0, le=60.0, description="Seconds of beats that the heart rate is taken over.")
    ] = 10.0
    rmssd_window_s: Annotated[
        float, Meta(ge=10.0, le=600.0, description="Seconds of beats that RMSSD is taken over.")
    ] = 60.0
    rmssd_least: Annotated[
        int,
        Meta(
            ge=5,
            le=500,
            description="Least number of differences between neighbouring valid intervals for RMSSD; fewer give none.",
        ),
    ] = 20
    sdnn_window_s: Annotated[
        float, Meta(ge=30.0, le=3600.0, description="Seconds of beats that SDNN is taken over.")
    ] = 300.0
    sdnn_least: Annotated[
        int, Meta(ge=5, le=5000, description="Least number of valid intervals for SDNN; fewer give none.")
    ] = 120
