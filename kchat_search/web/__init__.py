"""The web: the API and the pages, and the one room that knows Flask.

app.py        create_app: puts the parts together
guard.py      who may ask at all (this machine alone), and the headers of every answer
params.py     from a query string to a `SearchRequest`, or a 400 that names the parameter
links.py      from a `SearchRequest` back to an address
problems.py   from an error to a status: problem+json for programs, a page for people
schemas.py    the shapes of the JSON, from which the OpenAPI document is made too
views.py      from records to JSON
exports.py    from chats to JSON Lines and CSV
sending.py    an export on its way: how many at once, and that none is cut unseen
metrics.py    what Prometheus is told
api.py        the routes of the API
openapi.py    its description
shown.py      from text to what can't harm a page: marks, dates, sizes
results.py    what the search page shows: facets, chips, histogram, pager
transcript.py what the chat page shows: days, bubbles, matches
pages.py      the routes of the pages
"""

from kchat_search.web.app import create_app

__all__ = ["create_app"]
