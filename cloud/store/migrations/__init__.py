"""The steps from each schema to the next, run by Alembic inside a transaction of `cloud.store.migrate`."""
