"""An archive on PostgreSQL that costs a test little: one database, emptied for each test."""

from __future__ import annotations

import psycopg

from kchat_search.archive import open_archive
from kchat_search.archive.tables import metadata


class EmptyOnPostgres:
    """A database with the tables of an archive."""

    def __init__(self, url: str) -> None:
        self.url = url
        open_archive(url).close()
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE empty_tally AS SELECT * FROM tally")

    def emptied(self) -> str:
        """Its address, with nothing in the tables, as after they were made."""
        with psycopg.connect(self.url) as connection:
            connection.execute(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")
            connection.execute("INSERT INTO tally SELECT * FROM empty_tally")
        return self.url
