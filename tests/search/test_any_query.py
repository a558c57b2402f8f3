"""Whatever is typed is read, has a limit, and can be written as it was understood."""

from __future__ import annotations

from hypothesis import assume, example, given
from hypothesis import strategies as st

from kchat_search.errors import LimitExceeded
from kchat_search.models.plan import AllOf, AnyOf, Node, NoneOf
from kchat_search.search.plan import Context, to_node
from kchat_search.search.tree import And, Phrase, quoted
from kchat_search.text.fold import fold
from tests.search.words import SHANGHAI, TODAY, queries, read, tree
from tests.text.difficult_texts import texts


@given(texts(1000) | queries)
@example("\ud800")
@example("agent:\ud800")
@example('-"')
def test_whatever_is_typed_is_read_or_passes_a_limit(query: str) -> None:
    try:
        found = read(query)
    except LimitExceeded:
        return
    str(found.tree).encode()
    assert found.tree is not None or not query.strip()
    to_node(found.tree, Context({}, TODAY, SHANGHAI))


@given(texts(200))
@example("\\")
@example('\\"')
@example('"\\')
@example('\\\\"\\')
@example("“a”")
@example(" ")
def test_any_string_survives_as_a_quoted_one(string: str) -> None:
    assume(string)
    assert tree(quoted(string)) == Phrase(fold(string))
    assert read(quoted(string)).notes == ()


@given(st.lists(texts(10).filter(lambda s: s and not s.endswith("\\")), min_size=2, max_size=4))
def test_quoted_strings_survive_side_by_side(strings: list[str]) -> None:
    assert tree(" ".join(map(quoted, strings))) == And(tuple(Phrase(fold(s)) for s in strings))


@given(queries)
@example("第⑴步")
@example('a "b" OR -(c d)')
@example("-第⑴步")
@example("status﹕close")
@example("退款、﹣退款")
@example("-，退款、退款")
@example('-"退款、退款')
@example("退款、ｓｔａｔｕｓ：close")
@example("(退款 OR - )")
@example("- \x00")
@example('agent:"李，雷"')
@example("file:发票，终版.pdf")
@example("iph*!")
@example("(from:visitor 退款) 发票")
@example('id:"a b"')
def test_what_was_understood_finds_the_same_chats_when_it_is_typed(query: str) -> None:
    try:
        first = tree(query)
        # The language can't express a string that ends with a backslash before another string.
        assume("\\" not in query)
        second = tree(str(first or ""))
    except LimitExceeded:
        return
    context = Context({}, TODAY, SHANGHAI)
    assert flat(to_node(second, context)) == flat(to_node(first, context))
    assert str(tree(str(second or ""))) == str(second), "said back, it stays as it is"


def flat(found: Node) -> Node | tuple[str, frozenset[object]]:
    """A node without the order and the grouping of its parts, which do not change what matches."""
    match found:
        case AllOf(parts) | AnyOf(parts):
            kind = type(found).__name__
            inner: set[object] = set()
            for part in map(flat, parts):
                same = isinstance(part, tuple) and part[0] == kind
                inner |= part[1] if same and isinstance(part, tuple) else {part}
            return (kind, frozenset(inner)) if len(inner) > 1 else inner.pop()  # type: ignore[return-value]
        case NoneOf(part):
            return ("none", frozenset([flat(part)]))
        case _:
            return found
