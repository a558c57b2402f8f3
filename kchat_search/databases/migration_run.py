"""What Alembic runs for every kind of database: the migrations, on the connection and in the
transaction of `opening`."""

from __future__ import annotations

from alembic import context

from kchat_search.databases.kind import Kind


def run_migrations(kind: Kind) -> None:
    """Called by the `env.py` beside the migrations of each kind."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=kind.metadata,
        version_table=kind.version_table,
        render_as_batch=True,  # SQLite changes a table by making a new one
    )
    with context.begin_transaction():
        context.run_migrations()
