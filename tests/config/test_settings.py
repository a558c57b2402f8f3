"""Settings: which values are refused, and that no secret shows."""

from __future__ import annotations

import os
import re
import traceback
from pathlib import Path

import pytest

from kchat_search.config import Settings, load_settings
from kchat_search.config import load_settings_with_account as load_account
from kchat_search.errors import SettingsError
from kchat_search.hosts import is_loopback

SECRET = "t0p-secret"


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.upper().startswith("KCHAT_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("https://demo.kf5.com", "https://demo.kf5.com"),
        (" https://demo.kf5.com/ ", "https://demo.kf5.com"),
        ("https://demo.kf5.com?", "https://demo.kf5.com"),
        ("https://demo.kf5.com#", "https://demo.kf5.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ],
)
def test_a_base_url_is_kept_as_scheme_and_host_only(sent: str, kept: str) -> None:
    assert load_settings(base_url=sent).kchat_url == kept


@pytest.mark.parametrize(
    "sent",
    [
        "demo.kf5.com",
        "ftp://demo.kf5.com",
        "http://demo.kf5.com",
        "https://demo.kf5.com/apiv2",
        "https://u:p@demo.kf5.com",
        "https://@demo.kf5.com",
        "https://demo.kf5.com:99999",
        "https://demo.kf5.com:x",
        "https://demo kf5.com",
        "https://demo\\.kf5.com",
        "https://[::1",
        "https://",
    ],
)
def test_a_base_url_that_cannot_be_used_is_refused_and_the_error_names_it(sent: str) -> None:
    with pytest.raises(SettingsError, match="KCHAT_BASE_URL"):
        load_settings(base_url=sent)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "Asia", "a\0b"])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(SettingsError, match="KCHAT_TIMEZONE"):
        load_settings(timezone=zone)


@pytest.mark.parametrize("email", ["a:b@example.com", "a\n@example.com"])
def test_an_email_that_basic_auth_would_cut_short_is_refused(email: str) -> None:
    with pytest.raises(SettingsError, match="KCHAT_EMAIL"):
        load_account(email=email)


@pytest.mark.parametrize("seconds", ["nan", "inf", "0", "-1", "soon"])
def test_a_timeout_is_a_finite_number(seconds: str) -> None:
    with pytest.raises(SettingsError, match="KCHAT_REQUEST_TIMEOUT_SECONDS"):
        load_settings(request_timeout_seconds=seconds)


def test_a_token_and_a_password_both_give_credentials() -> None:
    account = {"subdomain": "demo", "email": " a@example.com "}
    by_token = load_account(**account, api_token=SECRET)
    assert by_token.credentials() == ("https://demo.kf5.com", "a@example.com/token", SECRET)
    by_password = load_account(**account, password=SECRET)
    assert by_password.credentials() == ("https://demo.kf5.com", "a@example.com", SECRET)


def test_missing_credentials_are_named() -> None:
    with pytest.raises(SettingsError, match=r"KCHAT_SUBDOMAIN.*KCHAT_EMAIL.*KCHAT_API_TOKEN"):
        load_account().credentials()


def test_no_secret_shows_in_a_repr_or_a_traceback() -> None:
    url = f"postgresql://u:{SECRET}@h/db"
    assert SECRET not in repr(load_account(api_token=SECRET, archive_url=url))
    with pytest.raises(SettingsError) as caught:
        load_account(api_token=SECRET, password=SECRET)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_an_env_file_that_is_not_utf_8_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("KCHAT_EMAIL=李@example.com".encode("gbk"))
    with pytest.raises(SettingsError, match=r"\.env is not UTF-8"):
        load_settings()


def test_overrides_take_precedence_over_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KCHAT_PORT", "1234")
    monkeypatch.setenv("KCHAT_EMAIL", "")
    assert load_settings().port == 1234
    assert load_account().email is None
    assert load_settings(port=99).port == 99
    settings: Settings = load_settings()
    assert settings.zone.key == "Asia/Shanghai"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("[::1]", True),
        ("LocalHost", True),
        ("0.0.0.0", False),  # noqa: S104  # that it is not loopback is the claim
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_and_no_other(host: str, *, loopback: bool) -> None:
    assert is_loopback(host) is loopback


