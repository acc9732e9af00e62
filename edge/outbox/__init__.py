"""The local store: history, outbox and uploads in one SQLite file, so that what is said is kept and carried once."""
