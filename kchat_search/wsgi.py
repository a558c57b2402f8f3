"""The pages and the API for any WSGI server; docs/operations.md shows how to start some.

It answers from the archive and the index; run `kchat-search worker` beside it to keep them fresh.
"""

from kchat_search import logs
from kchat_search.composition import make_service
from kchat_search.config import load_settings
from kchat_search.web import create_app

_settings = load_settings()
logs.setup(_settings.log_level, _settings.log_format)
_service = make_service(_settings)
# Only the dictionary is loaded ahead: a server that forks after this must not share open files.
_service.segmenter.load()

app = create_app(_service)
application = app
