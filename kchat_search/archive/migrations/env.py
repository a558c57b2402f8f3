"""What Alembic runs: the migrations, on the connection and in the transaction of `opening`."""

from __future__ import annotations

from alembic import context

from kchat_search.archive.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by making a new one
)
with context.begin_transaction():
    context.run_migrations()
