"""The page of saved searches, over real chats and real accounts: every number is what its link
finds, for whoever looks."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

import pytest
from flask import Flask

from kchat_search.archive import SqlArchive
from kchat_search.engines.whoosh.reader import SeenIndex
from kchat_search.errors import EngineUnreachable
from kchat_search.gate import Gate
from kchat_search.kchat.parse import ChatParser
from kchat_search.models.chats import FetchedChat
from kchat_search.models.plan import Plan
from kchat_search.web import create_app
from tests.access.planted import conversations, opened
from tests.web.browsing import Browser
from tests.web.doors import signed_in
from tests.world import BEGIN, chat

SEARCH = f"/?q={quote('退款')}&sort=newest"


@pytest.fixture
def gate(tmp_path: Path, staffed: Path) -> Iterator[Gate]:
    shutil.copyfile(staffed, tmp_path / "access.sqlite3")
    made = opened(
        tmp_path / "w",
        conversations(7, 12),
        access_url=f"sqlite:///{tmp_path / 'access.sqlite3'}",
        agents_see="own",
    )
    yield made
    made.close()


@pytest.fixture
def app(gate: Gate) -> Flask:
    return create_app(gate)


def arrives(gate: Gate, chat_id: int, agent_id: str, text: str) -> None:
    """A chat is archived and indexed."""
    raw = chat(chat_id, text, agent_id=int(agent_id))
    archive, parser = gate.owners.archive, ChatParser(gate.presentation.zone)
    fetched = parser.parse_chat(raw)
    assert isinstance(archive, SqlArchive)
    assert isinstance(fetched, FetchedChat)
    with gate.owners.indexing("test"):
        archive.save([fetched], now=BEGIN)
        gate.owners.indexer.index_pending()


def numbers(browser: Browser) -> list[tuple[str, int]]:
    """(address, the number beside it) of the links on the list."""
    page = browser.open("/saved")
    return [(link["href"], int(link["data-finds"])) for link in page.links if "data-finds" in link]


def total(browser: Browser, address: str) -> int:
    """What the page of this search says it has found."""
    browser.open(address)
    found = re.search(r"<b>([\d,]+)</b>", browser.response.text)
    assert found is not None
    return int(found[1].replace(",", ""))


def save(browser: Browser, name: str, address: str = SEARCH) -> None:
    page = browser.open(address)
    (link,) = {link["href"] for link in page.links if "save" in link.get("class", "").split()}
    browser.open(link)
    browser.send("/saved", name=name)


@pytest.mark.parametrize("name", ["cora", "lilei"])
def test_each_number_is_what_its_link_finds(app: Flask, gate: Gate, name: str) -> None:
    browser = signed_in(app, name)
    save(browser, "退款 <b>")
    assert "退款 <b>" in browser.page.text
    ((address, before),) = numbers(browser)
    assert address == SEARCH
    assert total(browser, address) == before > 0
    arrives(gate, 901, "2192", "退款 到账")
    arrives(gate, 902, "2192", "发票")
    arrives(gate, 903, "8", "退款")  # whom lilei may not see
    new = 2 if name == "cora" else 1
    found = numbers(browser)
    assert [count for _, count in found] == [before + new, new]
    for address, count in found:
        assert total(browser, address) == count, address
    (chip,) = [link for link in browser.page.links if link.get("class") == "chip"]
    assert total(browser, chip["href"]) == before + new
    browser.open("/saved")
    browser.send("/saved/1/seen")
    assert numbers(browser) == [(SEARCH, before + new)]
    assert "没有新的" in browser.page.text


def test_where_nothing_is_new_each_way_out_finds_what_it_says(app: Flask) -> None:
    browser = signed_in(app, "cora")
    save(browser, "seen")
    page = browser.open(f"{SEARCH}&unseen=1&start=2030-01-01")
    ways = [(link["href"], int(link["data-finds"])) for link in page.links if "data-finds" in link]
    assert ways
    assert {total(browser, address) for address, _ in ways} != {0}
    for address, count in ways:
        assert total(browser, address) == count, address


def test_a_search_keeps_all_that_its_address_says(app: Flask) -> None:
    browser = signed_in(app, "cora")
    address = (
        "/?q=&agent_id=2192&agent_id=none&status=close&start=2016-01-01&history=true&sort=newest"
    )
    save(browser, "closed", f"{address}&page=1")
    ((kept, count),) = numbers(browser)
    assert kept == address.replace("q=&", "")
    assert total(browser, kept) == count == total(browser, address)


def test_names_are_changed_and_searches_removed(app: Flask) -> None:
    browser = signed_in(app, "cora")
    save(browser, "one")
    page = browser.send("/saved/1/rename", name="另一个")
    assert "另一个" in page.text
    page = browser.send("/saved/1/rename", 400, name=" ")
    assert 'aria-invalid="true"' in browser.response.text
    browser.open("/saved")
    page = browser.send("/saved/1/remove")
    assert "还没有保存的搜索" in page.text


def test_a_name_that_cannot_be_taken_loses_nothing(app: Flask) -> None:
    browser = signed_in(app, "cora")
    browser.open(f"/saved?search={quote(SEARCH.removeprefix('/?'))}")
    browser.send("/saved", 400, name=" ")
    browser.send("/saved", name="again")
    assert [address for address, _ in numbers(browser)] == [SEARCH]


def test_the_longest_query_can_be_saved(app: Flask) -> None:
    browser = signed_in(app, "cora")
    address = f"/?q={quote(' '.join(['退款'] * 16 + ['𠮷' * 900]))}&agent_id=2192&start=2016-01-01"
    browser.open(f"/saved?search={quote(address.removeprefix('/?'))}")
    browser.send("/saved", name="long")
    assert [url for url, _ in numbers(browser)] == [address.replace("%20", "+")]


def test_a_search_that_cannot_be_asked_any_more_says_so(app: Flask, gate: Gate) -> None:
    browser = signed_in(app, "cora")
    save(browser, "before", f"{SEARCH}&history=true")
    access = gate.access
    assert access is not None
    access.people.set_roles("cora", ["agent"])
    browser = signed_in(app, "cora")
    page = browser.open("/saved")
    assert "现在不能搜索" in page.text
    assert "before" in page.text


def test_while_the_index_can_t_be_asked_the_list_is_there(
    app: Flask, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked once, because it may take long to say nothing."""
    browser = signed_in(app, "cora")
    save(browser, "one")
    save(browser, "two", "/?q=&sort=newest")
    asked: list[Plan] = []

    def silent(_: SeenIndex, plan: Plan) -> NoReturn:
        asked.append(plan)
        raise EngineUnreachable("No server answers.")

    monkeypatch.setattr(SeenIndex, "ids", silent)
    page = browser.open("/saved")
    assert page.text.count("现在不能搜索") == 2
    assert len(asked) == 1
    monkeypatch.undo()
    assert len(numbers(browser)) == 2


