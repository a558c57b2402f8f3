"""Files that only this user can read, whatever the umask is, and that are what they seem."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kchat_search import private_files
from kchat_search.archive import open_archive
from kchat_search.cli.unnamed_file import unnamed_file
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.engines.whoosh.generations import narrow_index
from kchat_search.errors import ArchiveError, IndexDamaged, IndexerBusy, IndexUnwritable
from kchat_search.sync.lock import IndexerLock

NOW = datetime(2016, 3, 20, 4, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    """Nothing may rest on the umask."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def wide(folder: Path) -> list[str]:
    """What others could read below a folder, the folder included."""
    found = [folder, *folder.rglob("*")]
    return [str(path) for path in found if not path.is_symlink() and mode(path) & 0o077]


# -- modes ------------------------------------------------------------------------------------


def test_whatever_is_made_is_for_this_user_alone(tmp_path: Path) -> None:
    root = tmp_path / "a"
    private_files.make_folder(root / "b" / "c")
    private_files.make_new_folder(root / "d")
    private_files.create(root / "new").close()
    private_files.replace(root / "replaced", b"1")
    private_files.replace(root / "replaced", b"2")
    private_files.prepare(root / "lock")
    assert wide(root) == []
    assert (root / "replaced").read_bytes() == b"2"
    assert sorted(path.name for path in root.iterdir()) == ["b", "d", "lock", "new", "replaced"]


def test_a_wide_file_is_narrowed_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "file"
    file.write_text("kept")
    file.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        private_files.narrow(file, tmp_path / "absent")
        private_files.narrow(file)
    assert (mode(file), file.read_text()) == (0o600, "kept")
    (line,) = caplog.messages
    assert (
        f"{file} could be read by others (mode 644); now it is for this user alone (600)." == line
    )


def test_what_belongs_to_another_user_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setattr(os, "geteuid", lambda: file.stat().st_uid + 1)
    private_files.narrow(file)
    private_files.narrow(file)
    assert mode(file) == 0o666
    (line,) = caplog.messages
    assert f"belongs to user {file.stat().st_uid}" in line


def _made(path: Path, names: tuple[str, ...] = ()) -> Path:
    path.mkdir(0o755)
    for name in names:
        (path / name).touch()
    return path


def test_a_folder_is_narrowed_only_if_nothing_else_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"a", "b"}.__contains__
    ours = _made(tmp_path / "ours", ("a", "b"))
    shared = _made(tmp_path / "shared", ("a", "letter.txt"))
    public = _made(tmp_path / "public", ("a",))
    public.chmod(0o1777)
    group = _made(tmp_path / "group", ("a",))
    group.chmod(0o2770)
    current, home = _made(tmp_path / "current"), _made(tmp_path / "home")
    monkeypatch.chdir(current)
    monkeypatch.setenv("HOME", str(home))
    for folder in (ours, shared, public, group, current, home, tmp_path / "absent", Path("/")):
        private_files.narrow_folder(folder, own)
    assert [mode(path) for path in (ours, shared, public, group, current, home)] == [
        0o700, 0o755, 0o1777, 0o2770, 0o755, 0o755,
    ]  # fmt: skip
    assert mode(Path("/")) & 0o055


def test_narrowing_an_open_archive_takes_no_lock_from_sqlite(tmp_path: Path) -> None:
    """A descriptor that is closed would: https://sqlite.org/howtocorrupt.html, 2.2."""
    file = tmp_path / "file"
    with file.open("wb") as held:
        fcntl.lockf(held, fcntl.LOCK_EX)
        private_files.narrow(file)
        assert mode(file) == 0o600
        child = os.fork()
        if child == 0:
            try:
                with file.open("wb") as other:
                    fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os._exit(0)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0, "the lock is gone"


# -- what they seem -----------------------------------------------------------------------------


def _link(path: Path, target: Path) -> None:
    path.symlink_to(target)


def _pipe(path: Path, target: Path) -> None:
    del target
    os.mkfifo(path)


def _folder(path: Path, target: Path) -> None:
    del target
    path.mkdir()


