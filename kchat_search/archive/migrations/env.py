"""What Alembic runs."""

from __future__ import annotations

from kchat_search.archive.error_translation import ARCHIVE
from kchat_search.databases.migration_run import run_migrations

run_migrations(ARCHIVE)
