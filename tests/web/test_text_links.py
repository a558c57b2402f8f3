"""The addresses in what somebody wrote, where they end, and where they lead."""

from __future__ import annotations

import random
import re

import pytest
from markupsafe import escape

from kchat_search.web.pages.formatting import linked, marked
from kchat_search.web.pages.text_links import links, whole_link

OF_THE_SENTENCE = {
    "a blank": ("看 https://a.com/b 谢谢", "https://a.com/b"),
    "no blank": ("请看https://a.com/b谢谢", "https://a.com/b"),
    "a host and no blank": ("https://a.com谢谢", "https://a.com"),
    "a full-width comma": ("https://a.com/b，好", "https://a.com/b"),
    "a full-width stop": ("https://a.com。", "https://a.com"),
    "full-width brackets": ("（https://a.com/b）", "https://a.com/b"),
    "quotes": ("“https://a.com/b”", "https://a.com/b"),
    "a stop": ("https://a.com/b.html.", "https://a.com/b.html"),
    "a question": ("是 https://a.com/?a=1?!", "https://a.com/?a=1"),
    "a colon and no port": ("https://a.com:谢谢", "https://a.com"),
    "brackets": ("(https://a.com/b_(c)).", "https://a.com/b_(c)"),
    "a port": ("https://a.com:8080/x;", "https://a.com:8080/x"),
    "no port": ("https://a.com:99999/x", "https://a.com"),
    "tags": ("<https://a.com/b>", "https://a.com/b"),
    "a fragment": ("https://a.com/b#c-1", "https://a.com/b#c-1"),
    "an address in an address": ("https://a.com/?u=https://b.com/", "https://a.com/?u=https://b.com/"),
    "capitals": ("HTTPS://A.com/B", "HTTPS://A.com/B"),
}  # fmt: skip


@pytest.mark.parametrize("case", list(OF_THE_SENTENCE))
def test_an_address_ends_where_the_sentence_goes_on(case: str) -> None:
    text, expected = OF_THE_SENTENCE[case]
    (found,) = links(text)
    assert text[found.start : found.end] == expected
    assert found.href == expected


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)", "ftp://a.com", "data:text/html,x", "//a.com", "www.a.com", "a.com",
        "https://", "https:///a", "xhttps://a.com", "https://a..b/", "https://[::1]/",
        "https://2130706433/", "https://0x7f.1/", "https://127.1/", "https://1.2.3.256/",
        "https://good.com\\@evil.com/", "https://good.com\\.evil.com", "https://a%62.com/",
        "https://中国银行@evil.com/", "https://例.com@evil.com/", "https://हिन्दी.com/",
        f"https://{'a' * 64}.{'b' * 64}.{'c' * 64}.{'d' * 64}.com/", f"https://a.com/{'b' * 4000}",
        "https://a.com/138****8845", f"https://{'例' * 64}.com/",
    ],
)  # fmt: skip
def test_what_may_lead_somewhere_else_than_it_says_is_no_link(text: str) -> None:
    assert links(text) == []


HOSTS = {
    "https://a.com": ("a.com", True),
    "https://a.com/": ("a.com", True),
    "https://a.com/b": ("a.com", False),
    "https://A.com": ("a.com", False),
    "https://a.com:8080": ("a.com", False),
    "https://good.com@evil.example/": ("evil.example", False),
    "https://good.com:443@evil.example/": ("evil.example", False),
    "https://аpple.com": ("xn--pple-43d.com", False),
    "https://apple.cоm/": ("apple.xn--cm-fmc", False),
    "https://例子.测试/路": ("xn--fsqu00a.xn--0zwm56d", False),
    "https://faß.de/": ("xn--fa-hia.de", False),
    "https://ｅｘ.com/": ("ex.com", False),
    "https://xn--fsqu00a.com/": ("xn--fsqu00a.com", True),
    "https://127.0.0.1": ("127.0.0.1", True),
}


@pytest.mark.parametrize("text", list(HOSTS))
def test_a_link_leads_to_the_host_that_is_named_with_it(text: str) -> None:
    (found,) = links(text)
    assert (found.host, found.plain) == HOSTS[text]
    assert found.href.isascii()
    assert found.host in found.href.lower()
    html = str(linked(text, ()))
    assert (f' data-host="{found.host}"' in html) == (not found.plain)
    assert 'rel="noopener noreferrer nofollow"' in html


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://files.example/发票 1.pdf", ("https://files.example/发票 1.pdf", "files.example")),
        ("https://аpple.com/x", ("https://аpple.com/x", "xn--pple-43d.com")),
        ("https://good.com\\@evil.com/", None),
        ("https://a.com:99999/", None),
        ("https://2130706433/", None),
        ("javascript:alert(1)", None),
        (None, None),
    ],
)
def test_the_link_of_a_file_names_its_host(url: str | None, expected: object) -> None:
    assert whole_link(url) == expected


def _marks(html: str) -> list[bool]:
    """Of each character of the text: is it marked? Fails where a mark holds a tag."""
    found, on = [], False
    for piece in re.findall(r"<[^>]*>|&[^;]+;|.", html):
        if piece in ("<mark>", "</mark>"):
            on = piece == "<mark>"
        elif piece.startswith("<"):
            assert not on, html
        else:
            found.append(on)
    return found


def test_marks_and_links_nest_and_leave_the_text_as_it_is() -> None:
    dice = random.Random(16)
    for _ in range(1_000):
        words = ("a", "<", "好", "https://x.com/a", " ", "&", "https://例.com", "😀")
        text = "".join(dice.choices(words, k=dice.randrange(8)))
        places = range(-2, len(text) + 3)
        ranges = [(dice.choice(places), dice.choice(places)) for _ in range(dice.randrange(4))]
        expected = [any(start <= n < end for start, end in ranges) for n in range(len(text))]
        for html in (str(marked(text, ranges)), str(linked(text, ranges))):
            assert re.sub(r"</?(?:a|mark)(?: [^>]*)?>", "", html) == str(escape(text))
            assert _marks(html) == expected, (text, ranges)
            assert html.count("<a ") == html.count("</a>")


def test_of_a_thousand_links_and_more_the_rest_is_text() -> None:
    html = str(linked("https://a.com " * 1_200, ()))
    assert html.count("<a ") == 1_000
    assert html.count("https://a.com") == 1_000 + 1_200
