"""The web: the API and the pages. No other room knows Flask.

app.py      create_app: puts the parts together
program.py  what the web asks of the program
http/       what API and pages share: who may ask, parameters, errors, language
api/        the API, its description, exports, metrics
pages/      the pages
server/     the HTTP server of `serve`: deadlines, small bodies, many connections
"""

from kchat_search.web.app import create_app

__all__ = ["create_app"]
