"""The versions of a chat as JSON."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from kchat_search.serialization import schemas
from kchat_search.serialization.history import versions_json
from kchat_search.serialization.links import Links
from tests.web import chats
from tests.web.chats import PASSWORD
from tests.web.conftest import make_presentation
from tests.web.fake_service import FakeService


def test_every_version_is_there_as_it_was_sent_with_what_changed() -> None:
    sent = chats.refund_versions()
    service = FakeService(chats.ordinary(), make_presentation(), past={290: sent})
    answer: Any = versions_json(
        290, service.history(290), service.presentation.zone, Links("http://localhost/", None)
    )
    TypeAdapter(schemas.VersionsJson).validate_python(answer, extra="forbid")
    assert answer["chat_id"] == 290
    assert [one["version"] for one in answer["versions"]] == [1, 2, 3]
    times = ["2016-05-18", "2016-05-19", "2016-05-20"]
    assert [one["seen_at"] for one in answer["versions"]] == [f"{t}T12:00:00+08:00" for t in times]
    assert [one["until"] for one in answer["versions"]] == [
        "2016-05-19T12:00:00+08:00",
        "2016-05-20T12:00:00+08:00",
        None,
    ]
    first, second, third = answer["versions"]
    assert first["chat"] == sent[0]
    assert first["changes"] == []
    assert "s3cr3t" not in json.dumps(answer)
    assert [(one["kind"], one["message_id"]) for one in second["changes"]] == [
        ("changed", 290001),
        ("changed", 290002),
        ("added", 290003),
        ("added", 290004),
        ("added", 290005),
        ("added", 290006),
    ]
    assert second["changes"][3]["upload"] == "发票.pdf"
    assert third["changes"][:4] == [
        {"kind": "field", "name": "status", "before": "open", "after": "close"},
        {"kind": "field", "name": "rating", "before": None, "after": 1},
        {"kind": "field", "name": "end_at", "before": None, "after": "2015-04-25 09:06:12"},
        {
            "kind": "recalled",
            "message_id": 290006,
            "position": 6,
            "name": "访客5",
            "before": PASSWORD,
            "after": "",
            "recalled": True,
            "upload": None,
            "fields": [],
        },
    ]
    assert answer["links"] == {
        "self": "http://localhost/api/v1/chats/290/versions?page=1&per_page=20",
        "html": "http://localhost/chats/290/versions",
        "chat": "http://localhost/api/v1/chats/290",
    }
