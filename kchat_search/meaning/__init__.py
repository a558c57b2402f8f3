"""What was meant, apart from what was said: a guess by vectors, which never touches what is exact.

openings.py  which messages of a visitor say what they came for
floor.py     how near is near enough
"""
