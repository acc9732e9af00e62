"""Vision: what moves in front of a camera, what of it is unusual, and the events that come of it."""
