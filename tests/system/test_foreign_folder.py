"""The program in a folder that somebody else has filled: nothing of it is run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kchat_search.demo.server import DemoServer
from tests.system.programs import ROOT, SECONDS, Running, environment

pytestmark = pytest.mark.slow

MODULES = ("kchat_search", "multiprocessing", "numpy", "flask", "requests", "jieba", "encodings")


def test_no_module_of_the_current_folder_is_imported(kchat: DemoServer, folder: Path) -> None:
    command = Path(sys.executable).with_name("kchat-search")
    if not command.exists():
        pytest.skip("the command is not installed beside this Python")
    for name in MODULES:
        (folder / f"{name}.py").write_text(f"open({str(folder / 'ran')!r}, 'a').write({name!r})")
    process = subprocess.Popen(
        [command, "serve", "--port", "0"],
        cwd=folder,
        env=environment(kchat, PYTHONPATH=str(ROOT), PYTHONUNBUFFERED="1"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    running = Running(process)
    try:
        running.wait_for_all("Open http", "sync")  # the indexer has begun its work
        assert not (folder / "ran").exists(), (folder / "ran").read_text()
        process.terminate()
        assert process.wait(SECONDS) == 0
    finally:
        running.end()
    assert not (folder / "ran").exists(), (folder / "ran").read_text()
