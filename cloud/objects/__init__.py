"""Where recordings lie: a folder beside a local cloud, or S3 and what speaks it."""
