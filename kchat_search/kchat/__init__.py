"""Asks the Kchat API and turns its answers into records.

json_codec.py       decodes and encodes JSON                                       (pure)
upload_tokens.py    removes what Kchat renews at will; the digest of a chat        (pure)
php_values.py       what PHP sends in the place of a list, and of nothing          (pure)
times.py            parses the API's times to aware UTC                            (pure)
field_values.py     parses the values of single fields: ids, numbers, texts        (pure)
message_order.py    the order of a chat's messages                                 (pure)
parse.py            turns JSON into records; what cannot be read becomes a reject  (pure)
same_content.py     does a fetched chat say anything that its stored form does not?  (pure)
throttle.py         how long to wait before the next request
answer_limits.py    how much one answer may be; told before the memory is taken    (pure)
connection_problems.py  what is wrong with a connection, in one sentence           (requests)
account.py          the account, as the one header that every request carries      (requests)
transport.py        one GET: credentials, time-outs, limits, retries, errors       (requests)
client.py           `KchatClient`, the `ChatSource`: which GET answers which question
"""
