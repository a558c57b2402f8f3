"""Asks a provider of OpenID Connect who somebody is, and makes of its word an account with roles.

claims.py     from what the provider says of a person to groups, roles and names    (pure)
id_tokens.py  does a signed token say what it must, to us, now?                     (joserfc)
transport.py  one request to the provider, bounded in time and size                 (requests)
discovery.py  what the provider says of itself: its addresses and its keys
provider.py   `OpenIdProvider`: begin, finish, ask again, sign out                  (Authlib)
accounts.py   from a person as the provider vouches for them to the account here
sign_in.py    `ProviderSignIn`: the sign-in, and asking again before roles are old

Sources: OpenID Connect Core 1.0, Discovery 1.0, RP-Initiated Logout 1.0, Back-Channel Logout
1.0; RFC 7636 (PKCE), RFC 9207 (issuer in answers), RFC 9700 (best current practice).
"""
