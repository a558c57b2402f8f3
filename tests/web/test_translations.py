"""Every text of the pages has its English, and the compiled file has the same texts."""

from __future__ import annotations

import io
import re
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

import kchat_search.web

WEB = Path(kchat_search.web.__file__).parent
ENGLISH = WEB / "translations" / "en" / "LC_MESSAGES"
HAN = re.compile("[\u3400-\u9fff]")
PLACE = re.compile(r"%\((\w+)\)s")


def catalog() -> Catalog:
    return read_po(io.BytesIO((ENGLISH / "messages.po").read_bytes()), locale="en")


def strings(texts: Catalog) -> dict[str, str]:
    def flat(text: object) -> str:
        return text if isinstance(text, str) else "|".join(text)  # type: ignore[arg-type]  # plural

    return {flat(message.id): flat(message.string) for message in texts if message.id}


def used() -> set[str]:
    extracted = extract_from_dir(
        WEB,
        method_map=[("**.py", "python"), ("templates/**.html", "jinja2")],
        keywords={"_": None, "gettext": None, "ngettext": (1, 2)},
    )
    return {
        message if isinstance(message, str) else message[0] for _, _, message, _, _ in extracted
    }


def test_every_text_of_the_pages_has_its_english_and_none_is_left_over() -> None:
    translated = {m.id if isinstance(m.id, str) else m.id[0] for m in catalog() if m.id}
    assert used() == translated


def test_every_english_text_is_english_and_keeps_its_places() -> None:
    for message in catalog():
        if not message.id:
            continue
        one = message.id if isinstance(message.id, str) else message.id[0]
        texts = [message.string] if isinstance(message.string, str) else message.string or [""]
        assert not message.fuzzy
        for text in texts:
            assert text, one
            examples = re.sub(r"\w+:\S+", "", text)
            assert not HAN.search(examples), text
            assert set(PLACE.findall(text)) == set(PLACE.findall(one)), text


def test_what_runs_is_compiled_from_what_is_written() -> None:
    compiled = read_mo(io.BytesIO((ENGLISH / "messages.mo").read_bytes()))
    assert strings(compiled) == strings(catalog())


def test_no_page_has_a_text_that_can_not_be_translated() -> None:
    for template in (WEB / "templates").glob("*.html"):
        bare = re.sub(r"\{[{%].*?[%}]\}", "", template.read_text(encoding="utf-8"), flags=re.DOTALL)
        left = [line for line in bare.splitlines() if HAN.search(line)]
        assert [line for line in left if 'hreflang="zh-CN"' not in line] == [], template.name


def test_no_text_could_end_an_attribute_or_begin_a_tag() -> None:
    # The templates do not escape translations.
    for message, text in strings(catalog()).items():
        assert not set(message + text) & set('"<>'), text
