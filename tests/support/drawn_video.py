"""A small video whose brightness tells the second, with a key frame at the beginning of each."""

from pathlib import Path
from typing import cast

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

STEP = 20
"""By so much each second is brighter than the one before; the first has this brightness too."""


def draw_video(path: Path, *, seconds: int, fps: int = 10, codec: str = "libx264") -> Path:
    """An MP4 of 160x120 at `path`, fragmented as recordings are."""
    h264 = codec == "libx264"
    with av.open(str(path), "w", format="mp4", options={"movflags": "frag_keyframe+empty_moov"}) as box:
        options = {"preset": "ultrafast", "bf": "2"} if h264 else {}
        stream = cast(VideoStream, box.add_stream(codec, rate=fps, options=options))
        stream.width, stream.height = 160, 120
        stream.pix_fmt = "yuv420p" if h264 else "yuvj420p"
        stream.codec_context.gop_size = fps
        for at in range(seconds * fps):
            level = STEP + STEP * (at // fps)
            frame = VideoFrame.from_ndarray(np.full((120, 160, 3), level, np.uint8), format="bgr24")
            box.mux(stream.encode(frame.reformat(format=stream.pix_fmt)))
        box.mux(stream.encode(None))
    return path
