"""Makes `kchat_search/meaning/shipped.table`. README.md has the steps.

sentences.py  what people say to customer service, in many forms, written for this
texts.py      all texts that the table is fitted to
teacher.py    the sentence model, and its vectors of texts
training.py   fits the table to the vectors
__main__.py   the command
"""