@pytest.mark.parametrize("put", [_link, _pipe, _folder])
@pytest.mark.parametrize("there", [True, False])
def test_what_is_no_file_is_neither_written_nor_read(
    tmp_path: Path, put: Callable[[Path, Path], None], there: bool
) -> None:
    target, path = tmp_path / "target", tmp_path / "path"
    if there:
        target.write_text("untouched")
    put(path, target)
    with pytest.raises(FileExistsError):
        private_files.create(path)
    with pytest.raises(private_files.NotARealFile, match="Remove it"):
        private_files.prepare(path)
    with pytest.raises(OSError):  # noqa: PT011  # of the system, or ours
        private_files.read(path, 10)
    if put is _folder:
        with pytest.raises(OSError):  # noqa: PT011  # IsADirectoryError, or PermissionError
            private_files.replace(path, b"new")
    else:  # the link or the pipe is taken away; what it leads to stays
        private_files.replace(path, b"new")
        assert (path.read_bytes(), mode(path)) == (b"new", 0o600)
    assert not there or target.read_text() == "untouched"
    assert there or not target.exists()


def test_a_file_that_shares_its_content_stays_as_it_is(tmp_path: Path) -> None:
    other, path = tmp_path / "other", tmp_path / "path"
    other.write_text("untouched")
    path.hardlink_to(other)
    path.with_name("path.new").hardlink_to(other)
    private_files.replace(path, b"new")
    assert (other.read_text(), path.read_text()) == ("untouched", "new")


def test_reading_is_bounded(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(1 << 40)
    assert private_files.read(tmp_path / "huge", 10) == bytes(10)


# -- the program's own files ----------------------------------------------------------------------


def open_and_close(file: Path) -> None:
    open_archive(f"sqlite:///{file}").close()


def test_an_archive_is_private_from_its_first_byte(tmp_path: Path) -> None:
    file = tmp_path / "var" / "archive.sqlite3"
    with closing(open_archive(f"sqlite:///{file}")) as archive:
        archive.set_cursor("x", {"a": 1}, now=NOW)
        assert {path.name for path in file.parent.iterdir()} >= {
            "archive.sqlite3", "archive.sqlite3-wal", "archive.sqlite3-shm",
        }  # fmt: skip
        assert wide(tmp_path / "var") == []


def test_an_archive_of_an_earlier_version_is_narrowed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "var"
    file = folder / "archive.sqlite3"
    with closing(open_archive(f"sqlite:///{file}")) as archive:
        archive.set_cursor("x", {"a": 1}, now=NOW)
        folder.chmod(0o755)
        for path in folder.iterdir():
            path.chmod(0o644)
        open_and_close(file)
        assert wide(folder) == []
        assert archive.cursor("x") == {"a": 1}
    assert any("archive.sqlite3 " in line and "644" in line for line in caplog.messages)
    assert any("var could be read" in line for line in caplog.messages)
    caplog.clear()
    open_and_close(file)
    assert caplog.messages == []


def test_somebodys_folder_keeps_its_mode_and_the_archive_in_it_is_private(tmp_path: Path) -> None:
    folder = _made(tmp_path / "data", ("letter.txt",))
    open_and_close(folder / "archive.sqlite3")
    assert mode(folder) == 0o755
    assert [Path(path).name for path in wide(folder)] == ["data", "letter.txt"]


@pytest.mark.parametrize("name", ["", "-wal", "-shm", "-journal", ".migration.lock"])
def test_an_archive_is_not_written_through_a_link(tmp_path: Path, name: str) -> None:
    file, target = tmp_path / "archive.sqlite3", tmp_path / "target"
    target.write_text("untouched")
    file.with_name(file.name + name).symlink_to(target)
    with pytest.raises(ArchiveError, match="symbolic link"):
        open_and_close(file)
    assert (target.read_text(), mode(target)) == ("untouched", 0o666)


def test_an_archive_that_is_a_pipe_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "archive.sqlite3")
    with pytest.raises(ArchiveError, match="pipe"):
        open_and_close(tmp_path / "archive.sqlite3")


def test_a_lock_is_not_made_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "indexer.lock").symlink_to(tmp_path / "target")
    lock = IndexerLock(tmp_path)
    with pytest.raises(IndexUnwritable, match="symbolic link"), lock.held("sync", NOW):
        raise AssertionError
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("put", [_link, _pipe, _folder])
def test_the_holder_is_not_written_through_a_link(
    tmp_path: Path, put: Callable[[Path, Path], None]
) -> None:
    target = tmp_path / "target"
    target.write_text("untouched")
    for name in ("indexer.holder", "indexer.holder.new"):
        put(tmp_path / name, target)
    lock = IndexerLock(tmp_path)
    with lock.held("sync", NOW):
        holder = lock.holder()
        assert holder is not None
        assert holder.what == ("unknown" if put is _folder else "sync")
    assert target.read_text() == "untouched"


