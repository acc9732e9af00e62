"""Videos that browsers hand in piece by piece: taken, kept, put together, and sent on to object storage."""
