"""What can be set about a body sensor: one struct for each kind of source, told apart by `source`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from contract.ids import Id

GsrUnit = Literal["grove_adc", "us", "nanosiemens"]
HrUnit = Literal["bpm", "pulse_adc"]
LslChannel = Literal["gsr_us", "gsr_raw", "hr_bpm", "pulse_raw", "ibi_ms", "skin_c"]

_LEAST_PULSE_HZ = 25
_NO_QUOTES = "^[^'\"]*$"


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


class BleSettings(BaseSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="ble"):
    """A heart rate sensor over Bluetooth Low Energy, such as a chest strap: the standard GATT service. Needs the extra
    `ble`, and BlueZ on the machine."""

    address: Annotated[
        str,
        Meta(
            pattern=r"^$|^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$",
            description="The sensor's Bluetooth address; empty takes the first heart rate sensor that is heard.",
        ),
    ] = ""
    device_name: Annotated[
        str,
        Meta(max_length=80, description="Only a sensor whose advertised name begins with this; empty takes any name."),
    ] = ""
    adapter: Annotated[
        str, Meta(max_length=20, description="The Bluetooth adapter, such as `hci1`; empty takes the usual one.")
    ] = ""
    scan_s: Annotated[
        float, Meta(ge=1, le=120, description="How long to listen for the sensor before trying again, in seconds.")
    ] = 15.0


class LslSettings(BaseSettings, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="lsl"):
    """An inlet of a Lab Streaming Layer stream. Needs the extra `lsl`, and the library liblsl of the system: the extra
    brings none for Linux, on x86-64 as little as on aarch64."""

    stream: Annotated[str, Meta(max_length=120, description="The stream's name; empty takes any name.")] = ""
    stream_type: Annotated[
        str,
        Meta(max_length=80, pattern=_NO_QUOTES, description="The stream's type, such as `EDA`; empty takes any type."),
    ] = ""
    source_id: Annotated[str, Meta(max_length=200, description="The stream's source id; empty takes any.")] = ""
    channels: Annotated[
        dict[str, LslChannel],
        Meta(
            description="Which of the stream's channels to take, by label or by number from 0, and what each is: "
            "`gsr_us`, `gsr_raw`, `hr_bpm`, `pulse_raw`, `ibi_ms` or `skin_c`; empty takes those whose label and unit "
            "say so themselves."
        ),
    ] = {}
    scale: Annotated[
        dict[str, Annotated[float, Meta(gt=0, le=1e9)]],
        Meta(description="What the values of a channel are multiplied by to come to our unit, by the same names."),
    ] = {}
    library: Annotated[
        str,
        Meta(max_length=256, description="Path of liblsl, where it does not lie where the system looks for libraries."),
    ] = ""
    find_s: Annotated[
        float, Meta(ge=0.5, le=60, description="How long to look for the stream before trying again, in seconds.")
    ] = 5.0


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

    rate_hz: Annotated[float, Meta(ge=1, le=200, description="Samples a second.")] = 8.0
    pulse: Annotated[
        bool,
        Meta(
            description="Whether the participant wears an optical pulse sensor, not one that tells the heart rate. "
            "Needs a `rate_hz` of 25 at least."
        ),
    ] = False
    seed: Annotated[int, Meta(ge=0, le=2**31, description="The same number gives the same participant.")] = 1
    mood_s: Annotated[
        float, Meta(ge=5, le=3600, description="Mean time the participant stays in one mood, in seconds.")
    ] = 40.0
    gap_every_s: Annotated[
        float, Meta(ge=0, le=86_400, description="Mean time between short losses of contact, in seconds; 0 for none.")
    ] = 120.0

    def __post_init__(self) -> None:
        """Refuse a pulse that is sampled too slowly to be one."""
        if self.pulse and self.rate_hz < _LEAST_PULSE_HZ:
            raise ValueError(f"pulse needs a rate_hz of {_LEAST_PULSE_HZ} at least")


SensorSettings = SerialSettings | BleSettings | LslSettings | ReplaySettings | SimulatedSettings
"""Any sensor; `source` tells which."""
