"""The form of every answer: JSON, JSON Lines, CSV, and the links in them. Knows no Flask.

schemas.py         the shapes of the JSON, from which the OpenAPI document is made too
status_schemas.py  the shapes of what the program says of itself
links.py           addresses: of a `SearchRequest`, and of everything else
search.py          a page of hits as JSON
chats.py           one chat, and the agents, as JSON
status.py          what the program says of itself as JSON
notes.py           the words of a search's notes, in Chinese and in English
json_text.py       records as JSON text
times.py           times as they are sent: RFC 3339 in the configured zone
safe_text.py       text of strangers as it may leave this program
history.py         what a chat said before, as JSON
export_formats.py  from chats to JSON Lines and CSV
"""
