"""A person at a browser without JavaScript: it keeps cookies, and sends the forms that a page has.

It can send nothing but what stands in a form, so that a form without a CSRF token, or with a
field of another name, turns a test red.
"""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.web.markup import Page

Value = str | list[str]


class Browser:
    """A browser at the pages of `app`."""

    def __init__(self, app: Flask, agent: str = "Mozilla/5.0 (X11; Linux) Chrome/156.0") -> None:
        self.client = app.test_client()
        self._headers = {"User-Agent": agent}
        self.page = Page("")
        """The page that is shown."""
        self.response: TestResponse

    def open(self, path: str, status: int = 200) -> Page:
        """Open an address, and go where it leads."""
        return self._shown(self.client.get(path, headers=self._headers), status)

    def send(self, action: str, status: int = 200, **filled: Value) -> Page:
        """Fill in the form with this address on the page that is shown, send it, and go where that
        leads. What is not named stays as it is."""
        data = form(self.page, action)
        for name in filled:
            assert name in data, f"the form has no field {name}: {sorted(data)}"
        chosen = {name: value for name, value in (data | filled).items() if value is not None}
        return self._shown(self.client.post(action, data=chosen, headers=self._headers), status)

    def log_in(self, name: str, password: str, status: int = 200) -> Page:
        """Log in on the log-in page, as a person does."""
        self.open("/login")
        return self.send("/login", status, username=name, password=password)

    @property
    def path(self) -> str:
        """The address that is shown."""
        return self.response.request.full_path.removesuffix("?")

    def _shown(self, response: TestResponse, status: int) -> Page:
        hops = 0
        while response.status_code in (302, 303):
            hops += 1
            assert hops < 5, "leads around in a circle"
            response = self.client.get(response.headers["Location"], headers=self._headers)
        assert response.status_code == status, response.text
        self.response = response
        self.page = Page(response.text)
        assert self.page.faults == []
        return self.page


def form(page: Page, action: str) -> dict[str, Any]:
    """The fields of the form with this address, as the page has filled them in."""
    found: dict[str, Any] | None = None
    inside, choosing = False, ""
    for tag, known in page.tags:
        if tag == "form":
            inside = known.get("action") == action and known.get("method") == "post"
            if inside and found is None:
                found = {}
        elif inside and found is not None:
            if tag == "input":
                _add(found, known)
            elif tag == "select":
                choosing = known["name"]
                found.setdefault(choosing, None)
            elif tag == "option" and choosing and (found[choosing] is None or "selected" in known):
                found[choosing] = known["value"]
    assert found is not None, f"no form {action}: {[k for t, k in page.tags if t == 'form']}"
    return found


def _add(found: dict[str, Any], known: dict[str, str]) -> None:
    name = known["name"]
    if known.get("type") == "checkbox":
        found.setdefault(name, [])
        if "checked" in known:
            found[name].append(known["value"])
    elif isinstance(found.get(name), list):
        found[name].append(known.get("value", ""))
    elif name in found:
        found[name] = [found[name], known.get("value", "")]
    else:
        found[name] = known.get("value", "")