OIDC = {
    "oidc_configuration_url": "https://id.example/.well-known/openid-configuration",
    "oidc_client_id": "kchat-search",
    "oidc_agent_group": "agents",
}


@pytest.mark.parametrize(
    "sent",
    [
        "https://id.example/realms/x/.well-known/openid-configuration",
        "http://127.0.0.1:8080/.well-known/openid-configuration",
        "http://localhost/.well-known/openid-configuration",
        "http://[::1]:9/.well-known/openid-configuration",
    ],
)
def test_a_provider_is_https_or_on_this_machine(sent: str) -> None:
    assert load_settings(**OIDC | {"oidc_configuration_url": sent}).oidc_configuration_url == sent


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"oidc_configuration_url": "http://id.example/x"}, "must be https"),
        ({"oidc_configuration_url": "http://localhost.id.example/x"}, "must be https"),
        ({"oidc_configuration_url": "http://127.1/x"}, "must be https"),
        ({"oidc_configuration_url": "id.example"}, "must look like"),
        ({"oidc_configuration_url": "ftp://id.example/x"}, "must look like"),
        ({"oidc_configuration_url": "https://u:p@id.example/x"}, "must be https://host"),
        ({"oidc_configuration_url": "https://id.example/x?a=b"}, "must have neither"),
        ({"oidc_configuration_url": "https://id.example:0/x"}, "must be https://host"),
        ({"oidc_client_id": None}, "needs KCHAT_OIDC_CLIENT_ID"),
        ({"oidc_configuration_url": None}, "needs KCHAT_OIDC_CONFIGURATION_URL"),
        ({"oidc_agent_group": None}, "nobody could sign in"),
        ({"oidc_scopes": "profile email"}, "must have «openid»"),
        ({"oidc_scopes": "openidx"}, "must have «openid»"),
    ],
    ids=str,
)
def test_settings_of_a_provider_that_cannot_work_are_refused(
    changed: dict[str, str | None], text: str
) -> None:
    with pytest.raises(SettingsError, match=re.escape(text)):
        load_settings(**OIDC | changed)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("https://chats.example", "https://chats.example"),
        ("https://Chats.Example/", "https://chats.example"),
        ("https://chats.example:443", "https://chats.example"),
        ("https://chats.example:8443/", "https://chats.example:8443"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("http://localhost:80", "http://localhost"),
        ("http://127.0.0.1:5080", "http://127.0.0.1:5080"),
    ],
)
def test_a_public_address_is_kept_in_one_form(sent: str, kept: str) -> None:
    assert load_settings(public_url=sent).public_url == kept


@pytest.mark.parametrize(
    "sent",
    [
        "chats.example", "http://chats.example", "ftp://chats.example", "https://", "https://:443",
        "https://a@chats.example", "https://chats.example/kchat", "https://chats.example?x",
        "https://chats.example#x", "https://chats.example:0", "https://chats.example:99999",
        "https://公司.example", "https://evil\\.example", "https://a b", "//chats.example",
    ],
)  # fmt: skip
def test_a_public_address_that_cannot_be_held_is_refused(sent: str) -> None:
    with pytest.raises(SettingsError, match="KCHAT_PUBLIC_URL"):
        load_settings(public_url=sent)


def test_trusted_proxies_are_addresses_and_networks() -> None:
    found = load_settings(
        trusted_proxies="127.0.0.1, 10.0.0.0/8 2001:db8::/32,::1"
    ).trusted_networks
    assert [str(each) for each in found] == [
        "127.0.0.1/32",
        "10.0.0.0/8",
        "2001:db8::/32",
        "::1/128",
    ]
    assert load_settings().trusted_networks == ()


@pytest.mark.parametrize(
    "sent", ["10.0.0.5/8", "0.0.0.0/0", "::/0", "1.2.3", "10.0.0.0/33", "a::b::c"]
)
def test_proxies_that_cannot_be_trusted_are_refused(sent: str) -> None:
    with pytest.raises(SettingsError, match="KCHAT_TRUSTED_PROXIES"):
        load_settings(trusted_proxies=sent)


