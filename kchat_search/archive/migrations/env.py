"""What Alembic runs: the steps, on the connection and in the transaction that the archive gives."""

from __future__ import annotations

from alembic import context

from kchat_search.archive.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by building it anew
)
with context.begin_transaction():
    context.run_migrations()
