"""From a track to the `Thing` that everybody else reads."""

from contract.messages import Box
from edge.vision.findings import Thing
from edge.vision.things.track import Track


def thing_of(track: Track, *, habitual_share: float, label: str = "", label_confidence: float = 0.0) -> Thing:
    """What `track` is now. `habitual_share` is the share of all frames in which something moves there; `label` the
    class that a detector gave it, empty if none did."""
    blob = track.blob
    speed, heading_deg = track.course
    still = track.still
    return Thing(
        box=Box(
            x=blob.x,
            y=blob.y,
            w=blob.w,
            h=blob.h,
            label=label or ("still" if still else "motion"),
            track=track.number,
        ),
        still=still,
        since_ns=track.began_ns,
        moving_s=(track.moved_ns - track.began_ns) / 1e9,
        dwell_s=track.dwell_s,
        habitual_share=habitual_share,
        speed=speed,
        heading_deg=heading_deg,
        age_s=track.age_s,
        label_confidence=label_confidence,
        origin=track.origin,
    )
