"""A stored chat, read (pure).

speakers.py  who spoke: the one place that answers it
reader.py    the chat, who spoke, the names, the folded texts: read in one way for everybody
ratings.py   the one table of Kchat's rating codes and their labels
history.py   what a chat said before: from the stored versions to what changed between them
"""
