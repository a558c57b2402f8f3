"""The rule of imports, and the maps: which room imports which, which library is used where.

Two tables are the whole rule. Whatever they do not name is forbidden, so a new module, room or
library turns a test red until somebody says where it belongs.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

import kchat_search

HOUSE = Path(kchat_search.__file__).parent
ROOT = HOUSE.parent

LIBRARIES = {
    # the wire
    "requests": ("answer_deadline", "kchat", "oidc.transport"),
    "urllib3": ("answer_deadline", "kchat", "oidc.transport", "engines.opensearch.transport"),
    # who somebody is elsewhere
    "authlib": ("oidc",),
    "joserfc": ("oidc",),
    # the record
    "sqlalchemy": ("archive", "access", "databases"),
    "psycopg": ("databases.bounded_waits",),
    "alembic": ("archive.migrations", "access.migrations", "databases"),
    "sqlite3": ("archive", "databases"),
    # who asks
    "argon2": ("access.passwords",),
    "filelock": ("databases.opening", "engines.whoosh", "sync.lock", "cli.demo"),
    # the text
    "jieba": ("text.segmentation",),
    "rjieba": ("text.segmentation",),
    "opencc": ("text.fold", "demo.conversations.typing_style"),
    "pypinyin": ("text.pinyin",),
    "numpy": ("engines.whoosh", "engines.opensearch", "text.fold", "meaning"),
    # the index
    "whoosh": ("engines.whoosh.codec",),
    "opensearchpy": ("engines.opensearch.connection", "engines.opensearch.transport"),
    # what reads objects, and so commands, from bytes: nobody
    "pickle": (),
    "marshal": (),
    "shelve": (),
    "dbm": (),
    # private numbers
    "phonenumbers": ("chats.private_numbers",),
    "stdnum": ("chats.private_numbers",),
    # what was read or decoded a moment ago
    "cachetools": ("engines.whoosh.segment", "search.recent_chats"),
    # the ticks
    "apscheduler": ("sync.scheduler",),
    # the screen
    "flask": ("web",),
    "flask_babel": ("web",),
    "flask_wtf": ("web",),
    "wtforms": ("web",),
    "werkzeug": ("web",),
    "jinja2": ("web.pages.formatting",),
    "markupsafe": ("web",),
    "rcssmin": ("web.pages.assets",),
    "rjsmin": ("web.pages.assets",),
    "babel": ("web",),
    "idna": ("web.pages.text_links",),
    "prometheus_client": ("web.api.metrics",),
    "waitress": ("web.server",),
    "click": ("cli",),
    "rich": ("cli",),
    # records that are checked
    "pydantic": ("config", "search.cursor", "serialization", "web"),
    "pydantic_settings": ("config",),
    "dotenv": ("env_file",),
    "pydantic_core": ("web.http.parameters",),
    "typing_extensions": ("serialization",),
}
"""Library: the modules, or rooms with all that is in them, that may import it. The standard
library is free but for the modules named here."""

LEAVES = ("errors", "models", "private_files", "processor_time")
MIDDLE = (*LEAVES, "text", "chats", "fields", "ports")
ROOMS = {
    "__init__": (),
    "errors": (),
    "models": ("models",),
    "private_files": (),
    "answer_deadline": (),
    "processor_time": ("errors",),
    "text": ("text",),
    "meaning": (*LEAVES, "meaning"),
    "fields": (*LEAVES, "chats"),
    "logs": (),
    "hosts": (),
    "memory_dumps": (),
    "env_file": ("errors",),
    "config": ("__init__", "errors", "hosts", "env_file", "private_files", "config"),
    "ports": (*LEAVES, "meaning", "ports"),
    "chats": (*LEAVES, "text", "chats"),
    "kchat": (*LEAVES, "__init__", "answer_deadline", "hosts", "text", "chats", "kchat"),
    "databases": (*LEAVES, "databases"),
    "archive": (*LEAVES, "ports", "text", "chats", "databases", "archive"),
    "oidc": (*LEAVES, "__init__", "answer_deadline", "hosts", "ports", "oidc"),
    "engines": (*LEAVES, "answer_deadline", "text", "chats", "fields", "meaning", "engines"),
    "sync": (*MIDDLE, "meaning", "sync"),
    "search": (*MIDDLE, "meaning", "search"),
    "access": (*MIDDLE, "databases", "access"),
    "operating": (*MIDDLE, "meaning", "access", "sync", "search"),
    "reporting": (*MIDDLE, "access", "sync", "operating"),
    "service": (*MIDDLE, "meaning", "access", "sync", "search", "reporting"),
    "gate": (*MIDDLE, "access", "service"),
    "serialization": (*MIDDLE, "__init__", "search", "serialization"),
    "composition": (
        *MIDDLE, "config", "meaning", "access", "sync", "search", "service", "gate", "kchat",
        "archive", "databases", "engines", "oidc",
    ),
    "web": (*MIDDLE, "__init__", "hosts", "access", "search", "serialization", "web"),
    "demo": ("errors", "demo"),  # a server that is not ours: it shares no code with what it tests
    "cli": (
        *MIDDLE, "__init__", "access", "config", "logs", "memory_dumps", "hosts", "sync", "search",
        "service", "gate", "serialization", "composition", "web", "demo", "cli",
    ),
    "wsgi": ("__init__", "config", "logs", "memory_dumps", "models", "composition", "web"),
    "__main__": ("cli",),
}  # fmt: skip
"""Room: the rooms that its modules may import. A room is a folder or a file of `kchat_search`."""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("kchat_search", include_external_packages=True, cache_dir=None)


def modules() -> list[str]:
    """Every module of the package, by its dotted name, whether anything imports it or not."""
    found = []
    for path in HOUSE.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return sorted(found)


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def inside(module: str, places: tuple[str, ...]) -> bool:
    own = module.partition(".")[2]
    return any(own == place or own.startswith(f"{place}.") for place in places)


def source(module: str) -> str:
    path = ROOT.joinpath(*module.split("."))
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text("utf-8")


def imports(text: str) -> Iterator[str]:
    """The dotted names that a module imports, anywhere in its text and in any way of writing it.
    Relative imports are left out: they are ours."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
        else:
            yield from by_call(node)


