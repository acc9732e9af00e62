"""Viewing sessions on the device: who takes part, what is watched, what was said, and what was seen of it all."""
