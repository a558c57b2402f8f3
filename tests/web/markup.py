"""Reads a page strictly.

Tags must be closed in order. Ids must differ. Nothing may be inline that the content security
policy does not allow. Every field must have a label. What is wrong stands in `faults`.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

from flask.testing import FlaskClient

from kchat_search.web.pages.assets import BUNDLES

VOID = {"meta", "link", "input", "br", "img", "hr"}
ADDRESSES = {"href", "src", "action"}
_OUR_SCRIPT = re.compile(rf"/static/(opening|page-({'|'.join(BUNDLES)}))\.js(\?\S*)?")


class Page(HTMLParser):
    """A page: what is wrong with it, its elements, its links and its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.links: list[dict[str, str]] = []
        self.marks: list[str] = []
        self.labels: set[str] = set()
        self.fields: list[dict[str, str]] = []
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(html)
        self.close()
        if self.open:
            self.faults.append(f"never closed: {self.open}")
        self.faults += [f"id twice: {one}" for one in set(self.ids) if self.ids.count(one) > 1]
        for field in self.fields:
            if field.get("type") != "hidden" and field.get("id") not in self.labels:
                self.faults.append(f"no label: {field}")
        for link in self.links:
            target = link.get("href", "")
            if target.startswith("#") and target[1:] not in self.ids:
                self.faults.append(f"leads nowhere: {target}")

    @property
    def text(self) -> str:
        """The whole visible text, with single spaces."""
        return " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        if len(attrs) != len(known):
            self.faults.append(f"attribute twice in <{tag}>: {attrs}")
        self._check_attributes(tag, known)
        if tag == "style" or (tag == "script" and "src" not in known):
            self.faults.append(f"inline <{tag}>")
        if tag == "a" and "a" in self.open:
            self.faults.append("a link in a link")
        self._collect(tag, known)
        if tag not in VOID:
            self.open.append(tag)

    def _check_attributes(self, tag: str, known: dict[str, str]) -> None:
        for name, value in known.items():
            if name.startswith("on") or name == "style":
                self.faults.append(f"inline {name} in <{tag}>")
            if name in ADDRESSES and urlsplit(value.strip()).scheme not in ("", "http", "https"):
                self.faults.append(f"{name}={value!r}")

    @property
    def foreign_scripts(self) -> list[dict[str, str]]:
        """The scripts that are none of our files."""
        scripts = [known for tag, known in self.tags if tag == "script"]
        assert scripts
        return [known for known in scripts if not _OUR_SCRIPT.fullmatch(known.get("src", ""))]

    def _collect(self, tag: str, known: dict[str, str]) -> None:
        self.tags.append((tag, known))
        if "id" in known:
            self.ids.append(known["id"])
        if tag == "label":
            self.labels.add(known.get("for", ""))
        elif tag in ("input", "select", "textarea"):
            self.fields.append(known)
        elif tag == "a":
            self.links.append(known)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.faults.append(f"<{tag}/> closes itself: {attrs}")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> while open: {self.open[-3:]}")
        if tag in self.open:
            while self.open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if "title" not in self.open or "svg" in self.open:
            self.texts.append(data)
        if "mark" in self.open:
            self.marks.append(data)

    def unknown_decl(self, data: str) -> None:
        self.faults.append(f"declaration: {data[:40]}")

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"comment: {data[:40]}")

    def link(self, css_class: str) -> str:
        """The address of the first link with this class."""
        for link in self.links:
            if css_class in link.get("class", "").split():
                return link["href"]
        raise AssertionError(f"no link {css_class}")


def look(client: FlaskClient, path: str, status: int = 200) -> Page:
    """The page at this address, which must be well formed."""
    response = client.get(path)
    assert response.status_code == status, response.text
    page = Page(response.text)
    assert page.faults == []
    return page
