"""Every regular expression of the program takes linear time, whatever it is given.

The patterns are found, not listed: a new one is tried without anybody naming it here. Left out are
the conversations of the demo, whose patterns read nothing but their own word lists.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterator
from itertools import chain
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

from tests.growth import SURE, spread, superlinear
from tests.test_house import modules, source

MAKERS = {
    "kchat_search.chats.addresses.parameter_pattern": None,
    "kchat_search.text.fold._long_marks_pattern": (),
    "kchat_search.text.variants._pattern": (),
}
"""The functions that make patterns, and with which arguments to call them; None where what they
make is in a module."""
_MOST_PIECES = 12
_SAMPLED = "a0 -_.:;/&?#\"'\\(<\n\0é访，"
"""Characters to try where a pattern says what it does *not* match."""
_PARTS = {
    sre.MAX_REPEAT: 2, sre.MIN_REPEAT: 2, sre.POSSESSIVE_REPEAT: 2, sre.SUBPATTERN: 3,
    sre.ASSERT: 1, sre.ASSERT_NOT: 1, sre.ATOMIC_GROUP: None,
}  # fmt: skip
"""Where an item of a parsed pattern has the pattern inside it."""
USES = ("match", "search", "fullmatch", "sub", "subn", "split", "finditer", "findall")


def is_pattern_call(node: ast.AST) -> bool:
    """Is it a call of a function of `re` that takes a pattern?"""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr in ("compile", *USES)
    )


def functions_with_patterns(module: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source(module))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and any(
            map(is_pattern_call, ast.walk(node))
        ):
            yield f"{module}.{getattr(node, 'name', 'lambda')}"


def with_patterns() -> list[str]:
    """The modules that call functions of `re`."""
    return [
        module
        for module in modules()
        if not module.startswith("kchat_search.demo.conversations.")
        and any(map(is_pattern_call, ast.walk(ast.parse(source(module)))))
    ]


def patterns(module: str) -> dict[str, re.Pattern[Any]]:
    """Every compiled pattern of a module, by where it is."""
    loaded = importlib.import_module(module)
    found: dict[str, re.Pattern[Any]] = {}
    for name, value in vars(loaded).items():
        if not name.startswith("__"):
            found |= dict(_within(f"{module}.{name}", value, module))
    for name, arguments in MAKERS.items():
        if arguments is not None and name.rpartition(".")[0] == module:
            found[name] = getattr(loaded, name.rpartition(".")[2])(*arguments)
    return found


def _within(name: str, value: object, module: str) -> Iterator[tuple[str, re.Pattern[Any]]]:
    if isinstance(value, re.Pattern):
        yield name, value
    elif isinstance(value, tuple | list | frozenset | set):
        for number, one in enumerate(value):
            yield from _within(f"{name}.{number}", one, module)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _within(f"{name}.{key}", one, module)
    elif isinstance(value, type) and value.__module__ == module:
        for key, one in vars(value).items():
            if not key.startswith("__"):
                yield from _within(f"{name}.{key}", one, module)


def uses(name: str) -> list[str]:
    """The methods of a pattern that the program calls, without those whose work another one does
    too; `fullmatch` and `finditer` if that is not to be seen."""
    variable = name.rpartition(".")[2]
    module = name.rpartition(".")[0]
    text = source(module) if module in modules() else ""
    called = set(re.findall(rf"\b{re.escape(variable)}\.(\w+)\b", text)) & set(USES)
    if not called:
        return ["fullmatch", "finditer"]
    everywhere = called - {"match", "search", "fullmatch"}
    first = everywhere or called & {"search"} or called & {"match"}
    return sorted(called & {"fullmatch"}) + sorted(first)[:1]


def pieces(pattern: re.Pattern[str]) -> list[str]:
    """Texts that the pattern matches a part of: its characters, the beginnings of what it matches,
    the whole."""
    parsed = parser.parse(pattern.pattern, pattern.flags)
    found = dict.fromkeys(chain(_beginnings(parsed), _characters(parsed)))
    by_kind: dict[str, str] = {}
    for text in found:  # of a hundred Han ranges one is enough
        by_kind.setdefault(text if len(text) > 1 or text.isascii() else str(ord(text) // 64), text)
    return [text for text in by_kind.values() if text][:_MOST_PIECES]


def _characters(parsed: Any) -> Iterator[str]:
    for code, argument in parsed:
        if code is sre.LITERAL:
            yield chr(argument)
        elif code is sre.NOT_LITERAL:
            yield next(c for c in _SAMPLED if ord(c) != argument)
        elif code is sre.ANY:
            yield "a"
        elif code is sre.IN:
            yield from _members(argument)
        for part in _inside(code, argument):
            yield from _characters(part)


def _inside(code: Any, argument: Any) -> list[Any]:
    """The patterns inside an item of a parsed pattern."""
    if code is sre.BRANCH:
        return list(argument[1])
    if code in _PARTS:
        return [argument if _PARTS[code] is None else argument[_PARTS[code]]]
    return []


def _counts(parsed: Any) -> Iterator[int]:
    """How far a pattern counts: the numbers of its repeats."""
    for code, argument in parsed:
        if code in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            yield from (number for number in argument[:2] if number is not sre.MAXREPEAT)
        for part in _inside(code, argument):
            yield from _counts(part)


def _members(items: Any) -> Iterator[str]:
    if items[0][0] is sre.NEGATE:
        test = re.compile("[^" + "".join(map(_class_text, items[1:])) + "]")
        yield from [c for c in _SAMPLED if test.match(c)][:3]
        return
    samples = {sre.CATEGORY_DIGIT: "0", sre.CATEGORY_SPACE: " ", sre.CATEGORY_WORD: "a"}
    for kind, value in items:
        if kind is sre.LITERAL:
            yield chr(value)
        elif kind is sre.RANGE:
            yield chr(value[0])
        elif kind is sre.CATEGORY:
            yield samples.get(value, "-")


def _class_text(item: Any) -> str:
    kind, value = item
    if kind is sre.LITERAL:
        return f"\\U{value:08x}"
    if kind is sre.RANGE:
        return f"\\U{value[0]:08x}-\\U{value[1]:08x}"
    names = {"DIGIT": "d", "SPACE": "s", "WORD": "w"}
    name = str(value).rpartition("CATEGORY_")[2].removeprefix("UNI_")
    letter = names[name.removeprefix("NOT_")]
    return "\\" + (letter.upper() if name.startswith("NOT_") else letter)


def _beginnings(parsed: Any) -> list[str]:
    """What the first item of a pattern matches, the first two, and so on; in each alternative."""
    texts = [""]
    begun: list[str] = []
    for code, argument in parsed:
        if code is sre.BRANCH:
            follows = [_beginnings(one)[-1:] or [""] for one in argument[1]]
            options = list(chain.from_iterable(follows))
        elif code is sre.SUBPATTERN:
            options = _beginnings(argument[3])[-2:]
        elif code in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            options = [
                text * max(1, min(argument[0], 40)) for text in _beginnings(argument[2])[-2:]
            ]
        elif code in (sre.ASSERT, sre.ASSERT_NOT, sre.AT):
            continue
        else:
            options = list(_characters([(code, argument)]))[:2]
        texts = [text + option for text in texts[:4] for option in options[:6] or [""]]
        begun += texts[:6]
    return begun


def test_patterns_stand_in_modules_where_they_are_found() -> None:
    made = {name for module in with_patterns() for name in functions_with_patterns(module)}
    assert made == set(MAKERS)


def _repeated_for_good(parsed: Any) -> Iterator[Any]:
    """What `*+`, `++`, `?+` or `{}+` repeats, here or deeper inside."""
    for code, argument in parsed:
        if code is sre.POSSESSIVE_REPEAT:
            yield argument[2]
        for part in _inside(code, argument):
            yield from _repeated_for_good(part)


@pytest.mark.parametrize("module", with_patterns())
def test_only_single_characters_are_repeated_for_good(module: str) -> None:
    """Python before 3.11.5 reads `(?:ab)*+` wrongly or raises SystemError (CPython issues 101955
    and 106052), and Debian 12 has 3.11.2. `(?>(?:ab)*)` says the same."""
    for name, pattern in patterns(module).items():
        for inside in _repeated_for_good(parser.parse(pattern.pattern, pattern.flags)):
            assert len(inside) == 1, name
            assert inside[0][0] in (sre.IN, sre.LITERAL, sre.NOT_LITERAL, sre.ANY), name


@pytest.mark.slow
@pytest.mark.parametrize("module", with_patterns())
def test_each_pattern_of_a_module_takes_linear_time(module: str) -> None:
    found = patterns(module)
    calls = sum(map(is_pattern_call, ast.walk(ast.parse(source(module)))))
    assert len(found) >= calls, "a pattern stands where it is not found"
    for name, pattern in found.items():
        assert max(_counts(parser.parse(pattern.pattern, pattern.flags)), default=0) < SURE
        assert_linear(name, pattern)


def runner(pattern: re.Pattern[str], use: str) -> Callable[[str], object]:
    """A call of a method of a pattern, with the text alone."""
    method: Callable[..., object] = getattr(pattern, use)
    if use in ("sub", "subn"):
        return lambda text: method("", text)
    if use == "finditer":
        return lambda text: list(pattern.finditer(text))
    return method


def assert_linear(name: str, pattern: re.Pattern[str]) -> None:
    tried = 0
    for use in uses(name):
        call = runner(pattern, use)
        for description, make in spread(pieces(pattern)):
            tried += 1
            wrong = superlinear(call, make)
            assert wrong is None, f"{pattern.pattern!r}.{use}({description}): {wrong}"
    assert tried


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "use"),
    [
        (r"(?:&amp;|[?&])+(?=#|$)", "sub"),  # it made every request wait for 13 s
        (r"\s+$", "search"),
        (r"(a+)+b", "match"),
        (r"(a|a)*b", "match"),
        (r"\d+-", "search"),
        (r"(?s).*,.*,.*;", "match"),
        (r"x.*y.*z", "search"),
        (r"[^#]*#", "search"),
    ],
)
def test_a_slow_pattern_would_be_noticed(text: str, use: str) -> None:
    pattern = re.compile(text)
    call = runner(pattern, use)
    assert any(superlinear(call, make) for _, make in spread(pieces(pattern)))
