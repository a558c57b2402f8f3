"""docs/sync.md: the demo's conditions and events are those that it names."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from kchat_search.demo import control_api
from kchat_search.demo.conditions import CONDITIONS
from kchat_search.demo.events import EVENTS
from kchat_search.demo.server import DemoServer
from tests.docs.documents import asked, codes, curls, rows, text

SYNC = text("docs/sync.md")


def test_every_condition_and_event_of_the_demo_is_told_and_no_other() -> None:
    assert [codes(cells[0])[0] for cells in rows(SYNC, "condition")] == list(CONDITIONS)
    assert [codes(cells[0])[0] for cells in rows(SYNC, "event")] == list(EVENTS)


@pytest.mark.parametrize("call", curls(":5099"), ids=" ".join)
def test_what_curl_asks_of_the_demo_is_done(call: list[str], kchat: DemoServer) -> None:
    method, address, data = asked(call)
    answer = control_api.answer(kchat, method, urlsplit(address).path, "".join(data).encode())
    assert answer.status == 200, answer
