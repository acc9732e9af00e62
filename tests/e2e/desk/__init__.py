"""The session desk in a real browser."""
