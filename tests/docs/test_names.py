"""The README and the documents: what they name is there, and what they link leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kchat_search.config import SettingsOfServe
from tests.docs import documents
from tests.docs.documents import ALL, DOCUMENTS, GUIDE, ROOT, codes, text

README = text("README.md")

MADE = ("var", "archive.sqlite3", ".env", ".venv/", "index/")
"""What people and the program make, so that a clone does not have it."""


def test_the_readme_is_short() -> None:
    lines = README.splitlines()
    assert len(lines) < 160
    assert [line for line in lines if len(line) > 100] == []


def test_no_prose_is_wider_than_a_screen() -> None:
    wide = [
        f"{documents.name(path)}: {line}"
        for path in GUIDE
        for line in path.read_text(encoding="utf-8").splitlines()
        if len(line) > 100 and not line.startswith("|")
    ]
    assert wide == []


def test_the_two_commands_are_those_that_are_run() -> None:
    """The script may add options and stop in between; or it takes the command from the README."""
    make = "python3 -m venv .venv"
    install = ".venv/bin/pip install -e '.[test]'"
    run = ".venv/bin/pytest"
    assert f"    {make} && {install} && {run}\n" in README
    demo = ".venv/bin/pip install -e . && .venv/bin/kchat-search demo"
    assert f"    {make} && {demo}\n" in README
    script = text(".ci/run")
    pieces = r"python3 -m venv \.venv.*\.venv/bin/pip install .*-e '\.\[test\]'.*\.venv/bin/pytest"
    assert re.search(pieces, script, re.DOTALL) or "README.md" in script


@pytest.mark.parametrize("path", DOCUMENTS, ids=documents.name)
def test_links_lead_somewhere(path: Path) -> None:
    for link in documents.links(path.read_text(encoding="utf-8")):
        place, _, anchor = link.partition("#")
        target = path.parent / place if place else path
        assert target.exists(), link
        if anchor:
            assert anchor in documents.anchors(target.read_text(encoding="utf-8")), link


def test_every_page_is_listed_in_the_readme_and_in_docs() -> None:
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {Path(link).name for link in documents.links(text("docs/README.md"))} >= pages
    assert {link for link in documents.links(README) if link.endswith(".md")} >= {
        f"docs/{page}" for page in pages
    }


def files_named(document: str) -> Iterator[str]:
    """What looks like a file or a folder of the repository."""
    for word in " ".join(codes(documents.prose(document))).split():
        if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/|([\w.-]+/)*[\w-]*\.(py|md|toml|png|svg)", word):
            yield word


@pytest.mark.parametrize("path", DOCUMENTS, ids=documents.name)
def test_files_and_folders_that_are_named_are_there(path: Path) -> None:
    homes = (ROOT, ROOT / "kchat_search", path.parent)
    for named in files_named(path.read_text(encoding="utf-8")):
        there = any((home / named).exists() for home in homes)
        assert there or named.startswith(MADE), named


def test_the_rooms_in_the_drawing_are_there() -> None:
    drawing = documents.blocks(text("docs/architecture.md"), "")[0]
    for room in re.findall(r"(\w+)/(?![\w])", drawing):
        assert (ROOT / "kchat_search" / room).is_dir() or (ROOT / room).is_dir(), room


def test_modules_that_are_named_are_there() -> None:
    for module in re.findall(r"python -m ([\w.]+)|([\w.]*wsgi):app|(kchat_search\.[\w.]+\w)", ALL):
        assert (ROOT / Path(*"".join(module).split("."))).with_suffix(".py").exists(), module


def test_settings_that_are_named_are_settings() -> None:
    known = {f"KCHAT_{name.upper()}" for name in SettingsOfServe.model_fields}
    assert set(re.findall(r"\bKCHAT_[A-Z_]*[A-Z]", ALL)) <= known
