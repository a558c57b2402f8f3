"""The units of systemd: their commands, their secrets, and what they may do."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path
from string import Template

import pytest

from tests.deploy import image
from tests.deploy.compose_files import compose, words
from tests.deploy.gunicorn_options import options
from tests.docs.documents import ROOT, text

UNITS = sorted(path.name for path in (ROOT / "deploy").glob("*.service"))
HOME = "/opt/kchat-search/bin/"
SHARED = "# -- the same in both units"
MOST_EXPOSED = "20"
"""`systemd-analyze security` gives from 0, for what may do nothing, to 100."""


def unit(name: str) -> dict[str, list[str]]:
    """Each key of a unit, with its values."""
    found: dict[str, list[str]] = defaultdict(list)
    whole = re.sub(r"\\\n\s*", " ", text(f"deploy/{name}"))
    for key, value in re.findall(r"^(\w+)=(.*)$", whole, re.MULTILINE):
        found[key].append(value)
    return found


def command(name: str) -> list[str]:
    (started,) = unit(name)["ExecStart"]
    given = dict(pair.split("=", 1) for pair in unit(name)["Environment"])
    return [Template(word).substitute(given) for word in shlex.split(started)]


ANALYZE = shutil.which("systemd-analyze")


@pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze here")
@pytest.mark.parametrize(
    "call",
    ["verify --man=no --recursive-errors=no", f"security --offline=yes --threshold={MOST_EXPOSED}"],
)
def test_systemd_understands_them_and_finds_them_closed(call: str, tmp_path: Path) -> None:
    assert ANALYZE is not None
    for program in ("gunicorn", "kchat-search"):
        (tmp_path / program).touch(0o700)
    for name in UNITS:
        (tmp_path / name).write_text(text(f"deploy/{name}").replace(HOME, f"{tmp_path}/"))
    checked = subprocess.run(
        [ANALYZE, *call.split(), *(str(tmp_path / name) for name in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    # It also says what is wrong with other units of this machine.
    assert [line for line in checked.stderr.splitlines() if "kchat-search" in line] == []


def test_there_is_one_for_each_process() -> None:
    assert UNITS == ["kchat-search-web.service", "kchat-search-worker.service"]


def test_both_may_do_the_same() -> None:
    first, second = (text(f"deploy/{name}").partition(SHARED)[2] for name in UNITS)
    assert first == second
    assert "NoNewPrivileges=yes" in first


def test_they_start_what_the_containers_start() -> None:
    web, worker = map(command, UNITS)
    assert worker == [
        f"{HOME}kchat-search",
        *words(compose("compose.yaml")["services"]["worker"]["command"])[1:],
    ]
    ours, theirs = options(web), options(image.command())
    assert ours.pop("bind") == ["127.0.0.1:5080"]
    assert theirs.pop("bind")
    assert ours == theirs


@pytest.mark.parametrize("name", UNITS)
def test_they_run_in_a_folder_of_their_own_as_a_user_of_their_own(name: str) -> None:
    found = unit(name)
    assert found["User"] == ["kchat"]
    assert found["WorkingDirectory"] == [f"/var/lib/{found['StateDirectory'][0]}"]
    assert found["StateDirectoryMode"] == ["0700"]


def test_the_account_is_the_workers_alone() -> None:
    web, worker = (unit(name)["EnvironmentFile"] for name in UNITS)
    assert web == ["-/etc/kchat-search/web.env"], "it may be missing"
    assert worker == ["/etc/kchat-search/worker.env"]


def test_several_processes_of_the_web_server_share_their_counts() -> None:
    found = unit(UNITS[0])
    (folder,) = found["RuntimeDirectory"]
    assert f"PROMETHEUS_MULTIPROC_DIR=/run/{folder}" in found["Environment"]
