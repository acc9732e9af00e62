"""What moves, as things with an identity."""
