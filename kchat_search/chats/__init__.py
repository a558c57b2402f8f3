"""Reads a stored chat: who spoke, names, texts, ratings, history. Pure.

reader.py    `ChatReader`: a chat, who spoke, the names, the folded texts, for every caller alike
speakers.py  who spoke: the one place that answers it
ratings.py   the one table of Kchat's rating codes and their labels
history.py   what a chat said before: from the stored versions to the differences between them
"""
