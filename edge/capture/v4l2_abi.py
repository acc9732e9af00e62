"""The part of the Linux kernel's video interface that capturing needs (linux/videodev2.h), by its numbers."""

import ctypes
from typing import Final, TypeAlias

CAPTURE: Final = 1
"""V4L2_BUF_TYPE_VIDEO_CAPTURE."""
MMAP: Final = 1
"""V4L2_MEMORY_MMAP."""
CAN_CAPTURE: Final = 0x00000001
CAN_STREAM: Final = 0x04000000
HAS_DEVICE_CAPS: Final = 0x80000000
BUFFER_ERROR: Final = 0x0040
"""V4L2_BUF_FLAG_ERROR: the data of this buffer may be damaged."""


def fourcc(code: str) -> int:
    """A pixel format's number from its four letters."""
    return int.from_bytes(code.encode("ascii"), "little")


def letters(number: int) -> str:
    """A pixel format's four letters."""
    return number.to_bytes(4, "little").decode("ascii", "replace")


class Capability(ctypes.Structure):
    """struct v4l2_capability."""

    _fields_ = (
        ("driver", ctypes.c_char * 16),
        ("card", ctypes.c_char * 32),
        ("bus_info", ctypes.c_char * 32),
        ("version", ctypes.c_uint32),
        ("capabilities", ctypes.c_uint32),
        ("device_caps", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 3),
    )


class FormatDescription(ctypes.Structure):
    """struct v4l2_fmtdesc."""

    _fields_ = (
        ("index", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("description", ctypes.c_char * 32),
        ("pixelformat", ctypes.c_uint32),
        ("mbus_code", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 3),
    )


class PixelFormat(ctypes.Structure):
    """struct v4l2_pix_format."""

    _fields_ = (
        ("width", ctypes.c_uint32),
        ("height", ctypes.c_uint32),
        ("pixelformat", ctypes.c_uint32),
        ("field", ctypes.c_uint32),
        ("bytesperline", ctypes.c_uint32),
        ("sizeimage", ctypes.c_uint32),
        ("colorspace", ctypes.c_uint32),
        ("priv", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("ycbcr_enc", ctypes.c_uint32),
        ("quantization", ctypes.c_uint32),
        ("xfer_func", ctypes.c_uint32),
    )


class _FormatUnion(ctypes.Union):
    # `window` stands for struct v4l2_window, whose pointers decide the alignment.
    _fields_ = (("pix", PixelFormat), ("window", ctypes.c_void_p), ("raw", ctypes.c_uint8 * 200))


class Format(ctypes.Structure):
    """struct v4l2_format."""

    _fields_ = (("type", ctypes.c_uint32), ("fmt", _FormatUnion))


class _CaptureRate(ctypes.Structure):
    _fields_ = (
        ("capability", ctypes.c_uint32),
        ("capturemode", ctypes.c_uint32),
        ("numerator", ctypes.c_uint32),
        ("denominator", ctypes.c_uint32),
        ("extendedmode", ctypes.c_uint32),
        ("readbuffers", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32 * 4),
    )


class _RateUnion(ctypes.Union):
    _fields_ = (("capture", _CaptureRate), ("raw", ctypes.c_uint8 * 200))


class Rate(ctypes.Structure):
    """struct v4l2_streamparm."""

    _fields_ = (("type", ctypes.c_uint32), ("parm", _RateUnion))


class RequestBuffers(ctypes.Structure):
    """struct v4l2_requestbuffers."""

    _fields_ = (
        ("count", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("memory", ctypes.c_uint32),
        ("capabilities", ctypes.c_uint32),
        ("flags", ctypes.c_uint8),
        ("reserved", ctypes.c_uint8 * 3),
    )


class _Timeval(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_usec", ctypes.c_long))


class _Timecode(ctypes.Structure):
    _fields_ = (("type", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("rest", ctypes.c_uint8 * 8))


class _PlaceUnion(ctypes.Union):
    _fields_ = (("offset", ctypes.c_uint32), ("userptr", ctypes.c_ulong), ("planes", ctypes.c_void_p))


class Buffer(ctypes.Structure):
    """struct v4l2_buffer."""

    _fields_ = (
        ("index", ctypes.c_uint32),
        ("type", ctypes.c_uint32),
        ("bytesused", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("field", ctypes.c_uint32),
        ("timestamp", _Timeval),
        ("timecode", _Timecode),
        ("sequence", ctypes.c_uint32),
        ("memory", ctypes.c_uint32),
        ("m", _PlaceUnion),
        ("length", ctypes.c_uint32),
        ("reserved2", ctypes.c_uint32),
        ("request_fd", ctypes.c_uint32),
    )


Argument: TypeAlias = Capability | FormatDescription | Format | Rate | RequestBuffers | Buffer | ctypes.c_int
"""What an ioctl of this interface takes."""

_READ, _WRITE = 2, 1


def _number(direction: int, number: int, kind: type[Argument]) -> int:
    """The ioctl's number as asm-generic/ioctl.h makes it: direction, size of the argument, 'V', number."""
    return direction << 30 | ctypes.sizeof(kind) << 16 | ord("V") << 8 | number


QUERYCAP: Final = _number(_READ, 0, Capability)
ENUM_FMT: Final = _number(_READ | _WRITE, 2, FormatDescription)
S_FMT: Final = _number(_READ | _WRITE, 5, Format)
REQBUFS: Final = _number(_READ | _WRITE, 8, RequestBuffers)
QUERYBUF: Final = _number(_READ | _WRITE, 9, Buffer)
QBUF: Final = _number(_READ | _WRITE, 15, Buffer)
DQBUF: Final = _number(_READ | _WRITE, 17, Buffer)
STREAMON: Final = _number(_WRITE, 18, ctypes.c_int)
STREAMOFF: Final = _number(_WRITE, 19, ctypes.c_int)
S_PARM: Final = _number(_READ | _WRITE, 22, Rate)