def by_call(node: ast.AST) -> Iterator[str]:
    """What a call of `import_module` or `__import__` imports, where its text says it."""
    if not isinstance(node, ast.Call) or not node.args:
        return
    first, called = node.args[0], ast.unparse(node.func).rpartition(".")[2]
    if called in ("import_module", "__import__") and isinstance(first, ast.Constant):
        yield str(first.value)


def libraries(module: str) -> set[str]:
    """The packages that a module imports and that are not ours."""
    ours = {"kchat_search", "__future__"}
    return {name.partition(".")[0] for name in imports(source(module))} - ours


def test_every_module_is_in_the_import_graph(graph: grimp.ImportGraph) -> None:
    assert set(modules()) <= graph.modules
    assert {room(module) for module in modules()} == ROOMS.keys()


def test_each_room_imports_only_the_rooms_that_it_may(graph: grimp.ImportGraph) -> None:
    wrong = [
        f"{module} imports {other}"
        for module in modules()
        for other in sorted(graph.find_modules_directly_imported_by(module))
        if other.partition(".")[0] == "kchat_search" and room(other) not in ROOMS[room(module)]
    ]
    assert wrong == []


def test_each_library_is_imported_only_where_it_may_be() -> None:
    wrong = [
        f"{module} imports {library}"
        for module in modules()
        for library in sorted(libraries(module))
        if not inside(module, LIBRARIES.get(library, ()))
        and not (library in sys.stdlib_module_names and library not in LIBRARIES)
    ]
    assert wrong == []


def test_nothing_that_is_read_is_executed_or_made_into_objects() -> None:
    """What lies in a folder is data: see also the libraries above that nobody may import."""
    wrong = [
        f"{module}: {ast.unparse(node)}"
        for module in modules()
        for node in ast.walk(ast.parse(source(module)))
        if isinstance(node, ast.Call)
        and (
            ast.unparse(node.func) in ("eval", "exec", "compile", "np.load", "numpy.load")
            or any(keyword.arg == "allow_pickle" for keyword in node.keywords)
        )
    ]
    assert wrong == []


def test_no_room_is_imported_by_a_call_that_the_graph_does_not_see() -> None:
    called = {
        (module, name)
        for module in modules()
        for node in ast.walk(ast.parse(source(module)))
        for name in by_call(node)
    }
    assert called == set()


def test_a_file_at_the_root_imports_nothing_but_our_wsgi() -> None:
    shims = {path.name: set(imports(path.read_text("utf-8"))) for path in ROOT.glob("*.py")}
    assert shims == {"wsgi.py": {"kchat_search.wsgi"}}


def test_no_library_is_allowed_where_it_is_not_used() -> None:
    used = {(library, module) for module in modules() for library in libraries(module)}
    idle = [
        (library, place)
        for library, places in LIBRARIES.items()
        for place in places
        if not any(library == name and inside(module, (place,)) for name, module in used)
    ]
    assert idle == []


