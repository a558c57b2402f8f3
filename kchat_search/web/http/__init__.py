"""What the API and the pages share of HTTP.

guard.py       who may ask at all (this machine alone), and the headers of every answer
parameters.py  from a query string to a `SearchRequest`, or a 400 that names the parameter
language.py    Chinese or English
problems.py    from an error to a status: problem+json for programs, a page for people
rendering.py   the last step to the wire: templates to pages, dictionaries to JSON
"""
