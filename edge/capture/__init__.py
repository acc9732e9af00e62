"""Cameras: one small protocol, one file for each way to get pictures, and the service that keeps one running."""
