"""`make bench-peers`: the whole daemon beside the best known tool for the same work, on the same pictures at once."""
