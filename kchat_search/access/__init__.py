"""Who may see what: people, tokens, sessions, roles, and the audit (argon2-cffi, SQLAlchemy).

    policy.py         what a principal may do and which chats it sees: pure functions
    needs.py          the mark of each method of the service: which permission it needs
    queries.py        a search as the audit records it
    administration.py what administrators do to people and tokens
    own_account.py    what people do with their own account
    own_searches.py   the saved searches of whoever asks, and what of them is new
    recorded.py       a change that stands only if it is recorded
    settings_row.py   the settings that decide who sees what, recorded when they change
    opening.py        `open_access`
    on_demand.py      `ports.Access` that opens its database when it is needed
    store.py          `SqlAccess`, which is `ports.Access`
    tables.py         the tables, as they are now
    migrations/       how a database of any earlier version gets these tables
    database.py       transactions; a file that was replaced is an error
    copying.py        what is particular about copying this database
    latest_time.py    the time that ends are judged by: it never goes back
    people.py         the accounts
    names.py          user names: which can be taken, when one looks like another (pure)
    passwords.py      which can be taken, what is kept of them
    role_lists.py     roles in a column
    sessions.py       log-ins of people in browsers
    tokens.py         tokens for programs
    saved_searches.py the searches that people have saved
    secret_text.py    secrets that this program makes, and what is stored of them
    sign_ins.py       signing in by password, slowed down where it fails
    sign_in_codes.py  codes that sign a local account in once, made at the command line
    request_counts.py how many requests a principal makes
    running_exports.py the exports of a principal that run, in all processes
    recorder.py       records what one principal does from one address
    audit_reading.py  the audit for whoever reads it: all rows, or their own
    audit_store.py    `SqlAudit`, which is `ports.Audit`
    group_commit.py   what many threads record at one time becomes one transaction
    audit_appending.py  append entries to the chain of all processes
    audit_chain.py    the hash of a row, the commitment to a text (pure)
    audit_check.py    hold every row against the chain, name those that differ (pure)
    audit_rows.py     which rows are asked for, and what they say
    audit_tables.py   the tables of the audit

Invariant: whatever is wrong with the database is an `AccessError`, and then nobody gets an answer.
"""
