"""What the tools are told: Makefile, CI, hooks, packaging, and the pages that name them."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tests.docs.documents import ROOT, text

PROJECT: dict[str, Any] = tomllib.loads(text("pyproject.toml"))
CI = text(".ci/run")
WORKFLOW = text(".github/workflows/ci.yml")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE))


def steps(script: str) -> list[str]:
    """The lines of a script that do something."""
    return [line for line in script.splitlines() if line and not line.startswith("#")]


# -- what a contributor calls --------------------------------------------------------------------


def test_the_targets_that_are_named_are_in_the_makefile_and_all_of_them_are_named() -> None:
    contributing = text("CONTRIBUTING.md")
    named = set(re.findall(r"\bmake ([a-z]+)", contributing))
    assert {"install", "fast", "all", "lint", "bench", "pages"} == named == targets()
    assert set(re.findall(r"\bmake ([a-z]+)", text("tests/README.md"))) <= targets()


def test_no_target_is_taken_for_a_file() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.+)$", text("Makefile"), re.MULTILINE)
    assert set(phony.split()) == targets()


def test_the_modules_and_markers_of_the_makefile_are_there() -> None:
    makefile = text("Makefile")
    for module in re.findall(r"python -m (benchmarks\.\w+)", makefile):
        assert (ROOT / Path(*module.split("."))).with_suffix(".py").exists()
    markers = [
        line.partition(":")[0] for line in PROJECT["tool"]["pytest"]["ini_options"]["markers"]
    ]
    assert re.findall(r'-m "not (\w+)"', makefile) == markers == ["slow"]


def test_hooks_come_from_the_own_environment_alone() -> None:
    hooks = text(".pre-commit-config.yaml")
    assert re.findall(r"repo: (.+)", hooks) == ["local"]
    assert set(re.findall(r"language: (.+)", hooks)) == {"system"}
    assert all(entry.startswith(".venv/bin/") for entry in re.findall(r"entry: (.+)", hooks))


# -- CI ------------------------------------------------------------------------------------------


def test_ci_runs_the_readmes_test_command_in_two_halves() -> None:
    (command,) = re.findall(
        r"^ {4}(python3 -m venv .*\[test\].*)$", text("README.md"), re.MULTILINE
    )
    install, and_, run = command.rpartition(" && ")
    assert and_
    assert install in steps(CI)
    assert f"{run} | tee .pytest.log" in steps(CI)


def test_ci_checks_the_import_rule_first_and_prints_pytests_closing_line_last() -> None:
    done = [line for line in steps(CI) if line.startswith(".venv/bin/")]
    assert done[0].startswith(".venv/bin/pytest")
    assert done[0].endswith("tests/test_house.py")
    assert done[1:4] == [
        f".venv/bin/{it}" for it in ("ruff check .", "ruff format --check .", "mypy")
    ]
    assert done[4] == ".venv/bin/bandit -q -c pyproject.toml -r kchat_search wsgi.py"
    assert done[5:] == [".venv/bin/pytest | tee .pytest.log"]
    assert steps(CI)[-1] == "tail -n 1 .pytest.log"


def test_what_comes_from_the_system_stands_in_a_script_of_its_own() -> None:
    assert ".ci/setup" in steps(CI)
    assert "apt-get" not in CI
    for script in ("run", "setup"):
        assert os.access(ROOT / ".ci" / script, os.X_OK)


def test_the_hosted_workflow_calls_the_same_script() -> None:
    assert "run: .ci/run" in WORKFLOW
    assert {"push:", "pull_request:", "schedule:"} <= set(map(str.strip, WORKFLOW.splitlines()))
    (versions,) = re.findall(r"python: \[(.+)\]", WORKFLOW)
    supported = SpecifierSet(PROJECT["project"]["requires-python"])
    for version in re.findall(r"[\d.]+", versions):
        assert version in supported
        assert f"Programming Language :: Python :: {version}" in PROJECT["project"]["classifiers"]


def test_ci_installs_known_versions_that_the_project_allows() -> None:
    assert "PIP_CONSTRAINT=$PWD/constraints.txt" in CI
    lines = steps(text("constraints.txt"))
    assert all(re.fullmatch(r"[\w.-]+==[\w.+]+", line) for line in lines), (
        "names and versions alone"
    )
    versions = pinned()
    project = PROJECT["project"]
    needed = project["dependencies"] + project["optional-dependencies"]["test"]
    for requirement in map(Requirement, needed):
        assert versions[_name(requirement.name)] in requirement.specifier, requirement


# -- versions with known holes -------------------------------------------------------------------

HOLES = {
    "click": ("8.3.3", "CVE-2026-7246"),
    "certifi": ("2024.7.4", "CVE-2024-39689"),
    "filelock": ("3.20.3", "CVE-2025-68146, CVE-2026-22701"),
    "flask": ("3.1.3", "CVE-2025-47278, CVE-2026-27205"),
    "fonttools": ("4.60.2", "CVE-2025-66034"),
    "gunicorn": ("23.0.0", "CVE-2024-6827"),
    "idna": ("3.15", "CVE-2024-3651, CVE-2026-45409"),
    "jinja2": ("3.1.6", "CVE-2025-27516"),
    "mako": ("1.3.12", "CVE-2026-41205, CVE-2026-44307"),
    "opencc": ("1.2.0", "CVE-2025-15536"),
    "pillow": ("12.3.0", "CVE-2026-40192, PYSEC-2026-2253 to 2257"),
    "pydantic-settings": ("2.14.2", "GHSA-4xgf-cpjx-pc3j"),
    "pygments": ("2.20.0", "CVE-2026-4539"),
    "pytest": ("9.0.3", "CVE-2025-71176"),
    "python-dotenv": ("1.2.2", "CVE-2026-28684"),
    "requests": ("2.33.0", "CVE-2024-47081, CVE-2026-25645"),
    "setuptools": ("78.1.1", "CVE-2025-47273"),
    "urllib3": ("2.7.0", "CVE-2026-44431, CVE-2026-44432"),
    "waitress": ("3.0.2", "CVE-2024-49768, CVE-2024-49769"),
    "werkzeug": ("3.1.6", "CVE-2025-66221, CVE-2026-21860, CVE-2026-27199"),
}
"""Package: (the first version without known holes, the last holes before it), as of November 2026.
The hosted CI asks the databases each day; what it finds is to be added here."""

BY_DATE = {"certifi", "tzdata"}
"""Versions are dates, and a new one is new facts: these have no ceiling."""


def requirements() -> list[Requirement]:
    """What pyproject.toml asks for, the extras and the build included."""
    project = PROJECT["project"]
    extras = project["optional-dependencies"].values()
    lines = [*project["dependencies"], *(line for extra in extras for line in extra)]
    return [Requirement(line) for line in lines + PROJECT["build-system"]["requires"]]


def pinned() -> dict[str, str]:
    lines = steps(text("constraints.txt"))
    return {_name(x.partition("==")[0]): x.partition("==")[2] for x in lines}


def floor(requirement: Requirement) -> Version:
    (found,) = [each.version for each in requirement.specifier if each.operator == ">="]
    return Version(found)


def test_every_dependency_has_a_floor_and_a_ceiling() -> None:
    for requirement in requirements():
        operators = sorted(each.operator for each in requirement.specifier)
        open_ended = _name(requirement.name) in BY_DATE | {"setuptools"}
        assert operators == ([">="] if open_ended else ["<", ">="]), requirement


def test_no_floor_and_no_installed_version_has_a_known_hole() -> None:
    named = {_name(requirement.name) for requirement in requirements()}
    assert named >= set(HOLES), "a floor for each"
    for requirement in requirements():
        first, holes = HOLES.get(_name(requirement.name), ("0", ""))
        assert floor(requirement) >= Version(first), (requirement, holes)
    for name, version in pinned().items():
        first, holes = HOLES.get(name, ("0", ""))
        assert Version(version) >= Version(first), (name, version, holes)


def test_the_hosted_ci_asks_each_day_for_holes_that_became_known() -> None:
    assert "pip-audit --strict --no-deps --disable-pip -r constraints.txt" in WORKFLOW
    assert "pip-audit --strict --no-deps --disable-pip -r lowest.txt" in WORKFLOW
    assert re.search(r"schedule:\n +- cron: ", WORKFLOW)


def test_every_exception_from_bandit_has_its_reason() -> None:
    assert PROJECT["tool"]["bandit"] == {"skips": ["B101"]}
    for path in (ROOT / "kchat_search").rglob("*.py"):
        for line in path.read_text("utf-8").splitlines():
            if "# nosec" in line:
                assert re.search(r"# nosec B\d{3}(, B\d{3})*  # .{8,}$", line), line


def _name(package: str) -> str:
    """As PEP 503 normalizes it."""
    return re.sub(r"[-_.]+", "-", package).lower()


# -- the wheel -----------------------------------------------------------------------------------


def test_every_file_of_the_package_is_in_the_wheel() -> None:
    package = ROOT / "kchat_search"
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["kchat_search"]
    data = {path for pattern in patterns for path in package.glob(_deep(pattern))}
    for path in package.rglob("*"):
        if path.is_dir() or "__pycache__" in path.parts:
            continue
        in_a_package = all(
            (folder / "__init__.py").exists()
            for folder in path.parents
            if folder.is_relative_to(package)
        )
        assert path in data or (path.suffix == ".py" and in_a_package), path
    assert (package / "wsgi.py").exists()


def _deep(pattern: str) -> str:
    """`a/**` means every file below `a` for setuptools, and every folder for pathlib."""
    return f"{pattern}/*" if pattern.endswith("**") else pattern


def test_every_pattern_of_the_package_data_matches_something() -> None:
    for pattern in PROJECT["tool"]["setuptools"]["package-data"]["kchat_search"]:
        assert any((ROOT / "kchat_search").glob(_deep(pattern))), pattern


def test_the_addresses_of_the_project_lead_to_files_that_are_here() -> None:
    urls = PROJECT["project"]["urls"]
    home = urls["Homepage"]
    assert set(urls) == {"Homepage", "Documentation", "Changelog", "Issues"}
    for url in urls.values():
        assert url.startswith(home)
        path = re.sub(r"^/(tree|blob)/main/", "", url.removeprefix(home))
        assert path in ("", "/issues") or (ROOT / path).exists(), url
