"""The text that people see of a message in HTML."""

from __future__ import annotations

from collections.abc import Sequence

from kchat_search import processor_time
from kchat_search.chats.addresses import is_same_address, readable_address
from kchat_search.chats.html_markup import Tag, has_entities, markup, named, with_characters

_LINES = named(
    "address article aside blockquote body caption center dd details dialog dir div dl dt "
    "fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html "
    "legend li main marquee menu nav ol optgroup option p pre search section select summary "
    "table tbody textarea tfoot thead title tr ul xmp"
)
"""Elements that begin and end a line."""
_CELLS = frozenset(("td", "th"))
_CHECK_EVERY = 4_096


def html_text(text: str) -> str:
    """What people see of a text that may be HTML; the text itself where it is not.

    Tags go, and entities become characters, once. `<br>` and the ends of paragraphs, list items,
    rows and the like end a line; cells are separated by a tab. Line breaks of the text stay,
    because the vendor's apps show them (KF5SDK-Andriod2.0, `CustomTextView.filterHtmlTag`). An
    image shows its `alt`. The address of a link follows at the end of its line, where it does not
    cut the sentence in which the link stands.
    """
    tags = markup(text) if "<" in text else []
    if not tags:
        return with_characters(text) if has_entities(text) else text
    return _Page(text, tags).text()


class _Page:
    """Puts the lines together."""

    def __init__(self, text: str, tags: Sequence[Tag]) -> None:
        self._source = text
        self._tags = tags
        self._lines: list[str] = []
        self._line: list[str] = []
        self._at_start = True
        self._addresses: list[str] = []
        self._link: str | None = None
        self._link_text: list[str] = []

    def text(self) -> str:
        done = 0
        number = 0
        while number < len(self._tags):
            if not number % _CHECK_EVERY:
                processor_time.check()
            tag = self._tags[number]
            self._say(with_characters(self._source[done : tag.start]))
            if tag.partner is not None and tag.hidden:
                number = tag.partner
            else:
                self._meet(tag)
            done = self._tags[number].end
            number += 1
        self._say(with_characters(self._source[done:]))
        self._end_link()
        self._end_line()
        return "\n".join(self._lines).strip()

    def _meet(self, tag: Tag) -> None:
        if tag.name == "br":
            self._end_line(even_if_empty=True)
        elif tag.name in _LINES:
            self._end_line()
        elif tag.name in _CELLS:
            self._end_cell()
        elif tag.name == "img":
            self._say(tag.attribute("alt") or "")
        elif tag.name == "a":
            self._end_link()
            if not tag.closing:
                self._link = readable_address(tag.attribute("href") or "")

    def _say(self, text: str) -> None:
        if self._at_start:
            text = text.lstrip()
        if not text:
            return
        self._at_start = False
        if self._link is not None:
            self._link_text.append(text)
        if self._addresses and "\n" in text:
            first, _, text = text.partition("\n")
            self._line.append(first)
            self._end_line()
        self._line.append(text)

    def _end_link(self) -> None:
        if self._link is not None and not is_same_address("".join(self._link_text), self._link):
            self._addresses.append(self._link)
        self._link = None
        self._link_text = []

    def _end_cell(self) -> None:
        self._strip_line()
        if self._line:
            self._line.append("\t")
        self._at_start = True

    def _end_line(self, *, even_if_empty: bool = False) -> None:
        self._strip_line()
        if self._addresses:
            self._line += [" " if self._line else "", f"({' '.join(self._addresses)})"]
            self._addresses = []
        if self._line or even_if_empty:
            self._lines.append("".join(self._line))
            self._line = []
        self._at_start = True

    def _strip_line(self) -> None:
        while self._line:
            self._line[-1] = self._line[-1].rstrip()
            if self._line[-1]:
                break
            self._line.pop()
