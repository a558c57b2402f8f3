"""The pages and the API for any WSGI server; docs/operations.md shows how to start some.

It answers from the archive and the index; run `kchat-search worker` beside it to keep them fresh.
That one asks Kchat. The processes here need no account, and take its secrets from no file.
"""

import logging
import os

from kchat_search import logs, memory_dumps
from kchat_search.composition import make_gate
from kchat_search.config import (
    SettingsOfWeb,
    drop_secrets,
    load_settings_of_web,
    say_if_others_read_env,
)
from kchat_search.web import create_app

memory_dumps.forbid()
os.umask(0o077)  # for files that libraries make: prometheus_client's. Ours have modes of their own
_dropped = drop_secrets(os.environ, SettingsOfWeb)
_settings = load_settings_of_web()
drop_secrets(os.environ)  # it is read: what this process starts has no use for it
logs.setup(_settings.log_level, _settings.log_format)
say_if_others_read_env()
if _dropped:
    logging.getLogger(__name__).warning(
        "The web server needs no account: start it without %s in its environment. Only "
        "`kchat-search worker` and `kchat-search sync` ask Kchat.",
        " and ".join(_dropped),
    )
_gate = make_gate(_settings)
# Only the dictionary is loaded ahead: a server that forks after this must not share open files.
_gate.load_words()

app = create_app(_gate)
application = app
