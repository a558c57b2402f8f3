"""Where the markup of an HTML text is, and whether there is any.

People type `a<b>c`, `List<String>`, `<张三>` and `if (a < b && c > d)`. All of that stays as typed.
So a tag counts only if its name is one of HTML's, and a text has markup only if one of its tags is
*sure*: it has an attribute, is closed, or is one of those that stand alone (`<br>`). Where one tag
is sure, the text was made by a program, and its other tags count too.

No parser of HTML stands here, because each of them decides by the standard, which makes tags of
all of the above. They are also too slow for strangers' texts: a tree takes quadratic time and
memory by the standard itself (HTML 13.2.4.3, formatting elements are opened again in each
paragraph; selectolax: twice the text takes four times as long), `html.parser` takes 18 s for
40,000 characters of `<a '` (Python 3.11.7), lxml drops what is nested too deeply.

Invariant: the time grows with the length and no faster. A tag that does not end costs what was read
of it; where that adds up to more than `_MAX_READ_AGAIN` texts, nothing is taken for markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from html.entities import html5

from kchat_search import processor_time


def named(names: str) -> frozenset[str]:
    """A set of names that are written with blanks between them."""
    return frozenset(names.split())


_MAX_READ_AGAIN = 4
_CHECK_EVERY = 4_096
_ALONE = frozenset(("br", "hr", "wbr"))
_VOID = named("area base basefont col embed frame img input keygen link meta param source track")
_OPEN_END = frozenset(("dd", "dt", "li", "p", "td", "th", "tr"))
"""Elements whose end tag is often left out."""
_KNOWN = (
    _ALONE
    | _VOID
    | _OPEN_END
    | named(
        "a abbr acronym address applet article aside audio b bdi bdo big blink blockquote body "
        "button canvas caption center cite code colgroup data datalist del details dfn dialog dir "
        "div dl em fieldset figcaption figure font footer form frameset h1 h2 h3 h4 h5 h6 head "
        "header hgroup html i iframe ins kbd label legend main map mark marquee math menu meter "
        "nav nobr noembed noframes noscript object ol optgroup option output picture pre progress "
        "q rp rt ruby s samp script search section select slot small span strike strong style sub "
        "summary sup svg table tbody template textarea tfoot thead time title tt u ul var video "
        "xmp"
    )
)
"""HTML's elements, the former ones too (HTML 4.1 to 4.16 and 16.2)."""
_RAW = frozenset(("iframe", "noembed", "noframes", "script", "style"))
"""Elements whose content is no markup, and is never seen."""
_HIDDEN = frozenset(("audio", "canvas", "datalist", "head", "template", "video"))
_ALONE_ATTRIBUTES = named(
    "allowfullscreen async autofocus autoplay checked compact controls default defer disabled "
    "download hidden inert ismap itemscope loop multiple muted nohref noshade novalidate "
    "nowrap open playsinline readonly required reversed selected"
)
"""Attributes that have no value (HTML, «boolean attributes»)."""

_START = re.compile(r"<(?=[A-Za-z/!?])")
_TAG = re.compile(
    r"""</?([A-Za-z][A-Za-z0-9:-]{0,31}+)
    ((?>(?: (?:[\s/]++ | (?<=["'])) [A-Za-z_:@][^\s"'<>/=]*+
         (?>(?:\s*+=\s*+ (?:"[^"]*+(?:"|\Z) | '[^']*+(?:'|\Z) | [^\s"'<>=`]++))?) )*))
    [\s/]*+ (>)?""",
    re.VERBOSE,
)
_ATTRIBUTE = re.compile(
    r"""([A-Za-z_:@][^\s"'<>/=]*+)
    (?>(?:\s*+=\s*+ (?:"([^"]*+)" | '([^']*+)' | ([^\s"'<>=`]++)))?)""",
    re.VERBOSE,
)
_DECLARATION = re.compile(r"<(?:!doctype\b|!\[(?:if|endif)\b|\?xml\b)[^<>]*+>", re.IGNORECASE)
_NOT_SHOWN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_COMPARED = re.compile(r"(?:^|[^A-Za-z0-9])(?:[A-Za-z]|[0-9]+)$")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


@dataclass(slots=True)
class Tag:
    """A piece of markup: `start:end` of the text. `name` is in lower case, «» for a comment and
    for a whole element that is never seen."""

    name: str
    start: int
    end: int
    attributes: str = ""
    closing: bool = False
    known: bool = True
    """Is it an element of HTML? Others count only in a text with sure tags."""
    sure: bool = False
    partner: int | None = None
    """The number of the end tag of this start tag."""

    def attribute(self, name: str) -> str | None:
        """The value of an attribute, with its entities read."""
        for found in _ATTRIBUTE.finditer(self.attributes):
            if found[1].lower() == name:
                return with_characters(found[2] or found[3] or found[4] or "")
        return None

    @property
    def hidden(self) -> bool:
        """Is all up to its end tag not seen?"""
        if self.name in _HIDDEN:
            return True
        names = self.attributes.lower()
        if "hidden" not in names and "none" not in names:
            return False
        style = self.attribute("style") or ""
        return self.attribute("hidden") is not None or _NOT_SHOWN.search(style) is not None


