from __future__ import annotations

import base64
import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kchat_search.errors import BadRequest
from kchat_search.fields import PARAMETERS
from kchat_search.models.plan import NO_TIME, Sort
from kchat_search.models.search import SearchRequest
from kchat_search.search.cursor import decode, encode
from tests.text.difficult_texts import texts

RELEVANCE = SearchRequest(q="退款")
NEWEST = SearchRequest(q="退款", sort="newest")
ME = "person:1"

positions = st.integers(0, 2**62) | st.tuples(
    st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1)
)


def made(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def identity(request: SearchRequest) -> object:
    return json.loads(base64.urlsafe_b64decode(encode(request, 0, ME) + "=="))[0]


@given(positions, texts(20))
def test_a_cursor_names_its_position(position: int | tuple[int, int], q: str) -> None:
    sort: Sort = "relevance" if isinstance(position, int) else "oldest"
    request = SearchRequest(q=q, sort=sort, filters={"agent_id": ("1",)})
    cursor = encode(request, position, ME)
    assert decode(request, cursor, ME) == position
    assert cursor.isascii()
    assert cursor.replace("-", "").replace("_", "").isalnum(), "as it is, it goes into a URL"


def test_a_chat_without_a_time_is_a_position_too() -> None:
    assert decode(NEWEST, encode(NEWEST, (NO_TIME, 7), ME), ME) == (NO_TIME, 7)


@pytest.mark.parametrize(
    "change",
    [
        {"page": 3},
        {"per_page": 50},
        {"cursor": "x"},
        {"facets": ()},
        {"snippets": 0},
        {"related": 0},
    ],
    ids=str,
)
def test_what_changes_no_hit_changes_no_cursor(change: dict[str, object]) -> None:
    other = dataclasses.replace(RELEVANCE, **change)  # type: ignore[arg-type]
    assert decode(other, encode(RELEVANCE, 40, ME), ME) == 40


@pytest.mark.parametrize(
    "change",
    [
        {"q": "退货"},
        {"history": True},
        {"hot": "12-30d-1"},
        {"unseen": 3},
        {"said_start": "2016-01-01"},
        {"said_end": "2016-01-01"},
        {"sort": "newest"},
        *({"filters": {name: ("1",)}} for name in PARAMETERS),
        {"filters": {"has_upload": ("true",)}},
        {"filters": {"has_upload": ("false",)}},
        {"start": "2016-01-01"},
        {"end": "2016-01-01"},
    ],
    ids=str,
)
def test_a_cursor_of_another_search_is_refused(change: dict[str, object]) -> None:
    other = dataclasses.replace(RELEVANCE, **change)  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match="another search") as refused:
        decode(other, encode(RELEVANCE, 40, ME), ME)
    assert refused.value.parameter == "cursor"


@pytest.mark.parametrize("other", ["", "person:12", "owner", "person:1 "])
def test_a_cursor_of_somebody_else_is_refused(other: str) -> None:
    with pytest.raises(BadRequest, match="another account: begin without it"):
        decode(RELEVANCE, encode(RELEVANCE, 40, ME), other)


def test_every_field_of_a_request_is_told_apart_or_known_to_change_no_hit() -> None:
    fields = {field.name for field in dataclasses.fields(SearchRequest)}
    assert fields - {"page", "per_page", "cursor", "facets", "snippets", "related"} == {
        "q", "sort", "filters", "start", "end", "said_start", "said_end", "history", "hot",
        "unseen",
    }  # fmt: skip


def test_a_position_of_the_wrong_kind_is_refused_though_the_search_is_right() -> None:
    for request, position in ((RELEVANCE, [1, 2]), (NEWEST, 40)):
        with pytest.raises(BadRequest):
            decode(request, made([identity(request), position]), ME)


@pytest.mark.parametrize(
    "position",
    [-1, 2**63, [2**63, 1], [1, -(2**63) - 1], [1], [1, 2, 3], [], "1", ["1", 2], None, True, 1.5,
     [True, 1], {}, 10**400],
    ids=str,
)  # fmt: skip
def test_a_tampered_position_is_refused(position: object) -> None:
    for request in (RELEVANCE, NEWEST):
        with pytest.raises(BadRequest) as refused:
            decode(request, made([identity(request), position]), ME)
        assert refused.value.parameter == "cursor"


@pytest.mark.parametrize(
    "content", [None, 1, "x", [], ["x"], ["x", 1], ["x", 1, 2], {"0": "x"}, [["x"], 1], [None, 1]]
)
def test_another_content_is_refused(content: object) -> None:
    with pytest.raises(BadRequest):
        decode(RELEVANCE, made(content), ME)


@given(
    texts(80)
    | st.text("abcABC012-_=+/ \n", max_size=80)
    | st.binary(max_size=60).map(lambda b: base64.urlsafe_b64encode(b).decode())
)
def test_no_string_does_anything_but_be_refused(cursor: str) -> None:
    for request in (RELEVANCE, NEWEST):
        with pytest.raises(BadRequest) as refused:
            decode(request, cursor, ME)
        assert refused.value.parameter == "cursor"


@given(st.integers(0, 200), st.sampled_from("aZ0_-=. 退"), st.sampled_from([RELEVANCE, NEWEST]))
def test_one_changed_character_is_refused_or_names_a_position(
    at: int, character: str, request: SearchRequest
) -> None:
    by_date = request is NEWEST
    cursor = encode(request, (1, 2) if by_date else 40, ME)
    at %= len(cursor)
    try:
        position = decode(request, cursor[:at] + character + cursor[at + 1 :], ME)
    except BadRequest:
        return
    assert isinstance(position, tuple) == by_date


def test_deep_nesting_is_refused() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 100_000).decode()
    with pytest.raises(BadRequest):
        decode(RELEVANCE, deep, ME)
