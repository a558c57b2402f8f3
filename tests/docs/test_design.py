"""docs/design.md names what the style sheets have: custom properties, sizes, layers, classes."""

from __future__ import annotations

import re
from pathlib import Path

import kchat_search

ROOT = Path(__file__).parents[2]
STATIC = Path(kchat_search.__file__).parent / "web/static"
PAGE = (ROOT / "docs/design.md").read_text("utf-8")
BASE = (STATIC / "base.css").read_text("utf-8")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
SHEETS = {
    path.name: COMMENT.sub("", path.read_text("utf-8")) for path in sorted(STATIC.glob("*.css"))
}
VALUES = dict(re.findall(r"^  (--[\w-]+):\s*([^;]+);", BASE, re.MULTILINE))


def test_the_page_names_all_custom_properties_and_no_others() -> None:
    named = set(re.findall(r"`(--[\w-]+)`", PAGE))
    spaces = {f"--space-{number}" for number in range(1, 7)}
    assert named | spaces == VALUES.keys()


def test_sizes_are_what_the_page_says() -> None:
    said = {"--text": "15px", "--small": "0.87rem", "--fine": "0.78rem"}
    said |= {"--h1": "1.6rem", "--h2": "1.05rem", "--h3": "0.95rem"}
    said |= {"--leading": "1.6", "--leading-tight": "1.45"}
    spaces = zip(range(1, 7), (4, 8, 12, 16, 24, 32), strict=True)
    said |= {f"--space-{number}": f"{size}px" for number, size in spaces}
    assert {name: VALUES[name] for name in said} == said
    for name in ("--text", "--small", "--fine", "--leading", "--leading-tight"):
        assert VALUES[name].replace("px", " px").replace("rem", " rem") in PAGE


def test_every_property_that_is_used_is_named_in_the_base() -> None:
    for name, text in SHEETS.items():
        own = set(re.findall(r"(--[\w-]+)\s*:", text))
        assert set(re.findall(r"var\((--[\w-]+)", text)) <= VALUES.keys() | own, name


def test_every_rule_stands_in_a_layer_that_the_base_orders() -> None:
    assert "@layer base, parts, pages;" in BASE
    for name, text in SHEETS.items():
        depth, outside = 0, []
        for part in re.findall(r"[^{}]+|[{}]", re.sub(r"@layer [\w, ]+;", "", text)):
            depth += (part == "{") - (part == "}")
            if depth == 0 and part != "}" and part.strip():
                outside.append(part.strip())
        assert outside, name
        assert {"base", "parts", "pages"} >= {line.removeprefix("@layer ") for line in outside}, (
            name
        )


def test_no_colour_stands_outside_the_base() -> None:
    for name, text in SHEETS.items():
        if name != "base.css":
            assert not re.findall(r":[^;{}]*#[0-9a-f]{3,8}\b[^;{}]*;", text), name


def test_the_parts_that_it_names_are_there() -> None:
    parts = PAGE.partition("## Parts")[2].partition("##")[0]
    for name in re.findall(r"`\.([\w-]+)`", parts):
        assert re.search(rf"\.{name}\b", BASE), name


def test_chinese_type_is_set_right() -> None:
    body = re.search(r"\bbody \{(.*?)\}", BASE, re.DOTALL)
    assert body is not None
    for rule in ("font-synthesis: none", "line-break: strict", "text-spacing-trim"):
        assert rule in body[1]
    assert not any("italic" in text for text in SHEETS.values())
