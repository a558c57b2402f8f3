"""What all pages have in common."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from jinja2 import nodes

from kchat_search.web.pages.assets import STATIC
from tests.web import chats
from tests.web.conftest import make_app, make_presentation
from tests.web.fake_service import FakeService
from tests.web.markup import Page, look

PATHS = ["/", "/?q=退款", "/?q=没有", "/?q=&page=3", "/?q=包裹&page=99", "/chats/290?q=退款"]
PATHS += ["/chats/291", "/chats/290/versions", "/status", "/docs", "/nope"]


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_well_formed_in_both_languages(client: FlaskClient, path: str) -> None:
    chinese = Page(client.get(path).text)
    switch = "&lang=en" if "?" in path else "?lang=en"
    english = Page(client.get(path + switch).text)
    assert (chinese.faults, english.faults) == ([], [])
    assert "English" in chinese.text
    assert "中文" in english.text
    for page in (chinese, english):
        tags = [tag for tag, _ in page.tags]
        for landmark in ("header", "nav", "main", "footer"):
            assert landmark in tags
        assert tags.count("h1") == 1
        assert page.links[0]["class"] == "skip"


def test_made_up_conversations_are_called_so(client: FlaskClient) -> None:
    demo = make_app(FakeService(chats.ordinary(), make_presentation(demo=True))).test_client()
    assert "演示数据" in look(demo, "/").text
    text = look(client, "/").text
    assert "演示数据" not in text
    assert "尚无账号" in text


def test_as_long_as_there_are_no_accounts_their_pages_say_how_to_add_one(
    client: FlaskClient,
) -> None:
    for path in ("/account", "/people", "/audit"):
        answer = client.get(path)
        text = Page(answer.text).text
        assert answer.status_code == 403
        assert "kchat-search user add NAME --role admin" in text
        assert "您的账号" not in text


def test_no_template_passes_on_what_may_be_undefined(client: FlaskClient) -> None:
    """«f(x if y)» gives a function Jinja's Undefined, which is not None: a page of status 500."""
    environment = client.application.jinja_env
    for path in STATIC.parent.glob("templates/*.html"):
        for call in environment.parse(path.read_text("utf-8")).find_all(nodes.Call):
            given = [*call.args, *(keyword.value for keyword in call.kwargs)]
            open_ended = [one for one in given if isinstance(one, nodes.CondExpr) and not one.expr2]
            assert not open_ended, (path.name, call.lineno)
