"""A disk that is really full: the program on a small file system, which is enlarged later."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kchat_search.demo.server import DemoServer
from tests.system.programs import COMMAND, SECONDS, environment
from tests.world import chat

pytestmark = pytest.mark.slow

# The disks are in a mount namespace of their own: nobody else sees them, and they end with it.
_SCRIPT = """
set -u
mkdir -p var index
mount -t tmpfs -o size="$ARCHIVE_KB"k none var
mount -t tmpfs -o size="$INDEX_KB"k none index
"$@" sync >said 2>&1; echo "full: $?"
cat said
mount -o remount,size=400m "$FULL"
"$@" sync >said 2>&1; echo "room: $?"; cat said
"$@" verify >said 2>&1; echo "verify: $?"; cat said
"$@" status --json
"""


_APART = [shutil.which("unshare") or "", "--user", "--map-root-user", "--mount"]


def may_mount(folder: Path) -> bool:
    """May this user mount file systems here?"""
    if sys.platform != "linux" or not _APART[0]:
        return False
    tried = subprocess.run(
        [*_APART, "mount", "-t", "tmpfs", "none", folder],
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    return tried.returncode == 0


@pytest.mark.parametrize(
    ("full", "kilobytes"), [("var", 700), ("var", 1_500), ("index", 150), ("index", 300)]
)
def test_a_full_disk_is_reported_harms_nothing_and_the_next_sync_with_room_is_complete(
    kchat: DemoServer, tmp_path: Path, full: str, kilobytes: int
) -> None:
    if not may_mount(tmp_path):
        pytest.skip("no disk of one's own may be mounted here")
    for number in range(200, 260):
        kchat.put(chat(number, *(f"第{n}件事,订单{number * 1000 + n}" * 30 for n in range(20))))
    room = {"var": 400_000, "index": 400_000} | {full: kilobytes}
    run = subprocess.run(
        [*_APART, "sh", "-c", _SCRIPT, "sh", *COMMAND],
        cwd=tmp_path,
        env=environment(
            kchat,
            KCHAT_PER_PAGE="10",
            ARCHIVE_KB=str(room["var"]),
            INDEX_KB=str(room["index"] + 100),
            FULL=full,
        ),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    told = run.stdout + run.stderr
    assert "full: 75" in told, told
    assert "no room left" in told, told
    assert "Traceback" not in told, told
    assert "room: 0" in told, told
    assert "verify: 0" in told, told
    status = json.loads(run.stdout.splitlines()[-1])
    assert status["archive"]["chats"] == 85, told
