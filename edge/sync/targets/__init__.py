"""Where recordings go: one protocol, one file for each kind of object storage."""
