"""Video on disk: pre-roll ring, fragmented MP4 that survives a crash, and a spool that keeps to its budget."""
