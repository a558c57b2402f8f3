"""Signing in against a provider on loopback that lies in every way that we know."""

from __future__ import annotations

import base64
import hmac
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc.jwk import OctKey
from joserfc.jws import JWSRegistry

from kchat_search.errors import ProviderUnreachable, SignInRefused
from kchat_search.models.sign_in import Answer, Attempt, Grant, Vouched
from kchat_search.oidc.provider import OpenIdProvider
from tests.oidc.conftest import client_of
from tests.oidc.hostile_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    REDIRECT,
    HostileProvider,
    as_json,
    ec_key,
    rsa_key,
)

Lie = Callable[[HostileProvider], object]


def sign_in(
    provider: OpenIdProvider,
    there: HostileProvider,
    subject: str = "u1",
    change: Callable[[Attempt], Attempt] = lambda attempt: attempt,
    **changed: str,
) -> Vouched:
    attempt, url = provider.begin(REDIRECT)
    brought = there.authorize(url, subject)
    answer = Answer(**{"code": brought["code"]} | changed)
    return provider.finish(change(attempt), answer, REDIRECT)


def test_who_signs_in_is_known_by_issuer_and_subject(
    provider: OpenIdProvider, there: HostileProvider
) -> None:
    vouched = sign_in(provider, there)
    assert (vouched.grant.issuer, vouched.grant.subject) == (there.url, "u1")
    assert vouched.roles == {"agent"}
    assert vouched.names == ("li.lei", "li.lei@example.com")
    assert vouched.grant.agent_id == "2192"
    assert vouched.grant.provider_session == "at-u1"
    assert vouched.grant.looked_at == there.clock().timestamp()


def test_the_browser_is_sent_with_what_makes_the_answer_ours(provider: OpenIdProvider) -> None:
    first, url = provider.begin(REDIRECT)
    asked = dict(parse_qsl(urlsplit(url).query))
    assert asked["scope"] == "openid profile email"
    assert (asked["state"], asked["nonce"]) == (first.state, first.nonce)
    assert first.verifier not in url
    second, _ = provider.begin(REDIRECT)
    values = {getattr(one, name) for one in (first, second) for name in ("state", "nonce", "verifier")}  # fmt: skip  # noqa: E501
    assert len(values) == 6
    assert min(map(len, values)) >= 43  # 256 bits; RFC 7636 asks for 43 characters
    assert first.verifier not in repr(first)


def test_no_secret_is_in_what_is_shown(provider: OpenIdProvider, there: HostileProvider) -> None:
    grant = sign_in(provider, there).grant
    assert "access-" not in repr(grant)
    assert "refresh-" not in repr(grant)
    assert CLIENT_SECRET not in repr(vars(provider))
    assert Grant.from_json(grant.to_json()) == grant


def claims(**changed: Any) -> Lie:
    return lambda there: there.claims.update(changed)


def time_claims(**seconds: float) -> Lie:
    return lambda there: there.claims.update(
        {name: int(there.clock().timestamp() + value) for name, value in seconds.items()}
    )


def signing(sign: Callable[[HostileProvider, dict[str, Any]], str]) -> Lie:
    return lambda there: setattr(there, "sign", sign)


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def parts(value: dict[str, Any]) -> str:
    return text(json.dumps(value).encode())


def unsigned(algorithm: str, signature: str = "") -> Lie:
    return signing(
        lambda _, said: f"{parts({'alg': algorithm, 'kid': 'first'})}.{parts(said)}.{signature}"
    )


def with_public_key_as_secret(there: HostileProvider, said: dict[str, Any]) -> str:
    """The classical confusion: the public key, which everybody has, as the secret of an HMAC."""
    secret = rsa_key("first").as_pem(private=False)
    body = f"{parts({'alg': 'HS256', 'kid': 'first'})}.{parts(said)}"
    return f"{body}.{text(hmac.digest(secret, body.encode(), 'sha256'))}"


def with_header_to_understand(there: HostileProvider, said: dict[str, Any]) -> str:
    body = f"{parts({'alg': 'RS256', 'kid': 'first', 'crit': ['x'], 'x': 1})}.{parts(said)}"
    return f"{body}.{text(JWSRegistry.algorithms['RS256'].sign(body.encode(), there.keys[0]))}"


