"""Body sensors: one small protocol, one file per kind of source, and the service that keeps one running."""
