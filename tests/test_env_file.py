"""The file `.env`: what of it reaches a process that may not know the secrets."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from dotenv import dotenv_values

from kchat_search import env_file
from kchat_search.config import (
    SettingsOfWeb,
    SettingsWithAccount,
    drop_secrets,
    load_settings,
    load_settings_of_serve,
    load_settings_of_web,
    load_settings_with_account,
    to_json,
)
from kchat_search.errors import SettingsError

SECRET = "t0p-s\u00e9cret"
HIDDEN = ("KCHAT_API_TOKEN", "KCHAT_PASSWORD")

FORMS = [
    f"KCHAT_API_TOKEN={SECRET}",
    f"KCHAT_PASSWORD = {SECRET} # with a comment",
    f"export KCHAT_PASSWORD={SECRET}",
    f"kchat_Password={SECRET}",
    f"KCHAT_PASSWORD='{SECRET}'",
    f'KCHAT_PASSWORD="{SECRET}"',
    f'KCHAT_PASSWORD="a\\"{SECRET}"',
    f'KCHAT_PASSWORD="two\n{SECRET}\nlines"',
    f"'KCHAT_PASSWORD'={SECRET}",
    f"# KCHAT_PASSWORD={SECRET}",
    f"#KCHAT_API_TOKEN = '{SECRET}'",
    f"KCHAT_PASSWORD='{SECRET}",
    f'KCHAT_PASSWORD=\t "{SECRET}',
    f"KCHAT_PASSWORD={SECRET}\r",
]


@pytest.mark.parametrize("line", FORMS)
@pytest.mark.parametrize("last", [True, False])
def test_a_hidden_value_is_gone_however_it_is_written_and_the_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, *, last: bool
) -> None:
    read: list[str] = []

    def parse(stream: StringIO) -> dict[str, str | None]:
        read.append(stream.getvalue())
        return dotenv_values(stream=stream)

    monkeypatch.setattr(env_file, "dotenv_values", parse)
    before, after = "KCHAT_PORT=1", "KCHAT_TIMEZONE=Asia/Tokyo"
    lines = [before, line] if last else [before, line, after]
    (tmp_path / ".env").write_bytes("\n".join(lines).encode())
    values = env_file.values(tmp_path / ".env", HIDDEN)
    assert SECRET not in read[0]
    assert SECRET not in str(values)
    assert values["KCHAT_PORT"] == "1"
    if not last and not line.endswith(("'" + SECRET, '"' + SECRET)):
        assert values["KCHAT_TIMEZONE"] == "Asia/Tokyo"


def test_a_name_that_is_only_mentioned_hides_nothing(tmp_path: Path) -> None:
    line = "KCHAT_ARCHIVE_URL=postgresql://u:${KCHAT_PASSWORD}@h/db # not KCHAT_PASSWORD\n"
    (tmp_path / ".env").write_text(line + "MY_KCHAT_EMAIL=x\nKCHAT_API_TOKENS=y\n")
    values = env_file.values(tmp_path / ".env", HIDDEN)
    assert values["KCHAT_ARCHIVE_URL"] == "postgresql://u:@h/db"
    assert values["KCHAT_API_TOKENS"] == "y"


def test_only_a_process_that_asks_kchat_reads_the_account() -> None:
    Path(".env").write_text(
        f"\ufeffKCHAT_API_TOKEN={SECRET}\nKCHAT_EMAIL=a@b.c\nKCHAT_SUBDOMAIN=demo\n", "utf-8"
    )
    assert load_settings_with_account().credentials()[2] == SECRET
    settings = load_settings()
    assert settings.kchat_url == "https://demo.kf5.com"
    assert not hasattr(settings, "api_token")
    with pytest.raises(SettingsError, match="no account"):
        settings.credentials()


def test_each_process_has_the_secrets_that_it_needs_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The web server, which strangers talk to, must not know the account; the indexer, which reads
    what Kchat sends, must not be able to pose as this program at the provider."""
    Path(".env").write_text(
        f"KCHAT_API_TOKEN=of-kchat\nKCHAT_OIDC_CLIENT_SECRET={SECRET}\n"
        "KCHAT_EMAIL=a@b.c\nKCHAT_SUBDOMAIN=demo\n",
        "utf-8",
    )
    read: list[str] = []

    def parse(stream: StringIO) -> dict[str, str | None]:
        read.append(stream.getvalue())
        return dotenv_values(stream=stream)

    monkeypatch.setattr(env_file, "dotenv_values", parse)
    web, indexer = load_settings_of_web(), load_settings_with_account()
    serve = load_settings_of_serve()
    load_settings()
    assert [("of-kchat" in text, SECRET in text) for text in read] == [
        (False, True), (True, False), (True, True), (False, False),
    ]  # fmt: skip
    assert web.oidc_client_secret is not None
    assert web.oidc_client_secret.get_secret_value() == SECRET
    assert SECRET not in repr(web) + repr(serve) + repr(indexer)
    for kind, secrets in ((SettingsOfWeb, {SECRET}), (SettingsWithAccount, {"of-kchat"})):
        told = json.loads(to_json(serve, kind)).values()
        assert {SECRET, "of-kchat"} & {str(value) for value in told} == secrets


def test_a_file_that_is_far_too_long_is_refused() -> None:
    Path(".env").write_text("#" * 2_000_000)
    with pytest.raises(SettingsError, match="longer than a mebibyte"):
        load_settings()


def test_secrets_are_dropped_from_an_environment_in_any_case() -> None:
    environment = {"kchat_password": "x", "KCHAT_API_TOKEN": "y", "KCHAT_PORT": "1", "PATH": "/"}
    assert sorted(drop_secrets(environment)) == ["KCHAT_API_TOKEN", "kchat_password"]
    assert environment == {"KCHAT_PORT": "1", "PATH": "/"}
    environment = {"KCHAT_PASSWORD": "x", "KCHAT_OIDC_CLIENT_SECRET": "y", "PATH": "/"}
    assert drop_secrets(environment, SettingsOfWeb) == ["KCHAT_PASSWORD"]
    assert environment == {"KCHAT_OIDC_CLIENT_SECRET": "y", "PATH": "/"}
    assert drop_secrets(environment) == ["KCHAT_OIDC_CLIENT_SECRET"]
