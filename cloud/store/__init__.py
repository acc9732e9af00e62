"""What the cloud knows, in one set of tables for two databases: SQLite for one site, PostgreSQL for a fleet."""
