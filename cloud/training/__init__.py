"""Training: recipes that learn from recordings, and the graphs that carry to a device what was learned."""
