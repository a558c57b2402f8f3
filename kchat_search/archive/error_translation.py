"""What the archive does about errors of its database; `databases.error_translation` words them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy.exc import DBAPIError

from kchat_search.archive.tables import MIGRATION, metadata
from kchat_search.databases.error_translation import database_errors, is_damage
from kchat_search.databases.kind import Kind
from kchat_search.errors import ArchiveError, ArchiveFull

log = logging.getLogger(__name__)

ARCHIVE = Kind(
    noun="archive",
    setting="KCHAT_ARCHIVE_URL",
    example="sqlite:///var/archive.sqlite3",
    metadata=metadata,
    migration=MIGRATION,
    newest_table="set_aside",
    migrations="kchat_search.archive:migrations",
    version_table="alembic_version",
    error=ArchiveError,
    full=ArchiveFull,
    remedy="Set it right with kchat-search repair, or put a backup in its place",
)


def archive_errors(location: str, *, opening: bool = False) -> AbstractContextManager[None]:
    """Translate errors that are raised inside the block, as `database_errors` does."""
    return database_errors(ARCHIVE, location, opening=opening)


@contextmanager
def readable_part(of: str) -> Iterator[None]:
    """Go on behind the block, where SQLite can't read what the block reads: a part of this table.
    The log says so; `checking` names it."""
    try:
        yield
    except DBAPIError as error:
        if not is_damage(error):
            raise
        log.warning("A part of the archive can't be read (%s): %s", of, error.orig)
