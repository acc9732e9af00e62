"""Releases side by side: staged, verified, switched to, tried, kept or taken back, whatever dies meanwhile."""
