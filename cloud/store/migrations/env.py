"""What Alembic runs: the connection comes from `cloud.store.migrate`, with the transaction already open."""

from alembic import context

from cloud.store import fleet_tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=fleet_tables.audit.metadata,
    render_as_batch=True,
    transaction_per_migration=False,
)
context.run_migrations()
