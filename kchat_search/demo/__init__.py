"""The demo: a Kchat server of our own, and made-up conversations for it.

    conversations/        writes conversations from a seed, and continues them (`Timeline`)
    chat_file.py          reads chats from a JSON Lines file instead
    store.py              the chats that a server holds
    api.py                what the documented API answers to a path and its parameters  (pure)
    events.py             what can happen to the chats on command
    faults.py             what can go wrong with the next requests on command
    conditions.py         the table of what can be wrong until it is switched off
    chat_edits.py         how conditions change the chats that are shown                (pure)
    active_conditions.py  which conditions are on, and which requests they hit
    control_api.py        conditions and events over HTTP, below /demo
    http_server.py        sockets, HTTP and faults
    server.py             `DemoServer`: all of this as one server on 127.0.0.1

The program is tested against it, so it shares no code with the program but `errors`. Every person,
number, address and credential in it is made up.
"""

DEMO_EMAIL = "demo@example.com"
"""The e-mail address of the demo's only account."""

DEMO_PASSWORD = "made-up-password"  # noqa: S105  # nosec B105  # opens nothing but the demo
"""The account's password, for basic auth as `email:password`."""

DEMO_API_TOKEN = "0123456789abcdef-made-up"  # noqa: S105  # nosec B105  # the same
"""The account's token, for basic auth as `email/token:api_token`."""

__all__ = ["DEMO_API_TOKEN", "DEMO_EMAIL", "DEMO_PASSWORD"]
