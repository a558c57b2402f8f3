"""A provider of OpenID Connect on loopback that keeps the rules, until a test makes it break one.

It is our own, because a provider from a package refuses to lie. It signs with its own keys, counts
what it is asked, and gives a code and a refresh token once.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CLIENT_ID, CLIENT_SECRET = "kchat-search", "s3cret-of-the-client"
REDIRECT = "http://127.0.0.1:5080/login/oidc/callback"

Key = RSAKey | ECKey | OctKey
Reply = tuple[int, bytes, dict[str, str]]


@cache
def rsa_key(name: str, bits: int = 2048) -> RSAKey:
    """A key; the same for the same name, because making one takes long."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # of a short one
        return RSAKey.generate_key(bits, {"kid": name, "use": "sig"}, private=True)


@cache
def ec_key(name: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": name, "use": "sig"}, private=True)


@dataclass
class Issued:
    """A code that is waiting to be redeemed."""

    subject: str
    nonce: str
    challenge: str
    redirect_uri: str


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def on(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class HostileProvider:
    """See above. `url` is its issuer."""

    clock: Clock = field(default_factory=Clock)
    url: str = ""
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Subject: claims, in the ID token and in userinfo."""
    keys: list[Key] = field(default_factory=lambda: [rsa_key("first")])
    """Those that it publishes; the first signs."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Added to what it says of itself; None removes."""
    claims: dict[str, Any] = field(default_factory=dict)
    """Put into every ID token; None removes."""
    userinfo: dict[str, Any] = field(default_factory=dict)
    """Put into every answer of userinfo."""
    token_answer: dict[str, Any] = field(default_factory=dict)
    """Put into every answer of the token endpoint; None removes."""
    in_refresh: bool = True
    """Is there an ID token in the answer to a refresh?"""
    sign: Callable[[HostileProvider, dict[str, Any]], str] | None = None
    """In place of signing as a provider must."""
    replies: dict[str, Callable[[], Reply]] = field(default_factory=dict)
    """Path: in place of its answer."""
    asked: Counter[str] = field(default_factory=Counter)
    sent: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    """(path, headers, form) of each request."""
    codes: dict[str, Issued] = field(default_factory=dict)
    access: dict[str, str] = field(default_factory=dict)
    refresh: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def configuration(self) -> dict[str, Any]:
        found = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/jwks",
            "end_session_endpoint": f"{self.url}/log-out",
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
        } | self.metadata
        return {name: value for name, value in found.items() if value is not None}

    def authorize(self, url: str, subject: str) -> dict[str, str]:
        """What a browser brings back from the address to which it was sent: `subject` agreed."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert url.startswith(f"{self.url}/authorize?")
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT_ID)
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}-{len(self.used)}"
        self.codes[code] = Issued(
            subject, asked["nonce"], asked["code_challenge"], asked["redirect_uri"]
        )
        return {"code": code, "state": asked["state"]}

    def id_token(self, subject: str, nonce: str | None = None) -> str:
        now = int(self.clock().timestamp())
        claims: dict[str, Any] = {
            "iss": self.url,
            "sub": subject,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "sid": f"at-{subject}",
            **self.people.get(subject, {}),
        }
        if nonce is not None:
            claims["nonce"] = nonce
        claims |= self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        return self.sign(self, claims) if self.sign else self.signed(claims)

    def signed(self, claims: Mapping[str, Any], key: Key | None = None, **header: Any) -> str:
        key = key or self.keys[0]
        algorithm = {"RSA": "RS256", "EC": "ES256", "oct": "HS256"}[key.key_type]
        head = {"alg": algorithm, "kid": key.kid, **header}
        head = {name: value for name, value in head.items() if value is not None}
        return jwt.encode(head, dict(claims), key, algorithms=["RS256", "ES256", "HS256"])

    def log_out_token(self, **changed: Any) -> str:
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 120,
            "jti": "1",
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        } | changed
        return self.signed({name: value for name, value in claims.items() if value is not None})

    # -- HTTP --------------------------------------------------------------------------------------

    def reply(self, path: str, headers: dict[str, str], form: dict[str, str]) -> Reply:
        self.asked[path] += 1
        self.sent.append((path, headers, form))
        if path in self.replies:
            return self.replies[path]()
        if path == "/.well-known/openid-configuration":
            return as_json(self.configuration())
        if path == "/jwks":
            return as_json({"keys": [key.as_dict(private=False) for key in self.keys]})
        if path == "/token":
            return self._token(headers, form)
        if path == "/userinfo":
            return self._userinfo(headers)
        return as_json({"error": "no such page"}, 404)

    def _token(self, headers: dict[str, str], form: dict[str, str]) -> Reply:
        shown = base64.b64decode(headers.get("authorization", "Basic ").removeprefix("Basic "))
        if unquote(shown.decode()) != f"{CLIENT_ID}:{CLIENT_SECRET}":
            return as_json({"error": "invalid_client"}, 401)
        if form.get("grant_type") == "refresh_token":
            return self._refreshed(form.get("refresh_token", ""))
        code = form.get("code", "")
        issued = self.codes.pop(code, None)
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        right = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        if issued is None or issued.challenge != right:
            return as_json({"error": "invalid_grant", "error_description": "<b>no</b>"}, 400)
        if form.get("redirect_uri") != issued.redirect_uri:
            return as_json({"error": "invalid_grant"}, 400)
        self.used.add(code)
        return self._tokens(issued.subject, issued.nonce, with_id_token=True)

    def _refreshed(self, token: str) -> Reply:
        subject = self.refresh.pop(token, None)
        if subject is None or subject not in self.people:
            self.refresh.clear()  # a token that is used twice may have been stolen: end them all
            return as_json({"error": "invalid_grant"}, 400)
        return self._tokens(subject, None, with_id_token=self.in_refresh)

    def _tokens(self, subject: str, nonce: str | None, *, with_id_token: bool) -> Reply:
        number = self.asked["/token"]
        access, refresh = f"access-{number}", f"refresh-{number}"
        self.access[access], self.refresh[refresh] = subject, subject
        answer: dict[str, Any] = {
            "token_type": "Bearer",
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": 300,
        }
        if with_id_token:
            answer["id_token"] = self.id_token(subject, nonce)
        answer |= self.token_answer
        return as_json({name: value for name, value in answer.items() if value is not None})

    def _userinfo(self, headers: dict[str, str]) -> Reply:
        token = headers.get("authorization", "").removeprefix("Bearer ")
        subject = self.access.get(token)
        if subject is None or subject not in self.people:
            return as_json({"error": "invalid_token"}, 401)
        return as_json({"sub": subject, **self.people[subject], **self.userinfo})


def as_json(value: object, status: int = 200) -> Reply:
    return status, json.dumps(value).encode(), {"Content-Type": "application/json"}


@contextmanager
def running(provider: HostileProvider) -> Iterator[HostileProvider]:
    """The provider, answering on a free port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

        def _answer(self, form: dict[str, str]) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, body, more = provider.reply(urlsplit(self.path).path, headers, form)
            try:
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                if "Content-Length" not in more:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:  # the client has had enough
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    provider.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
