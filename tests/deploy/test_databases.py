"""The script that makes the databases of a cluster, on a real PostgreSQL server."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.deploy.compose_files import compose, environment
from tests.docs.documents import ROOT

MADE = ("kchat_access", "kchat_archive")
SECRET = 'it\'s "quoted" $HOME'


@contextmanager
def superuser(server: str) -> Iterator[psycopg.Connection]:
    """A superuser `image`, as the image makes one. All that was made is gone at the end."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE ROLE image SUPERUSER LOGIN PASSWORD 'image'")
        try:
            yield connection
        finally:
            for database in MADE:
                connection.execute(f"DROP DATABASE IF EXISTS {database} (FORCE)".encode())
            connection.execute("DROP ROLE IF EXISTS kchat, image")


@pytest.mark.skipif(shutil.which("psql") is None, reason="no psql here")
def test_the_script_makes_two_databases_for_somebody_who_may_nothing_else(
    postgres_server: str,
) -> None:
    at = urlsplit(postgres_server)
    place = {"PGHOST": str(at.hostname), "PGPORT": str(at.port), "PGPASSWORD": "image"}
    # The script knows the role's password only by the variable. psql takes its own from PGPASSWORD.
    given = {"POSTGRES_USER": "image", "POSTGRES_PASSWORD": SECRET, "PATH": os.environ["PATH"]}
    script = ROOT / "deploy" / "databases.sh"
    assert os.access(script, os.X_OK), "else the image's own script would read it as its own"
    with superuser(postgres_server) as connection:
        subprocess.run([script], env=place | given, check=True, capture_output=True)
        made = connection.execute(
            "SELECT datname, pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate "
            "FROM pg_database WHERE datname LIKE 'kchat\\_%' ORDER BY datname"
        ).fetchall()
        assert made == [(name, "kchat", "UTF8", "C") for name in MADE]
        assert connection.execute(
            "SELECT rolsuper, rolcreatedb, rolcreaterole, rolbypassrls FROM pg_roles "
            "WHERE rolname = 'kchat'"
        ).fetchall() == [(False, False, False, False)]
        assert connection.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname = 'image'"
        ).fetchall() == [(None,)]
        for database in MADE:
            psycopg.connect(
                f"dbname={database} user=kchat", host=at.hostname, port=at.port, password=SECRET
            ).close()


def test_the_databases_that_are_made_are_those_of_the_settings() -> None:
    given = environment(compose("compose.cluster.yaml")["services"]["web1"])
    urls = [urlsplit(given[f"KCHAT_{name}_URL"]) for name in ("ACCESS", "ARCHIVE")]
    assert [url.path.removeprefix("/") for url in urls] == list(MADE)
    assert {url.username for url in urls} == {"kchat"}
