"""The documents, read: prose, code, tables, links; what the tests hold to the program."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "index/*.md", "benchmarks/*.md", "tests/*.md")
    for path in ROOT.glob(pattern)
)
"""Every document, for whoever it is written."""
GUIDE = [path for path in DOCUMENTS if path.parent in (ROOT, ROOT / "docs")]
"""Those for people who use the program."""
ALL = "\n".join(path.read_text(encoding="utf-8") for path in GUIDE)


def text(name: str) -> str:
    """A document of this name, below the root."""
    return (ROOT / name).read_text(encoding="utf-8")


def name(path: Path) -> str:
    """What a document is called."""
    return str(path.relative_to(ROOT))


def rows(document: str, head: str) -> list[list[str]]:
    """The cells of all tables of which the first heading is `head`, row by row."""
    found: list[list[str]] = []
    inside = False
    for line in document.splitlines():
        cells = [cell.strip() for cell in line.strip()[1:-1].split("|")]
        if not line.startswith("|"):
            inside = False
        elif inside:
            found.append(cells)
        elif cells[0] == head:
            inside = True
    return [cells for cells in found if not re.fullmatch(r"[-:| ]+", cells[0])]


def codes(cell: str) -> list[str]:
    """What stands in backquotes."""
    return re.findall(r"`([^`]+)`", cell)


def prose(document: str) -> str:
    """The document without blocks of code."""
    document = re.sub(r"^```.*?^```$", "", document, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^ {4,}.*$", "", document, flags=re.MULTILINE)


def blocks(document: str, language: str) -> list[str]:
    """The fenced blocks of this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)


def commands(document: str, program: str) -> Iterator[list[str]]:
    """Each call of `program` in an indented block, as the words that a shell makes of it."""
    whole = document.replace("\\\n", " ")
    for line in re.findall(r"^ {4,}(.*)$", whole, re.MULTILINE):
        for call in re.split(r" && ", line):
            if re.match(rf"(\.venv/bin/)?{program}\b", call):
                yield shlex.split(call)


def anchors(document: str) -> set[str]:
    """The anchors that GitHub gives to the headings."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", document, re.MULTILINE):
        kept = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading.lower()))
        found.add(kept.strip().replace(" ", "-"))
    return found


def links(document: str) -> list[str]:
    """Where links and pictures lead, addresses of the web aside."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(document))
    return [unquote(target) for target in found if "://" not in target]


def curls(host: str) -> list[list[str]]:
    """The calls of curl that ask this host."""
    return [call for call in commands(ALL, "curl") if any(host in word for word in call)]


def asked(call: list[str]) -> tuple[str, str, list[str]]:
    """(method, address, data) of a call of curl. The options that are known here are all."""
    found: dict[str, list[str]] = {
        flag: [] for flag in ("-X", "-d", "--data-urlencode", "-u", "-o", "-H")
    }
    words = iter(call[1:])
    address = ""
    for word in words:
        if word in found:
            found[word].append(next(words))
        elif word.startswith("http://"):
            address = word
        else:
            assert word in ("--get", "--fail"), word
    method = (found["-X"] or ["GET"])[0]
    return method, address, found["-d"] + found["--data-urlencode"]
