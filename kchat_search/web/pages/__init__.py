"""The pages.

routes.py       the routes: from parameters to a page
search_page.py  what the search page shows: facets, chips, pager
labels.py       the pages' words for fields and their values
histogram.py    when the chats were created, as bars that are links
transcript.py   what the chat page shows: days, bubbles, matches
history.py      what the page of a chat's versions shows
formatting.py   text, dates and numbers in a form that can't harm a page
"""
