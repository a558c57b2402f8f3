"""What the API and the pages share of HTTP.

guard.py           who may ask at all, and the headers of every answer
permissions.py     which permission a route needs, declared beside it
current.py         the present request: who asks, the program for them, what is recorded of it
who.py             who asks: by a token, a cookie, a trusted proxy
cookies.py         the cookie of a log-in
sessions.py        beginning and ending a log-in in this browser
proxy_sign_in.py   who has signed in at a trusted proxy
attempts.py        sign-ins elsewhere that have begun in this browser
typed_forms.py     a form that came too late is filled in again after the log-in
next_page.py       where somebody goes after log-in: never to another site
csrf.py            nobody makes a person's browser change anything
recording.py       what is recorded of a request is on the disk before its answer leaves
request_limit.py   how many requests one person or token may make
forwarding.py      what trusted proxies say of a request: address, scheme, host
own_host.py        under which names the program is reached once there are people
this_machine.py    as long as there are no people, this machine alone: address, Host, no proxy
other_sites.py     a page of another site may open our pages, and nothing else
api_paths.py       which addresses belong to the API, and which to the pages
language.py        Chinese or English
parameters.py      from a query string to a `SearchRequest`, or a 400 that names the parameter
audit_parameters.py  from a query string to what is asked of the audit
problems.py        from an error to an answer: problem+json from the API, else a page
chinese_errors.py  the Chinese of the errors that are raised below the web
chinese_account_errors.py  the same for user names, passwords and tokens
bodies.py          how large the body of a request may be
compression.py     answers are compressed where the client takes it
least_rate.py      how fast a client must read while we wait for it
rendering.py       the last step: from a template to a page, from a dictionary to JSON
"""
