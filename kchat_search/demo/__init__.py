"""The demo: a Kchat server of our own and made-up conversations for it.

    conversations/  writes service chats from a seed, and lets new ones happen (`Timeline`)
    chat_file.py        reads chats from a JSON-lines file instead
    api.py      what the documented API answers to a path and its parameters (pure)
    store.py        the chats that a server holds
    events.py       what can happen to them by order
    faults.py       what a test may order to go wrong once
    conditions.py   the table of what can be wrong for as long as it is switched on
    chat_edits.py      what it does to the chats that are shown
    active_conditions.py     which conditions are on, and whose turn it is
    control_api.py      conditions and events over HTTP, below /demo
    http_server.py      sockets and HTTP
    server.py       the server that all of it makes, on 127.0.0.1

Nothing here is real: every person, number, address and credential is made up.
"""

DEMO_EMAIL = "demo@example.com"
"""The e-mail of the demo's only account."""

DEMO_PASSWORD = "made-up-password"  # noqa: S105 - opens nothing but the demo on this machine
"""Its password, for basic auth as `email:password`."""

DEMO_API_TOKEN = "0123456789abcdef-made-up"  # noqa: S105 - the same
"""Its token, for basic auth as `email/token:api_token`."""

__all__ = ["DEMO_API_TOKEN", "DEMO_EMAIL", "DEMO_PASSWORD"]