def with_client_secret(there: HostileProvider, said: dict[str, Any]) -> str:
    return there.signed(said, OctKey.import_key(CLIENT_SECRET.encode(), {"kid": "first"}))


def with_key_in_header(there: HostileProvider, said: dict[str, Any]) -> str:
    return there.signed(said, rsa_key("evil"), jwk=rsa_key("evil").as_dict(private=False))


def changed_after_signing(there: HostileProvider, said: dict[str, Any]) -> str:
    header, _, signature = there.signed(said).split(".")
    return f"{header}.{parts(said | {'groups': ['kf-admins']})}.{signature}"


LIES: dict[str, Lie] = {
    "wrong audience": claims(aud="another-client"),
    "audience that is like ours": claims(aud="Kchat-Search"),
    "audience in a list without us": claims(aud=["a", "b"]),
    "no audience": claims(aud=None),
    "audience that is no text": claims(aud={"kchat-search": 1}),
    "several audiences without azp": claims(aud=[CLIENT_ID, "other"]),
    "several audiences for another": claims(aud=[CLIENT_ID, "other"], azp="other"),
    "made for another": claims(azp="other"),
    "wrong issuer": claims(iss="https://evil.example"),
    "issuer with a slash": lambda there: there.claims.update(iss=there.url + "/"),
    "no issuer": claims(iss=None),
    "issuer in a list": lambda there: there.claims.update(iss=[there.url]),
    "wrong nonce": claims(nonce="another"),
    "no nonce": claims(nonce=None),
    "empty nonce": claims(nonce=""),
    "no subject": claims(sub=None),
    "empty subject": claims(sub=""),
    "subject that is a number": claims(sub=1),
    "endless subject": claims(sub="x" * 256),
    "expired": time_claims(exp=-61),
    "expired long ago": time_claims(exp=-86_400, iat=-90_000),
    "no end": claims(exp=None),
    "an end that is no time": claims(exp="tomorrow"),
    "an end that is true": claims(exp=True),
    "an end that is not a number": claims(exp=float("nan")),
    "an endless end": claims(exp=float("inf")),
    "a huge end": claims(exp=10**400),
    "not yet valid": time_claims(nbf=61),
    "of the future": time_claims(iat=61),
    "without a time": claims(iat=None),
    "wrong at_hash": claims(at_hash="AAAA"),
    "a log-out token": claims(events={"http://schemas.openid.net/event/backchannel-logout": {}}),
    "an access token": signing(lambda there, said: there.signed(said, typ="at+jwt")),
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "alg none with a signature": unsigned("none", "AAAA"),
    "alg RS256 without a signature": unsigned("RS256"),
    "HS256 with the public key": signing(with_public_key_as_secret),
    "HS256 with the client's secret": signing(with_client_secret),
    "a foreign key": signing(lambda there, said: there.signed(said, rsa_key("evil"))),
    "a foreign key under our kid": signing(
        lambda there, said: there.signed(said, rsa_key("evil"), kid="first")
    ),
    "ES256 under an RSA kid": signing(
        lambda there, said: there.signed(said, ec_key("evil"), kid="first")
    ),
    "a key in the header": signing(with_key_in_header),
    "a key at an address": signing(
        lambda there, said: there.signed(said, rsa_key("evil"), jku=f"{there.url}/evil")
    ),
    "a header that must be understood": signing(with_header_to_understand),
    "changed after signing": signing(changed_after_signing),
    "no token": signing(lambda _there, _said: "x"),
    "two dots": signing(lambda _there, _said: ".."),
    "not ASCII": signing(lambda _there, _said: "ä.ä.ä"),
    "a token that is a number": lambda there: there.token_answer.update(id_token=5),
    "no ID token": lambda there: there.token_answer.update(id_token=None),
    "another kind of access token": lambda there: there.token_answer.update(token_type="mac"),
    "no access token": lambda there: there.token_answer.update(access_token=None),
    "access token with a line end": lambda there: there.token_answer.update(access_token="a\r\nb"),
    "userinfo of another": lambda there: there.userinfo.update(sub="u2"),
    "userinfo of nobody": lambda there: there.userinfo.update(sub=None),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_nobody_is_signed_in_by_a_lie(
    provider: OpenIdProvider, there: HostileProvider, lie: Lie
) -> None:
    there.people["u2"] = {"groups": ["kf-admins"]}
    lie(there)
    with pytest.raises(SignInRefused) as found:
        sign_in(provider, there)
    assert found.value.reason == "answer"
    assert there.url not in str(found.value)


TRUTHS: dict[str, Lie] = {
    "ES256": lambda there: there.keys.insert(0, ec_key("ec")),
    "expired a moment ago": time_claims(exp=-59),
    "valid in a moment": time_claims(nbf=60, iat=60),
    "the only audience, in a list": claims(aud=[CLIENT_ID]),
    "several audiences for us": claims(aud=[CLIENT_ID, "other"], azp=CLIENT_ID),
    "no kid where there is one key": signing(lambda there, said: there.signed(said, kid=None)),
    "no userinfo": lambda there: there.metadata.update(userinfo_endpoint=None),
    "a key of a kind that nobody knows beside": lambda there: there.replies.update(
        {
            "/jwks": lambda: as_json(
                {
                    "keys": [
                        {"kty": "AKP", "kid": "pq"},
                        {"kty": "RSA", "kid": "broken", "n": "%", "e": "AQAB"},
                        "x",
                        rsa_key("first").as_dict(private=False),
                    ]
                }
            )
        }
    ),
}


@pytest.mark.parametrize("truth", TRUTHS.values(), ids=TRUTHS)
def test_what_the_specification_allows_is_taken(
    provider: OpenIdProvider, there: HostileProvider, truth: Lie
) -> None:
    truth(there)
    assert sign_in(provider, there).roles == {"agent"}


@pytest.mark.parametrize(
    "change",
    [
        lambda attempt: replace(attempt, verifier="x" * 43),
        lambda attempt: replace(attempt, verifier=""),
        lambda attempt: replace(attempt, verifier=attempt.nonce),
    ],
    ids=["wrong", "missing", "another value"],
)
def test_a_code_is_nothing_without_its_verifier(
    provider: OpenIdProvider, there: HostileProvider, change: Callable[[Attempt], Attempt]
) -> None:
    with pytest.raises(SignInRefused) as found:
        sign_in(provider, there, change=change)
    assert (found.value.reason, found.value.detail) == ("provider", "invalid_grant")


def test_a_code_of_another_attempt_is_refused_and_so_is_one_that_was_used(
    provider: OpenIdProvider, there: HostileProvider
) -> None:
    mine, _ = provider.begin(REDIRECT)
    theirs, url = provider.begin(REDIRECT)
    code = there.authorize(url, "u1")["code"]
    with pytest.raises(SignInRefused):  # code injection: PKCE and the nonce stop it
        provider.finish(mine, Answer(code=code), REDIRECT)
    attempt, url = provider.begin(REDIRECT)
    answer = Answer(code=there.authorize(url, "u1")["code"])
    provider.finish(attempt, answer, REDIRECT)
    with pytest.raises(SignInRefused):
        provider.finish(attempt, answer, REDIRECT)
    assert theirs.state != attempt.state


def test_the_provider_sees_the_secret_the_verifier_and_the_address(
    provider: OpenIdProvider, there: HostileProvider
) -> None:
    sign_in(provider, there)
    ((_, headers, form),) = [sent for sent in there.sent if sent[0] == "/token"]
    assert form["redirect_uri"] == REDIRECT
    assert len(form["code_verifier"]) >= 43
    assert "client_secret" not in form
    assert headers["accept-encoding"] == "identity"
    attempt, url = provider.begin(REDIRECT)
    answer = Answer(code=there.authorize(url, "u1")["code"])
    with pytest.raises(SignInRefused):
        provider.finish(attempt, answer, "http://127.0.0.1:5080/elsewhere")


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        ("access_denied", "access_denied"),
        ("<script>alert(1)</script>", ""),
        ("temporarily_unavailable", "temporarily_unavailable"),
        ("", ""),
    ],
)
def test_an_error_of_the_provider_is_told_by_its_code_alone(
    provider: OpenIdProvider, there: HostileProvider, error: str, detail: str
) -> None:
    attempt, _ = provider.begin(REDIRECT)
    with pytest.raises(SignInRefused) as found:
        provider.finish(attempt, Answer(error=error), REDIRECT)
    assert (found.value.reason, found.value.detail) == ("provider", detail)
    assert "script" not in str(found.value)
    assert there.asked["/token"] == 0