@pytest.mark.parametrize("number", ["2", "0", "x", "9" * 30])
def test_the_new_chats_of_no_search_of_ones_own_are_refused(app: Flask, number: str) -> None:
    browser = signed_in(app, "cora")
    save(browser, "mine")
    other = signed_in(app, "lilei")
    other.open(f"/?q=&unseen={1 if number == '2' else number}", 400)
    browser.open(f"/?q=&unseen={number}", 400)


def test_an_agent_looks_at_their_own_chats_by_one_click(app: Flask, gate: Gate) -> None:
    access = gate.access
    assert access is not None
    access.people.set_roles("lilei", ["agent", "compliance"])
    browser = signed_in(app, "lilei")
    every = total(browser, "/?q=")
    (mine,) = [link for link in browser.page.links if "mine" in link.get("class", "")]
    assert total(browser, mine["href"]) == int(mine["data-finds"]) < every
    (back,) = [link for link in browser.page.links if "mine" in link.get("class", "")]
    assert total(browser, back["href"]) == every
    cora = signed_in(app, "cora")
    assert not [link for link in cora.open("/?q=").links if "mine" in link.get("class", "")]


def test_whoever_sits_at_the_machine_has_a_list_as_long_as_there_are_no_people(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'access.sqlite3'}"
    open_gate = opened(tmp_path / "w", conversations(7, 2), access_url=url)
    browser = Browser(create_app(open_gate))
    save(browser, "mine", "/?q=")
    assert numbers(browser) == [("/?q=", 2)]
    open_gate.close()


def test_who_may_not_search_has_no_list(app: Flask) -> None:
    for name in ("ada", "otto"):
        browser = signed_in(app, name)
        assert "/saved" not in {link["href"] for link in browser.page.links}
        browser.open("/saved", 403)
