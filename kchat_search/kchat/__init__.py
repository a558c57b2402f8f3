"""The Kchat API: asked by `client`, understood by `parse`.

json_codec.py       bytes to JSON and back                                     (pure)
upload_tokens.py    what Kchat renews at will, taken out; the digest           (pure)
times.py            the API's times to aware UTC                               (pure)
parse.py            JSON to records; what can't be read becomes a reject       (pure)
throttle.py         how long to wait before asking again, for one request or for all
header_deadline.py  connections that wait so long for the head of an answer, and no longer
transport.py        one GET: credentials, time-outs, bounds, retries, errors   (requests)
client.py           `KchatClient`, the `ChatSource`: which GET answers which question
"""
