"""What Alembic runs."""

from __future__ import annotations

from kchat_search.access.tables import ACCESS
from kchat_search.databases.migration_run import run_migrations

run_migrations(ACCESS)
