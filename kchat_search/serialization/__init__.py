"""The form of every answer: JSON, JSON Lines, CSV, workbooks, and the links in them. No Flask.

schemas.py         the shapes of the JSON: chats, versions, errors. OpenAPI is made from them
search_schemas.py  the shapes of a search's answer
hot_schemas.py     the shape of the hot questions
status_schemas.py  the shapes of status, reports, rejects and verification
links.py           addresses: of a `SearchRequest`, and of everything else
search.py          a page of hits, and the related chats, as JSON
hot.py             the hot questions as JSON, and the searches that find their chats
chats.py           one chat, and the agents, as JSON
status.py          status, reports of syncs, rejects and verification as JSON
me.py              who asks, as JSON
audit.py           rows of the audit, and a check of it: JSON, JSON Lines, CSV
audit_schemas.py   the shapes of the audit's answers
alerts.py          what is wrong now, in Chinese and in English, and as JSON
reasons.py         why something failed and what to do, in Chinese and in English
rejects.py         why a chat could not be understood, in Chinese and in English
sync_notes.py      what a sync could not prove, in Chinese and in English
notes.py           the words of a search's notes, in Chinese and in English
json_text.py       records as JSON text
times.py           times as they are sent: RFC 3339 in the configured zone
safe_text.py       makes text and links that strangers wrote safe to send
people.py          people and tokens
history.py         the versions of a chat and what changed, as JSON
csv_cells.py       cells that no spreadsheet takes for formulas
export_table.py    the columns of an export, for CSV and workbooks alike
export_about.py    what an export says of itself: the search, what it covers, counts
sheet_cells.py     rows of a worksheet: every cell is a text or a date
workbook.py        an Excel workbook as a stream
export_workbook.py an export as a workbook
export_formats.py  from chats to JSON Lines, CSV and workbooks
"""
