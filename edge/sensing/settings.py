"""What can be set about a body sensor: one struct for each kind of source, told apart by `source`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from contract.ids import Id

GsrUnit = Literal["grove_adc", "us", "nanosiemens"]
HrUnit = Literal["bpm", "pulse_adc"]


class BaseSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="source"):
    """What every sensor has."""

    id: Annotated[Id, Meta(description="The sensor's id in records and URLs; never change it.")] = "body"
    name: Annotated[str, Meta(max_length=80, description="What people call the sensor; empty shows its id.")] = ""


class SerialSettings(BaseSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="serial"):
    """A board on a serial line: a sensor node that sends frames, or one that writes rows of `millis,gsr,hr`."""

    port: Annotated[
        str,
        Meta(
            pattern=r"^(auto|usb:.{1,100}|board:[0-9A-Fa-f]{1,8}|/.{1,255}|(COM|loop:|socket:).{0,200})$",
            description="Which board: `auto` takes a USB board that no other sensor has, `usb:<serial number>` that of "
            "this USB serial number, `board:<hex id>` the sensor node of this id wherever it is plugged in, and a path "
            "such as `/dev/serial/by-id/...` the port of that name.",
        ),
    ] = "auto"
    protocol: Annotated[
        Literal["auto", "frames", "lines"],
        Meta(
            description="What the board speaks: `frames` of a sensor node, `lines` of `millis,gsr,hr`, or `auto` to "
            "listen which of them it is."
        ),
    ] = "auto"
    baud: Annotated[
        int,
        Meta(
            ge=0,
            le=4_000_000,
            description="Speed of the line, in baud; 0 tries the usual ones, 115200 and 250000 for frames, 9600 for "
            "lines.",
        ),
    ] = 0
    gsr_unit: Annotated[
        GsrUnit,
        Meta(
            description="What the second column of a line means: `grove_adc` 10-bit counts of a Grove GSR board, `us` "
            "microsiemens, or `nanosiemens`."
        ),
    ] = "grove_adc"
    gsr_calibration: Annotated[
        float,
        Meta(
            ge=0,
            le=1023,
            description="The counts (of 1024) this very Grove board shows with open electrodes, fractions allowed; 0 "
            "takes what a sensor node itself remembers, and where there is nothing, counts stay counts.",
        ),
    ] = 0
    hr_unit: Annotated[
        HrUnit,
        Meta(
            description="What the third column of a line means: `bpm` beats a minute, or `pulse_adc` raw counts of an "
            "optical sensor."
        ),
    ] = "bpm"


class ReplaySettings(BaseSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="replay"):
    """Recorded files (CSV, or Parquet where pyarrow is installed), played as if they happened now."""

    files: Annotated[
        tuple[str, ...],
        Meta(
            min_length=1,
            max_length=8,
            description="The recorded files, merged by time. Columns: `t_s` in seconds, or `i` counting samples; and "
            "any of `gsr_us`, `eda_us`, `gsr_raw`, `hr_bpm`, `pulse_raw`, `skin_c`, `temp_c`, `skt_c`.",
        ),
    ] = ("recording.csv",)
    rate_hz: Annotated[
        float, Meta(gt=0, le=1000, description="Sampling rate of files that count samples in `i`, in hertz.")
    ] = 4.0
    where: Annotated[
        dict[str, int],
        Meta(description="Only the rows whose columns have these values, for example `{ subject = 5 }`."),
    ] = {}
    speed: Annotated[
        float,
        Meta(
            ge=0.1,
            le=1000,
            description="How many times faster than recorded to play. Samples are stamped as they come out, so that a "
            "faster replay squeezes the signal: for tests.",
        ),
    ] = 1.0
    loop: Annotated[bool, Meta(description="Whether to begin again at the end, with a gap between.")] = False


class SimulatedSettings(BaseSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="simulated"):
    """A made-up participant whose mood drifts, for demonstrations and tests."""

    rate_hz: Annotated[float, Meta(ge=1, le=50, description="Samples a second.")] = 8.0
    seed: Annotated[int, Meta(ge=0, le=2**31, description="The same number gives the same participant.")] = 1
    mood_s: Annotated[
        float, Meta(ge=5, le=3600, description="Mean time the participant stays in one mood, in seconds.")
    ] = 40.0
    gap_every_s: Annotated[
        float, Meta(ge=0, le=86_400, description="Mean time between short losses of contact, in seconds; 0 for none.")
    ] = 120.0


SensorSettings = SerialSettings | ReplaySettings | SimulatedSettings
"""Any sensor; `source` tells which."""
