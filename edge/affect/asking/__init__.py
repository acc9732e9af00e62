"""When to ask a participant how they feel: seldom enough to leave them alone, at the moments that tell most."""
