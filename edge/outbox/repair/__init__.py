"""A damaged store: opened all the same, with everything that can still be read of it."""
