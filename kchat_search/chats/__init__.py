"""Reads a stored chat: who spoke, names, what people saw, ratings, history. Pure.

reader.py        `ChatReader`: a chat, who spoke, the names, the texts, for every caller alike
visible_text.py  what people saw of a message: the one function that answers it
html_text.py     what they saw of one in HTML: its lines, characters, addresses
html_markup.py   where its markup is, and whether there is any
json_texts.py    what they saw of one in JSON: cards, documents, a robot's answer
addresses.py     addresses as they may be shown: without upload tokens, never a program
masked_transcript.py  a chat for who does not see private numbers, or recalled messages
masked_sent.py   a chat as Kchat sent it, for them
speakers.py      who spoke: the one place that answers it
participants.py  who took part, and the key of whoever said each message
private_numbers.py  which digits are somebody's private number
digit_chains.py  groups of digits that may be of one number
number_names.py  what a text calls a number: an identity card's, an order's
private_texts.py  what of a text is private: numbers in all ways of writing, e-mail addresses
masking.py       texts without private numbers, and with each as a whole
file_names.py    the names of files, as everybody sees them
passages.py      what of a chat is searched
former.py        what earlier versions said and the chat does not say now
ratings.py       the one table of Kchat's rating codes and their labels
history.py       what a chat said before: from the stored versions to the differences between them
"""
