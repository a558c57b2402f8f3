"""The HTTP server of `serve`: waitress, and what keeps one client from holding up the others.

waitress reads requests in one thread, without blocking, and gives whole requests to a few threads.
So a client that sends slowly occupies no thread. What waitress lacks is here: deadlines for
requests, a least rate for readers, small bodies, and many connections of which the oldest
unfinished one makes room.

limits.py      how long it waits and how much it holds, each with its reason
open_files.py  how many connections the process may have
request.py     from the bytes of a request to its parts, or a refusal
chunked.py     a body that comes in chunks
refusals.py    what the server itself answers: 400, 408, 413, 431, 500, 501, 505
tasks.py       the answer to one request, by the application or by the server
connection.py  one connection: what it waits for, and until when
listener.py    a listening socket: whom it lets in
threads.py     the threads that answer, and what waits for one
web_server.py  the loop over all connections
"""

from kchat_search.web.server.limits import Limits
from kchat_search.web.server.web_server import WebServer

__all__ = ["Limits", "WebServer"]
