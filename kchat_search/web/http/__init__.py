"""What the API and the pages share of HTTP.

guard.py           who may ask at all, and the headers of every answer
this_machine.py    as long as there is no log-in, this machine alone: address, Host, no proxy
other_sites.py     a page of another site may open our pages, and nothing else
api_paths.py       which addresses belong to the API, and which to the pages
language.py        Chinese or English
parameters.py      from a query string to a `SearchRequest`, or a 400 that names the parameter
problems.py        from an error to an answer: problem+json from the API, else a page
chinese_errors.py  the Chinese of the errors that are raised below the web
bodies.py          how large the body of a request may be
least_rate.py      how fast a client must read while we wait for it
rendering.py       the last step: from a template to a page, from a dictionary to JSON
"""