def test_an_answer_of_another_provider_is_refused_before_the_code_is_sent(
    provider: OpenIdProvider, there: HostileProvider
) -> None:
    """RFC 9207: a mix-up would send this code to the wrong provider."""
    with pytest.raises(SignInRefused):
        sign_in(provider, there, issuer="https://evil.example")
    assert there.asked["/token"] == 0
    there.metadata["authorization_response_iss_parameter_supported"] = True
    strict = client_of(there)
    with pytest.raises(SignInRefused):
        sign_in(strict, there)
    assert sign_in(strict, there, issuer=there.url).roles == {"agent"}


# -- keys and configuration ------------------------------------------------------------------------


def test_new_keys_are_asked_for_once_and_then_known(
    provider: OpenIdProvider, there: HostileProvider
) -> None:
    sign_in(provider, there)
    there.keys = [rsa_key("second")]
    assert sign_in(provider, there).roles == {"agent"}
    sign_in(provider, there)
    assert there.asked["/jwks"] == 2


def test_a_new_key_under_the_old_name_is_asked_for_too(
    provider: OpenIdProvider, there: HostileProvider
) -> None:
    sign_in(provider, there)
    there.keys = [rsa_key("other", 2048)]
    there.replies["/jwks"] = lambda: as_json(
        {"keys": [there.keys[0].as_dict(private=False) | {"kid": "first"}]}
    )
    there.sign = lambda there, said: there.signed(said, kid="first")
    assert sign_in(provider, there).roles == {"agent"}


