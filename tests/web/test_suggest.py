"""What may be typed at the cursor, as the page's script asks for it."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.web.fake_service import FakeService
from tests.web.markup import look


def test_suggestions_say_what_to_put_where_and_are_kept_by_nobody(client: FlaskClient) -> None:
    answer = client.get("/suggest?q=退款 a&at=4&lang=en")
    assert answer.get_json() == {
        "start": 0,
        "end": 4,
        "suggestions": [
            {"insert": f"agent:{name}", "label": name, "hint": "en", "count": 1}
            for name in ("李雷", "韩梅梅")
        ],
    }
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert client.get("/suggest?q=&at=1000").get_json()["suggestions"] == []


WRONG = ["", "q=a", "at=1", "q=a&at=x", "q=a&at=-1", "q=a&at=1001", "q=a&at=1&x=1", "q=a&q=b&at=1"]
WRONG += ["at=1&q=" + "a" * 1001]


@pytest.mark.parametrize("query", WRONG, ids=[query[:20] for query in WRONG])
def test_nothing_is_guessed_of_a_wrong_question(client: FlaskClient, query: str) -> None:
    page = look(client, f"/suggest?{query}", 400)
    assert "地址中有一处不对" in page.text


def test_examples_are_of_the_own_chats_and_a_broken_archive_breaks_no_page(
    client: FlaskClient, service: FakeService
) -> None:
    for path in ("/", "/chats/290", "/status", "/docs", "/hot"):
        text = look(client, path).text
        assert "agent:李雷" in text, path
        assert "date:2015-04" in text, path
        assert "参与客服" in text, "every operator is told"
    service.bug = ValueError
    assert "“退款流程”" in look(client, "/?q=退款", 500).text


def test_the_heading_of_a_wrong_address_is_about_what_was_asked(client: FlaskClient) -> None:
    assert "这个搜索无法执行" in look(client, "/?page=x", 400).text
    assert "这个搜索无法执行" not in look(client, "/hot?period=x", 400).text
