"""The pages.

routes.py       the routes: parameters in, service, template out
search_page.py  what the search page shows: facets, chips, pager
labels.py       the pages' words for fields and their values
histogram.py    when chats were created, as bars one can click
transcript.py   what the chat page shows: days, bubbles, matches
history.py      what the page of a chat's versions shows
formatting.py   from text, dates and numbers to what can't harm a page
"""