def test_a_key_that_was_taken_back_counts_an_hour_at_most(
    provider: OpenIdProvider, there: HostileProvider
) -> None:
    sign_in(provider, there)
    there.keys = [rsa_key("second")]
    there.sign = lambda there, said: there.signed(said, rsa_key("first"))
    there.clock.on(hours=1)
    with pytest.raises(SignInRefused):
        sign_in(provider, there)


@pytest.mark.parametrize(
    "keys",
    [
        {"keys": []},
        {"keys": None},
        {},
        [],
        {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "first"}]},
        {"keys": [rsa_key("small", 1024).as_dict(private=False) | {"kid": "first"}]},
        {"keys": [rsa_key("first").as_dict(private=False) | {"use": "enc"}]},
        {"keys": [rsa_key("first").as_dict(private=False) | {"alg": "PS512"}]},
    ],
    ids=["none", "null", "no list", "a list", "oct", "1024 bits", "for encryption", "other alg"],
)
def test_without_a_key_that_may_sign_nobody_signs_in(
    provider: OpenIdProvider, there: HostileProvider, keys: object
) -> None:
    there.replies["/jwks"] = lambda: as_json(keys)
    with pytest.raises(SignInRefused):
        sign_in(provider, there)


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"issuer": 5},
        {"token_endpoint": None},
        {"token_endpoint": "http://evil.example/token"},
        {"token_endpoint": "//evil.example/token"},
        {"token_endpoint": "https://user:pw@id.example/token"},
        {"token_endpoint": "https://id.example/token#x"},
        {"token_endpoint": "https://id.example/to ken"},
        {"token_endpoint": "https://id.example/to\nken"},
        {"token_endpoint": "file:///etc/passwd"},
        {"token_endpoint": ["https://id.example"]},
        {"jwks_uri": "http://localhost.evil.example/jwks"},
        {"userinfo_endpoint": "http://10.0.0.1/userinfo"},
        {"end_session_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "http://evil.example"},
        {"authorization_endpoint": 'https://id.example/"><script>'},
        {"id_token_signing_alg_values_supported": ["HS256", "none"]},
    ],
    ids=str,
)
def test_a_configuration_that_leads_astray_is_refused(
    there: HostileProvider, changed: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    there.metadata = changed
    with caplog.at_level(logging.WARNING), pytest.raises(ProviderUnreachable):
        client_of(there).begin(REDIRECT)
    assert caplog.records  # the administrator learns why
    assert there.asked["/token"] == 0


def test_the_configuration_is_asked_for_once_an_hour(
    provider: OpenIdProvider, there: HostileProvider
) -> None:
    for _ in range(3):
        provider.begin(REDIRECT)
    assert there.asked["/.well-known/openid-configuration"] == 1
    there.clock.on(hours=1)
    provider.begin(REDIRECT)
    there.clock.on(hours=-9)
    provider.begin(REDIRECT)
    assert there.asked["/.well-known/openid-configuration"] == 3


@pytest.mark.parametrize(
    ("supported", "expected"),
    [
        (None, "basic"),
        (["client_secret_basic", "client_secret_post"], "basic"),
        (["client_secret_post"], "post"),
        (["private_key_jwt", "client_secret_basic"], "basic"),
        ("client_secret_post", "basic"),
    ],
    ids=str,
)
def test_the_secret_is_shown_in_the_way_that_the_provider_takes(
    there: HostileProvider, supported: object, expected: str
) -> None:
    there.metadata["token_endpoint_auth_methods_supported"] = supported
    try:
        sign_in(client_of(there), there)
    except SignInRefused:
        assert expected == "post"  # this provider does not take it; what was sent counts
    ((_, headers, form),) = [sent for sent in there.sent if sent[0] == "/token"]
    assert ("authorization" in headers) == (expected == "basic")
    assert (form.get("client_secret") == CLIENT_SECRET) == (expected == "post")


# -- answers that are none -------------------------------------------------------------------------

BAD_ANSWERS = {
    "HTML": (200, b"<html>not here</html>", {"Content-Type": "text/html"}),
    "nothing": (200, b"", {}),
    "a list": (200, b"[]", {}),
    "a number": (200, b"5", {}),
    "not JSON": (200, b"{", {}),
    "nested without end": (200, b"[" * 200_000, {}),
    "nested without end in an object": (200, b'{"a":' * 90_000, {}),
    "far too long": (200, b'{"a":"' + b"x" * 600_000 + b'"}', {}),
    "packed": (200, b"{}", {"Content-Encoding": "gzip"}),
    "an error without words": (500, b"", {}),
    "a page of a gateway": (502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"}),
    "a redirect": (302, b"", {"Location": "http://127.0.0.1:1/elsewhere"}),
    "a redirect to nowhere": (302, b"", {"Location": "http://[::1"}),
    "cut short": (200, b"{}", {"Content-Length": "9"}),
    "a huge number": (200, b'{"expires_in": ' + b"9" * 5_000 + b"}", {}),
}


@pytest.mark.parametrize("reply", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
@pytest.mark.parametrize(
    "path", ["/.well-known/openid-configuration", "/jwks", "/token", "/userinfo"]
)
def test_an_answer_that_is_none_ends_the_sign_in_with_our_words(
    provider: OpenIdProvider,
    there: HostileProvider,
    path: str,
    reply: tuple[int, bytes, dict[str, str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    there.replies[path] = lambda: reply
    with caplog.at_level(logging.DEBUG, "kchat_search"), pytest.raises(SignInRefused) as found:
        sign_in(provider, there)
    assert "html" not in str(found.value)
    assert "html" not in caplog.text
    assert CLIENT_SECRET not in caplog.text
    assert "code-" not in caplog.text


def test_nobody_there_is_told_in_words(there: HostileProvider) -> None:
    gone = client_of(replace(there, url="http://127.0.0.1:1"))
    with pytest.raises(ProviderUnreachable, match="can't be asked"):
        gone.begin(REDIRECT)