def test_images_come_from_the_sites_that_are_named() -> None:
    named = (
        "https://CDN.example:443, https://img.example:8443/ http://127.0.0.1:9,https://cdn.example"
    )
    assert load_settings(image_origins=named).allowed_image_origins == (
        "https://cdn.example",
        "https://img.example:8443",
        "http://127.0.0.1:9",
    )
    assert load_settings().allowed_image_origins == ()


@pytest.mark.parametrize(
    "sent",
    [
        "*", "https://*", "https://*.example", "https:", "cdn.example", "data:",
        "http://cdn.example",
        "https://cdn.example/img", "https://a@cdn.example", "https://cdn.example;script-src",
        "https://cdn.example?a", "'unsafe-inline'", "https://公司.example",
        "https://cdn.example\n x",
    ],
)  # fmt: skip
def test_what_is_no_site_for_images_is_refused(sent: str) -> None:
    with pytest.raises(SettingsError, match="KCHAT_IMAGE_ORIGINS"):
        load_settings(image_origins=sent)


OPENSEARCH = {"engine": "opensearch", "opensearch_hosts": "https://a:9200, https://b.example:9200/"}


def test_the_hosts_of_a_cluster_are_divided_by_commas() -> None:
    settings = load_settings(**OPENSEARCH, opensearch_user="u", opensearch_password=SECRET)
    assert settings.opensearch_addresses == ("https://a:9200", "https://b.example:9200")
    assert SECRET not in repr(settings)
    http = load_settings(engine="opensearch", opensearch_hosts="http://opensearch:9200")
    assert http.opensearch_addresses == ("http://opensearch:9200",)
    below = load_settings(engine="opensearch", opensearch_hosts="https://[::1]/search/")
    assert below.opensearch_addresses == ("https://[::1]/search",)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"opensearch_hosts": ""}, "KCHAT_OPENSEARCH_HOSTS"),
        ({"opensearch_hosts": "a:9200"}, "KCHAT_OPENSEARCH_HOSTS"),
        ({"opensearch_hosts": "https://u:p@a:9200"}, "KCHAT_OPENSEARCH_HOSTS"),
        ({"opensearch_hosts": "https://a:9200/path?x=1"}, "KCHAT_OPENSEARCH_HOSTS"),
        ({"opensearch_hosts": "https://a:9200/a%2fb"}, "KCHAT_OPENSEARCH_HOSTS"),
        ({"opensearch_hosts": "https://a:99999"}, "KCHAT_OPENSEARCH_HOSTS"),
        ({"opensearch_api_key": f"{SECRET}\n"}, "KCHAT_OPENSEARCH_API_KEY"),
        ({"opensearch_user": "a:b", "opensearch_password": SECRET}, "KCHAT_OPENSEARCH_USER"),
        ({"opensearch_user": "u"}, "KCHAT_OPENSEARCH_PASSWORD"),
        ({"opensearch_password": SECRET}, "KCHAT_OPENSEARCH_USER"),
        (
            {"opensearch_user": "u", "opensearch_password": SECRET, "opensearch_api_key": SECRET},
            "not both",
        ),
        ({"opensearch_hosts": "http://a:9200", "opensearch_api_key": SECRET}, "unencrypted"),
        ({"opensearch_ca": "no.pem"}, "KCHAT_OPENSEARCH_CA"),
        ({"opensearch_prefix": "Kchat*"}, "KCHAT_OPENSEARCH_PREFIX"),
        ({"opensearch_shards": 0}, "KCHAT_OPENSEARCH_SHARDS"),
        ({"opensearch_refresh_seconds": -1}, "KCHAT_OPENSEARCH_REFRESH_SECONDS"),
    ],
)
def test_settings_of_a_cluster_that_cannot_be_used_are_refused(
    more: dict[str, object], named: str
) -> None:
    with pytest.raises(SettingsError, match=named) as raised:
        load_settings(**OPENSEARCH | more)
    assert SECRET not in str(raised.value)