def markup(text: str) -> list[Tag]:
    """The markup of a text in its order; an empty list where nothing in it is surely markup."""
    tags = _tags(text)
    _join_partners(tags)
    sure = False
    for tag in tags:
        tag.sure = tag.sure or (tag.known and _is_sure(tag, text))
        sure = sure or tag.sure
    return tags if sure else []


def has_entities(text: str) -> bool:
    """Is there a named or numbered entity that HTML knows?"""
    return "&" in text and with_characters(text) != text


def with_characters(text: str) -> str:
    """A text with characters in place of its entities, once. Those without `;` stay: `?a=1&copy=2`
    is an address."""
    return _ENTITY.sub(_character, text) if "&" in text else text


def _character(entity: re.Match[str]) -> str:
    name = entity[0][1:]
    if name == "nbsp;":
        return " "
    return unescape(entity[0]) if name[0] == "#" else html5.get(name, entity[0])


def _tags(text: str) -> list[Tag]:
    """Whatever may be markup."""
    tags: list[Tag] = []
    ends: dict[str, bool] = {}  # elements that are not seen: is there an end further on?
    at, read_again = 0, 0
    while (start := _START.search(text, at)) is not None:
        if not len(tags) % _CHECK_EVERY:
            processor_time.check()
        at = start.start()
        if text[at + 1] in "!?":
            tag = _comment(text, at, ends) or _declaration(text, at)
        else:
            found = _TAG.match(text, at)
            tag = _tag(found) if found else None
            if tag is None:
                read_again += (found.end() if found else at) - at
                if read_again > _MAX_READ_AGAIN * len(text) + 1_000:
                    return []
            elif tag.name in _RAW and not tag.closing:
                tag = _whole_element(text, tag, ends) or tag
        if tag is None:
            at += 1
        else:
            tags.append(tag)
            at = tag.end
    return tags


def _tag(found: re.Match[str]) -> Tag | None:
    """The tag that was found, if it ends and has nothing that no tag has."""
    name, attributes, ended = found.groups()
    closing = found[0][1] == "/"
    if not ended or (closing and attributes):
        return None
    tag = Tag(name.lower(), found.start(), found.end(), attributes, closing)
    tag.known = tag.name in _KNOWN
    if attributes:
        if not all("=" in a[0] or a[1].lower() in _ALONE_ATTRIBUTES for a in _each(attributes)):
            return None
        tag.sure = tag.known
    quoted = '"' in attributes or "'" in attributes
    other = quoted or ":" in name or "-" in name or closing
    return tag if tag.known or other else None


def _each(attributes: str) -> Iterator[re.Match[str]]:
    return _ATTRIBUTE.finditer(attributes)


def _comment(text: str, at: int, ends: dict[str, bool]) -> Tag | None:
    if not text.startswith("<!--", at) or not ends.get("--", True):
        return None
    end = text.find("-->", at + 2)
    ends["--"] = end >= 0
    return Tag("", at, end + len("-->"), sure=True) if end >= 0 else None


def _declaration(text: str, at: int) -> Tag | None:
    found = _DECLARATION.match(text, at)
    return Tag("", at, found.end(), sure=True) if found else None


_RAW_ENDS = {name: re.compile(rf"</{name}[\s/]*+>", re.IGNORECASE) for name in sorted(_RAW)}


def _whole_element(text: str, tag: Tag, ends: dict[str, bool]) -> Tag | None:
    """An element that is not seen, from its start tag to its end tag, if it has one."""
    if not ends.get(tag.name, True):
        return None
    end = _RAW_ENDS[tag.name].search(text, tag.end)
    ends[tag.name] = end is not None
    return Tag("", tag.start, end.end(), sure=True) if end else None


def _join_partners(tags: Sequence[Tag]) -> None:
    """Finds the end tag of each start tag. An end tag of no element of HTML counts only where it
    has a start tag."""
    opened: dict[str, list[Tag]] = {}
    for number, tag in enumerate(tags):
        if not tag.closing:
            opened.setdefault(tag.name, []).append(tag)
        elif before := opened.get(tag.name):
            before.pop().partner = number
        elif not tag.known:
            tag.name, tag.end = "", tag.start  # nothing


def _is_sure(tag: Tag, text: str) -> bool:
    if tag.closing or tag.name in _ALONE or tag.partner is not None:
        return True
    if text[tag.end - 2] == "/":
        return True
    if tag.name not in _OPEN_END:
        return False
    # `x<p>y` is a comparison, «您好<p>请稍等» is a paragraph.
    before = text[max(0, tag.start - 12) : tag.start]
    return not (_COMPARED.search(before) and text[tag.end : tag.end + 1].isalnum())