def _record(what: str) -> bytes:
    return json.dumps({"what": what, "pid": 1, "host": "h", "since": NOW.isoformat()}).encode()


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (_record("sync\x1b[2J\n\x00 "), "sync[2J (process 1 on h, since 2016-03-20 04:00:00 UTC)"),
        (_record("\u202eevil\u200b"), "evil (process 1 on h, since 2016-03-20 04:00:00 UTC)"),
        (b"sync (process 1)\x00\xff", "unknown"),
        (b'"' + b"x" * 10_000_000, "unknown"),
        (_record("sync").replace(b"03-20", b"99-20"), "unknown"),
        (b'{"what": [], "pid": 1, "host": 1, "since": 1}', "unknown"),
        (b'{"what": "sync"}', "unknown"),
        (b"[1]", "unknown"),
        (b"", "unknown"),
    ],
)
def test_a_strange_holder_is_one_short_line(tmp_path: Path, content: bytes, shown: str) -> None:
    with IndexerLock(tmp_path).held("sync", NOW):
        (tmp_path / "indexer.holder").write_bytes(content)
        assert str(IndexerLock(tmp_path).holder()) == shown
        with pytest.raises(IndexerBusy) as busy, IndexerLock(tmp_path).held("worker", NOW):
            raise AssertionError
        assert busy.value.holder == shown


def test_an_index_is_private_and_a_wide_one_is_narrowed(tmp_path: Path) -> None:
    root = tmp_path / "index"
    engine = WhooshEngine(root, 1)
    engine.rebuild([], "print")
    engine.write([])
    with IndexerLock(root).held("sync", NOW):
        assert wide(root) == []
    (root / "README.md").touch()
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    narrow_index(root)
    assert wide(root) == [str(root / "README.md")]  # of the repository


def test_an_index_is_not_written_through_links(tmp_path: Path) -> None:
    root, target, there = tmp_path / "index", tmp_path / "target", _made(tmp_path / "there", ("x",))
    target.write_text("untouched")
    engine = WhooshEngine(root, 1)
    engine.rebuild([], "print")
    (root / "CURRENT.new").symlink_to(target)
    (root / "generation-000009").symlink_to(there)
    (root / "generation-000001" / "write.lock").unlink()
    (root / "generation-000001" / "write.lock").symlink_to(target)
    with pytest.raises(IndexDamaged, match="symbolic link"):
        engine.write([])
    engine.rebuild([], "print")
    assert target.read_text() == "untouched"
    assert [path.name for path in there.iterdir()] == ["x"]


# -- a file without a name ------------------------------------------------------------------------


@pytest.mark.parametrize("nameless", [True, False])
@pytest.mark.parametrize("force", [True, False])
def test_a_killed_export_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, nameless: bool, force: bool
) -> None:
    if not nameless:
        monkeypatch.delattr(os, "O_TMPFILE")
    target = tmp_path / "chats.jsonl"
    if force:
        target.write_text("former")
    child = os.fork()
    if child == 0:
        with unnamed_file(target) as unnamed:
            unnamed.file.write(b"what people said" * 10_000)
            unnamed.file.flush()
            os.kill(os.getpid(), 9)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == 9
    left = [path for path in tmp_path.iterdir() if path != target]
    assert len(left) == (0 if nameless else 1)
    assert all(mode(path) == 0o600 for path in left)
    with unnamed_file(tmp_path / "another") as living, unnamed_file(target) as unnamed:
        unnamed.file.write(b"new")
        unnamed.publish(replace=force)
        living.publish(replace=False)  # it was not taken for a killed one
    assert {path.name for path in tmp_path.iterdir()} == {"another", "chats.jsonl"}
    assert (target.read_text(), mode(target)) == ("new", 0o600)


@pytest.mark.parametrize("nameless", [True, False])
def test_a_name_that_is_taken_is_not_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, nameless: bool
) -> None:
    if not nameless:
        monkeypatch.delattr(os, "O_TMPFILE")
    target = tmp_path / "chats.jsonl"
    with unnamed_file(target) as unnamed:
        target.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(FileExistsError):
            unnamed.publish(replace=False)
    assert list(tmp_path.iterdir()) == [target]
