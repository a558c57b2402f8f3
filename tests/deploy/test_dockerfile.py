"""The image: what it is made of, who runs in it, and when it calls itself healthy."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from kchat_search.web.server import WebServer
from tests.deploy import image
from tests.deploy.gunicorn_options import options
from tests.docs.documents import text
from tests.web.conftest import make_app, make_presentation
from tests.web.fake_service import FakeService
from tests.web.serving import served

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

PROJECT = tomllib.loads(text("pyproject.toml"))["project"]


def test_it_stands_on_a_python_that_is_tested_and_has_its_version() -> None:
    first, *others = [stage[0].value for stage in image.stages()]
    found = re.fullmatch(r"python:(\d+\.\d+)\.\d+-slim-\w+ AS base", first)
    assert found is not None
    assert f"Programming Language :: Python :: {found[1]}" in PROJECT["classifiers"]
    assert all(re.fullmatch(r"base( AS \w+)?", other) for other in others)


def test_what_it_has_is_what_ci_tested() -> None:
    runs = " ".join(each.value for stage in image.stages() for each in stage if each.name == "RUN")
    assert "--constraint constraints.txt" in runs
    asked = re.findall(r"'[\w.-]*\[([\w,]+)\]' (\S+)", runs)
    assert len(asked) == 2
    assert len(set(asked)) == 1, "what is installed is what was made"
    extras, more = asked[0]
    assert set(extras.split(",")) <= PROJECT["optional-dependencies"].keys()
    assert f"\n{more}==" in text("constraints.txt")


def test_nothing_is_built_in_the_last_stage_and_nobody_is_root_there() -> None:
    user, group = image.last("USER").split(":")
    assert int(user) > 0 < int(group)
    assert f"--uid {user} " in image.last("RUN")
    assert not re.search(r"\b(pip|apt-get|curl)\b", image.last("RUN"))
    assert image.last("WORKDIR") in image.last("RUN"), "it is the user's own"


def test_gunicorn_understands_what_it_starts_with() -> None:
    given = options(image.command())
    module, _, app = given["app"].partition(":")
    assert importlib.util.find_spec(module) is not None
    assert app == "app"
    assert given["bind"] == [f"0.0.0.0:{image.last('EXPOSE')}"]  # in a container


def health(server: WebServer | None) -> int:
    """The exit code of the command that says whether a container is healthy."""
    program, *arguments = image.healthcheck()
    assert program == "python"
    port = image.last("EXPOSE")
    assert port in arguments[-1]
    there = str(server.port if server else 1)  # nobody listens at port 1
    code = [argument.replace(port, there) for argument in arguments]
    return subprocess.run([sys.executable, *code], capture_output=True, check=False).returncode


def broken(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("500 Internal Server Error", [("Content-Length", "0")])
    return [b""]


@pytest.mark.parametrize("server", ["the program", "a broken one", None])
def test_it_is_healthy_as_long_as_the_program_answers(server: str | None) -> None:
    if server is None:
        assert health(None) == 1
        return
    app = make_app(FakeService([], make_presentation())) if server == "the program" else broken
    with served(app) as running:
        assert health(running) == (app is broken)