def test_what_is_installed_is_what_is_imported() -> None:
    """The run-time dependencies are the libraries of the table, and no others."""
    import tomllib  # noqa: PLC0415  # only this test needs it

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = {re.split(r"[^\w-]", line)[0] for line in project["dependencies"]}
    called = {
        "whoosh3": "whoosh",
        "argon2-cffi": "argon2",
        "python-dotenv": "dotenv",
        "python-stdnum": "stdnum",
        "tzdata": None,
    }
    # what our libraries use; named for the floors of their versions
    called |= dict.fromkeys(["mako", "pygments", "certifi"])
    imported = {called.get(name, name.replace("-", "_")) for name in named} - {None}
    optional = {"rjieba", "pydantic_core", "opensearchpy", "psycopg"}
    assert imported == {n for n in LIBRARIES if n not in sys.stdlib_module_names} - optional


def entries(package: str) -> tuple[list[str], set[str]]:
    """The names of the package's map, in order, and the names in its folder."""
    folder = ROOT.joinpath(*package.split("."))
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""
    named = re.findall(r"^ *((?:\w+\.py|\w+/))(?: |$)", text, re.MULTILINE)
    there = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in folder.iterdir()
        if (path.is_dir() and any(path.rglob("*.py"))) or path.suffix == ".py"
    } - {"__init__.py", "__pycache__/"}
    return named, there


@pytest.mark.parametrize(
    "package", [m for m in modules() if (ROOT.joinpath(*m.split(".")) / "__init__.py").exists()]
)
def test_the_map_of_each_package_is_its_folder(package: str) -> None:
    named, there = entries(package)
    assert len(named) == len(set(named)), "named twice"
    assert set(named) == there


def test_the_first_map_is_in_the_order_in_which_a_chat_passes() -> None:
    named, _ = entries("kchat_search")
    rooms = [name for name in named if name.endswith("/")]
    assert [name for name in rooms if name not in ("config/", "ports/", "models/")] == [
        "kchat/", "sync/", "archive/", "databases/", "chats/", "text/", "meaning/", "engines/",
        "search/", "access/", "oidc/", "serialization/", "web/", "cli/", "demo/",
    ]  # fmt: skip


# -- private files: `kchat_search/private_files.py` makes them, so that their modes are given ------

MAKERS = re.compile(
    r"""open|.*\.open|(Path\.|os\.|.*\.)?(mkdir|makedirs|mknod|mkfifo|touch|write_text|write_bytes)
    |.*(mkstemp|mkdtemp|TemporaryFile|TemporaryDirectory|FileHandler|FileStorage|create_in)
    |shutil\.(copy2?|copyfile|copytree|move|make_archive)|os\.(link|symlink)|.*\.(symlink_to|hardlink_to|tofile)
    |np\.(save\w*|memmap)|sqlite3\.connect""",
    re.VERBOSE,
)
"""Calls that make files or folders, as they are written."""

MAKERS_ALLOWED = {
    ("archive.salvage", "file.open"): "reads the damaged archive",
    ("archive.salvage", "sqlite3.connect"): "a file that `opening` has made",
    ("cli.output_file", "path.open"): "a device or a pipe that the user names",
    ("cli.unnamed_file", "os.open"): "a file without a name (0600); a folder to put a name into",
    ("cli.unnamed_file", "os.link"): "gives that file its name",
    ("demo.chat_file", "path.open"): "reads the file that the user names",
    ("env_file", "path.open"): "reads the settings",
    ("engines.whoosh.codec", "FileStorage"): "reads, for Whoosh's own queries",
    ("engines.whoosh.generations", "os.open"): "reads, to sync",
    ("serialization.workbook", "file.open"): "a part of a zip file that is sent, not a file",
}


def _calls(module: str) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(source(module))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_files_are_made_by_private_files_alone() -> None:
    found = {
        (module.partition(".")[2], name)
        for module in modules()
        if module != "kchat_search.private_files"
        for name, _ in _calls(module)
        if MAKERS.fullmatch(name)
    }
    assert found == MAKERS_ALLOWED.keys()


def test_each_lock_is_made_with_its_mode() -> None:
    locks = [call for module in modules() for name, call in _calls(module) if name == "FileLock"]
    assert len(locks) == 4
    for call in locks:
        modes = [ast.unparse(k.value) for k in call.keywords if k.arg == "mode"]
        assert modes == ["private_files.FILE_MODE"]
