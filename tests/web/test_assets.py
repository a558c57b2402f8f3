"""What pages load: bundles of small files, which say what those say."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from kchat_search.web.pages.assets import BUNDLES, STATIC
from tests.web.test_words import TEMPLATES

ALONE = {"opening.js", "messages.css"}
"""Files that are loaded by themselves too."""


def test_every_file_is_in_a_bundle_and_every_bundle_in_a_template() -> None:
    bundled = {f"{name}.css" for one in BUNDLES.values() for name in one.styles}
    bundled |= {f"{name}.js" for one in BUNDLES.values() for name in one.scripts}
    of_all = {"base.css", "box.css", "load.js", "keys.js", "app.js", "box.js", "icon.svg"}
    assert bundled | of_all | ALONE == {path.name for path in STATIC.iterdir()}
    set_ = re.compile(r"\{% set bundle_ = (.*?) %\}")
    named = {
        name
        for template in TEMPLATES.glob("*.html")
        for said in set_.findall(template.read_text("utf-8"))
        for name in re.findall(r"'(\w+)'", said)
    }
    assert named == BUNDLES.keys()


@pytest.mark.parametrize("kind", ["css", "js"])
@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_is_kept_for_ever_and_has_no_comments(
    client: FlaskClient, name: str, kind: str
) -> None:
    answer = client.get(f"/static/page-{name}.{kind}?v=1")
    assert answer.status_code == 200
    assert answer.mimetype == {"css": "text/css", "js": "text/javascript"}[kind]
    assert (
        "immutable" in answer.headers["Cache-Control"]
        or "max-age=31536000" in (answer.headers["Cache-Control"])
    )
    assert "// " not in answer.text.replace("http://", "")
    assert "/*" not in answer.text
    again = client.get(
        f"/static/page-{name}.{kind}", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status_code == 304
    assert client.get(f"/static/page-{name}s.{kind}").status_code == 404


def test_no_selector_means_something_else_when_its_blanks_are_gone() -> None:
    """`.a :is(b)` becomes `.a:is(b)`; `.a *:is(b)` stays what it is."""
    changed = [
        (path.name, found)
        for path in STATIC.glob("*.css")
        for found in re.findall(r"[\w\])] :[a-z-]+", path.read_text("utf-8"))
    ]
    assert changed == []
