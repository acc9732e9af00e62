"""Emotion from body signals: windows, 5 s segments, viewing sessions and the service that joins them to a model."""
