"""Zones and lines: what may and may not happen where."""
