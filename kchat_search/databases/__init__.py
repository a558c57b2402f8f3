"""Databases: what the archive and the database of people share.

    kind.py               what one kind of database is: its tables, its migrations, its errors
    opening.py            `open_database`: checks the address, makes the database, migrates it
    connections.py        connections to SQLite and PostgreSQL: transactions, durability, fork
    bounded_waits.py      waits for a PostgreSQL server that have an end
    statements.py         statements over many rows
    driver_statements.py  statements without SQLAlchemy's share of the time
    column_values.py      between Python's values and what a column holds
    error_translation.py  from the database's errors to those of `kchat_search.errors`
    numbering.py          the numbers that a table gives its rows
    copying.py            copy a database to another one, and prove the copy
    migration_run.py      what Alembic runs for every kind of database

SQL over rows is written in `archive/` and `access/`, and nowhere else.
"""
