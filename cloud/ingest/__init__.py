"""From the broker into the database: once each, acked only when committed."""
