"""Drawn scenes with exact truth: what must be found within how many seconds, and what must not be."""
