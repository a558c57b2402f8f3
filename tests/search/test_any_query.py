"""Whatever is typed is read, has a limit, and can be written as it was understood."""

from __future__ import annotations

from hypothesis import assume, example, given
from hypothesis import strategies as st

from kchat_search.errors import LimitExceeded
from kchat_search.models.plan import AllOf, AnyOf, Node, NoneOf
from kchat_search.search.plan import Context, to_node
from kchat_search.search.tree import And, Phrase, quoted
from kchat_search.text.fold import fold
from kchat_search.text.typography import without_ignorable
from tests.search.words import SHANGHAI, TODAY, queries, read, tree
from tests.text.difficult_texts import texts

CONTEXT = Context({"2192": "李雷"}, TODAY, SHANGHAI)


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
    assert found.tree is not None or not without_ignorable(query).strip()
    to_node(found.tree, CONTEXT)


@given(texts(200))
@example("\\")
@example('\\"')
@example('"\\')
@example('\\\\"\\')
@example("“a”")
@example(" ")
@example(" a ")
def test_any_string_survives_as_a_quoted_one(string: str) -> None:
    assume(fold(string))
    assert tree(quoted(string)) == phrase(string)
    assert read(quoted(string)).notes == ()


def phrase(string: str) -> Phrase:
    """Blanks at the ends are not asked for, if there is anything else."""
    seen = without_ignorable(string)
    return Phrase(fold(seen.strip() or seen))


STRINGS = texts(10).filter(lambda string: fold(string) != "" and not string.endswith("\\"))


@given(st.lists(STRINGS, min_size=2, max_size=4))
def test_quoted_strings_survive_side_by_side(strings: list[str]) -> None:
    assert tree(" ".join(map(quoted, strings))) == And(tuple(map(phrase, strings)))


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
@example('status:"200" 退款')
@example("status:200 退款")
@example("in:history 退款 OR (a b)")
@example("-20度 -(-20) NOT 5月1日")
@example("(6222) (0202) (0202) (0202)")
@example("(iPhone) 6")
@example("iPhone 6 (138) 1111 2222")
@example("(+86)138-1111-2222 1，299元")
@example("手机138 1111 2222谢谢 5月1日10点")
@example('"退款 到账"~8 -"a b"~0')
@example("from:李雷 said:昨天 退款")
@example("C# .NET 20% ¥99 T恤 #1")
def test_what_was_understood_finds_the_same_chats_when_it_is_typed(query: str) -> None:
    try:
        first = tree(query)
        # The language can't express a string that ends with a backslash before another string.
        assume("\\" not in query)
        second = tree(str(first or ""))
    except LimitExceeded:
        return
    assert flat(to_node(second, CONTEXT)) == flat(to_node(first, CONTEXT))
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
