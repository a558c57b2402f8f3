"""What the README and the documents name is what the program has."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import click
import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from pydantic import BaseModel, TypeAdapter

from kchat_search.cli import commands as group
from kchat_search.cli.commands import EXIT_DIFFERENCE, EXIT_NOT_NOW, EXIT_USAGE
from kchat_search.config import Settings
from kchat_search.demo import control_api
from kchat_search.demo.conditions import CONDITIONS
from kchat_search.demo.events import EVENTS
from kchat_search.demo.server import DemoServer
from kchat_search.fields import FACETS, OPERATORS
from kchat_search.models.plan import MOST_DAYS
from kchat_search.models.search import MAX_CLAUSES, MAX_HITS_BY_PAGE, MAX_QUERY_CHARACTERS
from kchat_search.search import plan, snippets
from kchat_search.search.tree import And, Field, Or, Tree
from kchat_search.serialization import schemas
from kchat_search.web.api import export_response
from kchat_search.web.http import parameters, problems
from tests import documents
from tests.documents import DOCUMENTS, GUIDE, ROOT, codes, commands, rows, text
from tests.search.words import read
from tests.web.conftest import make_app, make_settings
from tests.web.fake_service import FakeService
from tests.world import World, chat, message

README = text("README.md")
SEARCHING = text("docs/searching.md")
API = text("docs/api.md")
SYNC = text("docs/sync.md")
OPERATIONS = text("docs/operations.md")
ALL = "\n".join(path.read_text(encoding="utf-8") for path in GUIDE)

HERE = "http://127.0.0.1:5080"
MADE = ("var", "archive.sqlite3", ".env", "index/")
"""What the program makes while it runs, so that a clone does not have it."""


@pytest.fixture(scope="module")
def app() -> Flask:
    return make_app(FakeService([], make_settings()))


@pytest.fixture(scope="module")
def web(app: Flask) -> FlaskClient:
    return app.test_client()


# -- the README ----------------------------------------------------------------------------------


def test_the_readme_is_short() -> None:
    lines = README.splitlines()
    assert len(lines) < 160
    assert [line for line in lines if len(line) > 100] == []


def test_no_prose_is_wider_than_a_screen() -> None:
    wide = [
        f"{documents.name(path)}: {line}"
        for path in GUIDE
        for line in path.read_text(encoding="utf-8").splitlines()
        if len(line) > 100 and not line.startswith("|")
    ]
    assert wide == []


def test_the_two_commands_are_those_that_are_run() -> None:
    """The script may add options and stop in between; or it takes the command from the README."""
    make = "python3 -m venv .venv"
    install = ".venv/bin/pip install -e '.[test]'"
    run = ".venv/bin/pytest"
    assert f"    {make} && {install} && {run}\n" in README
    demo = ".venv/bin/pip install -e . && .venv/bin/kchat-search demo"
    assert f"    {make} && {demo}\n" in README
    script = text(".ci/run")
    pieces = r"python3 -m venv \.venv.*\.venv/bin/pip install .*-e '\.\[test\]'.*\.venv/bin/pytest"
    assert re.search(pieces, script, re.DOTALL) or "README.md" in script


# -- links and names -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCUMENTS, ids=documents.name)
def test_links_lead_somewhere(path: Path) -> None:
    for link in documents.links(path.read_text(encoding="utf-8")):
        place, _, anchor = link.partition("#")
        target = path.parent / place if place else path
        assert target.exists(), link
        if anchor:
            assert anchor in documents.anchors(target.read_text(encoding="utf-8")), link


def test_every_page_is_listed_in_the_readme_and_in_docs() -> None:
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {Path(link).name for link in documents.links(text("docs/README.md"))} >= pages
    assert {link for link in documents.links(README) if link.endswith(".md")} >= {
        f"docs/{page}" for page in pages
    }


def files_named(document: str) -> Iterator[str]:
    """What looks like a file or a folder of the repository."""
    for word in " ".join(codes(documents.prose(document))).split():
        if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/|([\w.-]+/)*[\w-]*\.(py|md|toml|png|svg)", word):
            yield word


@pytest.mark.parametrize("path", DOCUMENTS, ids=documents.name)
def test_files_and_folders_that_are_named_are_there(path: Path) -> None:
    homes = (ROOT, ROOT / "kchat_search", path.parent)
    for named in files_named(path.read_text(encoding="utf-8")):
        there = any((home / named).exists() for home in homes)
        assert there or named.startswith(MADE), named


def test_the_rooms_in_the_drawing_are_there() -> None:
    drawing = documents.blocks(text("docs/architecture.md"), "")[0]
    for room in re.findall(r"(\w+)/(?![\w])", drawing):
        assert (ROOT / "kchat_search" / room).is_dir() or (ROOT / room).is_dir(), room


def test_modules_that_are_started_are_there() -> None:
    for module in re.findall(r"python -m ([\w.]+)", ALL):
        assert importlib.util.find_spec(module), module
        assert (ROOT / Path(*module.split("."))).with_suffix(".py").exists(), module


def test_settings_that_are_named_are_settings() -> None:
    known = {f"KCHAT_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"\bKCHAT_[A-Z_]*[A-Z]", ALL)) <= known


# -- settings, commands --------------------------------------------------------------------------


def test_the_settings_table_is_the_settings() -> None:
    found = {
        codes(setting)[0]: "".join(codes(default))
        for setting, default, _ in rows(text("docs/settings.md"), "setting")
    }
    assert found == {
        f"KCHAT_{name.upper()}": "" if field.default is None else str(field.default)
        for name, field in Settings.model_fields.items()
    }


def options(command: click.Command) -> set[str]:
    return {
        option
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for option in (*parameter.opts, *parameter.secondary_opts)
    }


def test_every_command_and_option_is_told_and_no_other() -> None:
    told = {codes(cells[0])[0].split()[1]: cells[1] for cells in rows(OPERATIONS, "command")}
    assert told.keys() == set(group.commands)
    named = set()
    for command, does in told.items():
        there = set(re.findall(r"`(--[a-z-]+)", does))
        assert there <= options(group.commands[command]), command
        named |= there
    of_all = set().union(*(options(command) for command in group.commands.values()))
    assert of_all - named == {"--json"}


def test_commands_in_prose_have_the_options_that_they_are_given() -> None:
    for code in codes(documents.prose(ALL)):
        name, *rest = code.removeprefix("kchat-search ").split()
        if code.startswith("kchat-search ") and name in group.commands:
            given = {word for word in rest if word.startswith("--")}
            assert given <= options(group.commands[name]), code


def calls() -> list[list[str]]:
    return [call[1:] for call in commands(ALL, "kchat-search")]


@pytest.mark.parametrize("call", calls(), ids=" ".join)
def test_commands_in_blocks_are_understood(call: list[str]) -> None:
    """As far as click reads them; nothing is started."""
    with group.make_context("kchat-search", call, resilient_parsing=True) as context:
        name, command, rest = group.resolve_command(context, call)
        assert name is not None
        assert command is not None
        command.make_context(name, rest, parent=context).close()


def test_exit_codes_are_the_programs() -> None:
    told = {int(cells[0]) for cells in rows(OPERATIONS, "code")}
    assert told == {0, 1, EXIT_USAGE, EXIT_DIFFERENCE, EXIT_NOT_NOW}
    assert CliRunner().invoke(group, ["search", "--sort", "best"]).exit_code == 2


# -- searching -----------------------------------------------------------------------------------


def written() -> list[tuple[str, str]]:
    """Each example of a query, and what is said of it."""
    told = rows(SEARCHING, "written") + rows(README, "written")
    return [(query, cells[1]) for cells in told for query in codes(cells[0])]


@pytest.mark.parametrize(("query", "says"), written())
def test_query_examples_are_read_as_they_are_meant(query: str, says: str) -> None:
    found = read(query)
    assert found.tree is not None
    assert bool(found.notes) == ("taken as text" in says or "ignored" in says)
    named = re.match(r"(\w+)[:：]", query)
    if named and not found.notes:
        assert named[1] in fields_in(found.tree)


def fields_in(tree: Tree | None) -> set[str]:
    match tree:
        case Field(name, _):
            return {name}
        case And(parts) | Or(parts):
            return set().union(*map(fields_in, parts))
        case _:
            return set()


def what_the_examples_are_about() -> Iterator[dict[str, Any]]:
    """Chats of which each example finds some, and none finds all."""
    texts = {
        201: ("退款流程", "怎么开发票"),
        202: ("退货流程", "谢谢"),
        203: ("电话是13800135678", "请退款"),
        204: ("我用iPhone6和iPad", "写信到a@b.com"),
        205: ("升级到3.6.0,用c++写的", "テスト 한국어"),
        206: ("那个color:red和date:昨天", "退款和退货的发票"),
        207: ("谢谢", "不客气,谢谢", "谢谢", "很快退款"),
    }
    made = {
        201: {"agent_id": 2192, "visitor_id": 547, "user_id": 45190},
        202: {"rating": 1, "created_at": "2015-04-01 10:00:00"},
        203: {"agent_id": None, "created_at": "2014-01-01 10:00:00"},
        207: {"created_at": "2016-03-20 10:00:00", "rating": 0},
    }
    for number, said in texts.items():
        yield chat(number, *said, **made.get(number, {}))
    file = {"id": 1, "name": "发票.pdf", "url": "https://example.com/1"}
    sent = message(9, 208, "访客208", "") | {"type": "chat.upload", "upload_id": 1, "upload": file}
    yield chat(208, messages=[sent], started_by="agent", type="call", status="open")
    robot = message(1, 290, "小助手", "谢谢") | {"role": "robot"}
    yield chat(290, messages=[robot])


def test_each_example_finds_some_chats_and_not_all(kchat: DemoServer, world: World) -> None:
    for each in what_the_examples_are_about():
        kchat.put(each)
    world.sync()
    kchat.delete(101)
    world.later(days=2).sync(reconcile=True)
    everything = world.found()
    odd = ("李 雷",)  # nobody there is called so
    for query, _ in written():
        found = world.found(query)
        assert found < everything, query
        assert found or any(name in query for name in odd), query


def test_every_condition_has_an_example() -> None:
    told = {name for query, _ in written() for name in fields_in(read(query).tree)}
    assert told == set(OPERATORS)


def test_queries_in_running_text_are_queries() -> None:
    for code in codes(documents.prose(SEARCHING)):
        for name in re.findall(r"\b([a-z]+):(?!/)", code):
            assert name in (*OPERATORS, "color"), code


def test_numbers_that_are_named_are_the_programs() -> None:
    for says in (
        f"fewer than {plan.ENOUGH} chats",
        f"within {MOST_DAYS} days",
        f"at most {MAX_QUERY_CHARACTERS:,} characters and {MAX_CLAUSES} clauses",
        f"longer than {snippets.WIDTH} characters",
        f"first {MAX_HITS_BY_PAGE:,} hits",
    ):
        assert says in " ".join(SEARCHING.replace("**", "").split()), says
    assert export_response.AT_ONCE == 2, "docs/api.md says two exports"


# -- the API -------------------------------------------------------------------------------------


def test_every_endpoint_is_told_and_no_other(app: Flask) -> None:
    told = {
        code.removeprefix("GET ") for cells in rows(API, "endpoint") for code in codes(cells[0])
    }
    rules = {re.sub(r"<(\w+_)?id>", "{id}", rule.rule) for rule in app.url_map.iter_rules()}
    programs = {rule for rule in rules if rule.startswith(problems.API_PATHS)}
    assert told == programs
    for code in codes(documents.prose(ALL)):
        if code.startswith("/") and len(code) > 1 and not code.startswith("/apiv2"):
            known = code.rstrip("/") in rules or any(r.startswith(code + "/") for r in rules)
            assert known or code.startswith("/demo"), code


def table_of(heading: str) -> set[str]:
    """The parameters in the table below a heading."""
    section = API.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return {code for cells in rows(section, "parameter") for code in codes(cells[0])}


@pytest.mark.parametrize(
    ("heading", "model", "but"),
    [
        ("Search", parameters.SearchParameters, set[str]()),
        ("Export", parameters.ExportParameters, set(parameters.WhichChats.model_fields)),
    ],
)
def test_the_parameters_are_those_of_the_api(
    heading: str, model: type[BaseModel], but: set[str]
) -> None:
    assert table_of(heading) | but == set(model.model_fields)


def test_the_facets_are_those_of_the_engine() -> None:
    section = " ".join(API.split("The facets are ")[1].split("\n\n")[0].split())
    assert tuple(codes(section)) == FACETS


def test_the_kinds_of_errors_are_the_programs() -> None:
    source = Path(problems.__file__).read_text("utf-8")
    source += Path(export_response.__file__).read_text("utf-8")
    for status, kind, _ in rows(API, "status"):
        assert HTTPStatus(int(status))
        assert f'"{codes(kind)[0]}"' in source
    told = {codes(cells[1])[0] for cells in rows(API, "status")}
    assert {kind for _, _, kind in problems._KINDS} <= told


@pytest.mark.parametrize(
    ("place", "form"), [(0, schemas.SearchJson), (1, schemas.ProblemJson)], ids=["search", "error"]
)
def test_the_examples_have_the_form_of_the_answers(place: int, form: Any) -> None:
    example = json.loads(documents.blocks(API, "json")[place])
    read_back = TypeAdapter(form).validate_python(example)
    assert json.loads(json.dumps(read_back)) == example


def curls(host: str) -> list[list[str]]:
    return [call for call in commands(ALL, "curl") if any(host in word for word in call)]


def asked(call: list[str]) -> tuple[str, str, list[str]]:
    """(method, address, data) of a call of curl."""
    found: dict[str, list[str]] = {
        flag: [] for flag in ("-X", "-d", "--data-urlencode", "-u", "-o", "-H")
    }
    words = iter(call[1:])
    address = ""
    for word in words:
        if word in found:
            found[word].append(next(words))
        elif word.startswith("http://"):
            address = word
        else:
            assert word in ("--get", "--fail"), word
    method = (found["-X"] or ["GET"])[0]
    return method, address, found["-d"] + found["--data-urlencode"]


@pytest.mark.parametrize("call", curls(":5080"), ids=" ".join)
def test_what_curl_asks_of_the_api_is_answered(call: list[str], web: FlaskClient) -> None:
    method, address, data = asked(call)
    pairs = [(one.partition("=")[0], one.partition("=")[2]) for one in data]
    path = urlsplit(address).path
    answer = web.open(path, method=method, query_string=pairs, base_url=HERE)
    # An example's chat need not be among those of the test.
    assert answer.status_code in ((200, 404) if "/chats/" in path else (200,)), answer.text
    assert answer.status_code == 200 or "There is no chat" in answer.text
    assert parse_qsl(urlsplit(address).query) == []


def test_every_metric_is_told_and_no_other(web: FlaskClient) -> None:
    there = set(re.findall(r"^# TYPE (\w+)", web.get("/metrics", base_url=HERE).text, re.MULTILINE))
    there = {name for name in there if not name.endswith("_created")}
    assert {codes(cells[0])[0] for cells in rows(OPERATIONS, "metric")} == there
    assert set(re.findall(r"\bkchat_search_[a-z_]+[a-z]\b", ALL)) - there == set()


# -- the demo ------------------------------------------------------------------------------------


def test_every_condition_and_event_of_the_demo_is_told_and_no_other() -> None:
    assert [codes(cells[0])[0] for cells in rows(SYNC, "condition")] == list(CONDITIONS)
    assert [codes(cells[0])[0] for cells in rows(SYNC, "event")] == list(EVENTS)


@pytest.mark.parametrize("call", curls(":5099"), ids=" ".join)
def test_what_curl_asks_of_the_demo_is_done(call: list[str], kchat: DemoServer) -> None:
    method, address, data = asked(call)
    answer = control_api.answer(kchat, method, urlsplit(address).path, "".join(data).encode())
    assert answer.status == 200, answer
