"""The pages.

routes.py       the routes: from parameters to a page
search_page.py  what the search page shows of its hits: ways out of nothing, orders, pages
evidence.py     the line above the results: what was asked and found, and whether that is all
filters.py      the filters beside the hits: boxes with counts, chips, dates
exclusion.py    «not this one»: the query without the chats that have one value
chat_page.py    the page of a chat
asked_chat.py   what its address asks for: which part, what is marked, from where
match_list.py   the matches of a chat, listed with their excerpts
box.py          what the box shows: examples from the own data, operators
suggest.py      what may be typed at the cursor of the box
meant.py        what a search found by meaning, asked for apart
similar.py      the chats that are like one
visitor.py      all chats of one visitor
status.py       is everything there, what goes on, what failed
setup.py        connecting the account at Kchat, and what is wrong with it
status_words.py what goes on, what failed and what is missing, in words
hot.py          what visitors asked about most lately
saved.py        saved searches: each with its chats, and how many are new
sign_in.py      log-in and log-out
sign_in_code.py log-in with a code that the command line gave
elsewhere.py    log-in and log-out with a provider of OpenID Connect
account.py      the own account: password, log-ins, tokens
people.py       people, for administrators
tokens.py       all tokens, for administrators
audit.py        who did what, when and from where
access_forms.py what the forms for people and tokens say, and what is wrong with it
access_words.py the words for roles and for what they may see
assets.py       what a page loads: one script, one style sheet
look.py         how this browser wants the results to look
header.py       who is signed in, and where they may go
labels.py       the pages' words for fields and their values
histogram.py    when the chats were created, as bars that are links
transcript.py   what the chat page shows: days, bubbles, matches
history.py      what the page of a chat's versions shows
uploads.py      what the chat page shows of a file
text_links.py   the addresses in what somebody wrote, and where they lead
formatting.py   text, dates and numbers in a form that can't harm a page
"""
