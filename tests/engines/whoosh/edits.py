"""Edits of an index: each is what somebody, or a bad copy, may do to its folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from kchat_search.engines.whoosh import sealed_json
from kchat_search.engines.whoosh.contents import FILE
from kchat_search.engines.whoosh.generation_table import FILE as TABLE_FILE

Edit = Callable[[Path], object]

_MUCH = 1 << 40
"""Bytes of a file without content."""


def generation(folder: Path) -> Path:
    (found,) = folder.glob("generation-*")
    return found


def segments(folder: Path) -> list[Path]:
    """The files of the segments, the smallest first."""
    return sorted(generation(folder).glob("*.arrays"), key=lambda path: path.stat().st_size)


def _file(which: str) -> Callable[[Path], Path]:
    def find(folder: Path) -> Path:
        if which == "CURRENT":
            return folder / which
        in_generation = which in (FILE, TABLE_FILE)
        return generation(folder) / which if in_generation else segments(folder)[int(which)]

    return find


_EACH = ("CURRENT", FILE, TABLE_FILE, "0", "3")
"""What is edited by itself: the two small files, the table of meanings, the smallest segment, the
largest."""

# -- files -----------------------------------------------------------------------------------


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _sparse(path: Path) -> None:
    path.write_bytes(b"")
    os.truncate(path, _MUCH)


def _link_to(target: str) -> Edit:
    def edit(path: Path) -> None:
        outside = target or str(shutil.copy(path, path.parents[2] / "outside"))
        path.unlink()
        path.symlink_to(outside)

    return edit


def _link_to_itself(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _socket(path: Path) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        before = Path.cwd()
        os.chdir(path.parent)  # the name of a socket may have a hundred characters
        try:
            listening.bind(path.name)
        finally:
            os.chdir(before)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _zero(path: Path, begin: int, length: int) -> None:
    content = bytearray(path.read_bytes())
    content[begin : begin + length] = bytes(len(content[begin : begin + length]))
    path.write_bytes(content)


FILE_EDITS: dict[str, Edit] = {
    "removed": Path.unlink,
    "emptied": lambda path: _write(path, b""),
    "cut by a byte": lambda path: _write(path, path.read_bytes()[:-1]),
    "cut in half": lambda path: _write(path, path.read_bytes()[: path.stat().st_size // 2]),
    "a byte longer": lambda path: _write(path, path.read_bytes() + b"\0"),
    "twice its content": lambda path: _write(path, path.read_bytes() * 2),
    "its head is zero": lambda path: _zero(path, 0, 512),
    "its middle is zero": lambda path: _zero(path, path.stat().st_size // 2, 512),
    "a terabyte of nothing": _sparse,
    "a link to a copy": _link_to(""),
    "a link to endless zeros": _link_to("/dev/zero"),
    "a link to itself": _link_to_itself,
    "a pipe": _pipe,
    "a socket": _socket,
    "a folder": _folder,
    "renamed": lambda path: path.rename(path.with_name("other")),
}

# -- the table of contents, with a right checksum -----------------------------------------------


def contents(change: Callable[[Any], object]) -> Edit:
    """Change the table of contents and give it a right checksum. `change` changes it in place, or
    returns what replaces it."""

    def edit(folder: Path) -> None:
        path = generation(folder) / FILE
        content = json.loads(path.read_bytes().partition(b"\n")[2])
        changed = change(content)
        sealed_json.write(path, content if changed is None else changed)

    return edit


def _raw_contents(text: bytes) -> Edit:
    """Text with a right checksum, whether it is JSON or not."""

    def edit(folder: Path) -> None:
        seal = hashlib.sha256(text).hexdigest().encode()
        (generation(folder) / FILE).write_bytes(seal + b"\n" + text)

    return edit


def _of_segment(key: str, value: Any) -> Edit:
    """Change one entry of the first segment, which has deletions."""
    return contents(lambda content: content["segments"][0].__setitem__(key, value))


CONTENTS_EDITS: dict[str, Edit] = {
    "no deletions": _of_segment("deleted", []),
    "one deletion fewer": contents(lambda c: c["segments"][0]["deleted"].pop()),
    "one deletion more": contents(lambda c: c["segments"][0]["deleted"].insert(0, 0)),
    "no segments": contents(lambda c: c.update(segments=[])),
    "one segment fewer": contents(lambda c: c["segments"].pop()),
    "a segment twice": contents(lambda c: c["segments"].append(c["segments"][0])),
    "segments in another order": contents(lambda c: c["segments"].reverse()),
    "another build": contents(lambda c: c.update(build="x")),
    "another schema": contents(lambda c: c.update(schema=3)),
    "another table of meanings": contents(lambda c: c.update(table="0" * 64)),
    "a table of meanings that is no digest": contents(lambda c: c.update(table="../x")),
    "commit -1": contents(lambda c: c.update(commit=-1)),
    "a commit of 10**400": contents(lambda c: c.update(commit=10**400)),
    "a list": contents(lambda c: [c]),
    "null": _raw_contents(b"null"),
    "nothing": _raw_contents(b""),
    "not JSON": _raw_contents(b"{"),
    "not UTF-8": _raw_contents(b'"\xff"'),
    "a number of 5,000 digits": _raw_contents(b'{"schema":' + b"9" * 5_000 + b"}"),
    "a thousand lists in each other": _raw_contents(b"[" * 90_000 + b"]" * 90_000),
    "many lists": _raw_contents(b"[" + b"[]," * 20_000_000 + b"[]]"),
    "a path that leads up": _of_segment("name", "../../outside"),
    "an absolute path": _of_segment("name", "/etc/passwd"),
    "a name without an end": _of_segment("name", "segment-" + "0" * 1_000_000),
    "a name of zero bytes": _of_segment("name", "segment-\0" + "0" * 31),
    **{
        f"{key} {str(value)[:20]}": _of_segment(key, value)
        for key in ("size", "bytes", "deleted", "directory")
        for value in (-1, 0, 2**63, 2**62, 1.5, True, "5", None, [], [[1]], {"a": 1})
    },
    **{
        f"deletions {value}": _of_segment("deleted", value)
        for value in ([-1], [10**30], [3, 2], [2, 2], [1.5], [True], ["1"], [[0, 1]], [None])
    },
}

# -- the directory of a segment, with right checksums everywhere ----------------------------------

_TAIL = struct.Struct("<QQI4x8s")


def forged(change: Callable[[Any, bytearray], object], which: int = 3) -> Edit:
    """Change a segment's file so that all checksums are right: those of its arrays, of its
    directory, and of the table of contents. `change` gets the directory and all bytes before it,
    and changes them in place."""

    def edit(folder: Path) -> None:
        path = segments(folder)[which]
        whole = path.read_bytes()
        offset, length, _, magic = _TAIL.unpack(whole[-_TAIL.size :])
        body = bytearray(whole[:offset])
        directory = json.loads(whole[offset : offset + length])
        change(directory, body)
        for entry in dict(directory["arrays"]).values():
            with suppress(TypeError, ValueError, IndexError):
                size = entry[1] * np.dtype(entry[0]).itemsize
                entry[3] = zlib.crc32(body[entry[2] : entry[2] + size])
        text = json.dumps(directory).encode()
        tail = _TAIL.pack(len(body), len(text), zlib.crc32(text), magic)
        path.write_bytes(bytes(body) + text + tail)
        contents(lambda content: _entry(content, path, text))(folder)

    return edit


def _entry(content: Any, path: Path, directory: bytes) -> None:
    for entry in content["segments"]:
        if entry["name"] == path.stem:
            entry["bytes"] = path.stat().st_size
            entry["directory"] = hashlib.sha256(directory).hexdigest()


def _entry_of_array(name: str, place: int, value: Any) -> Edit:
    return forged(lambda directory, _: directory["arrays"][name].__setitem__(place, value))


def _values(name: str, value: Callable[[Any], Any]) -> Edit:
    """Give all numbers of an array other values."""

    def change(directory: Any, body: bytearray) -> None:
        kind, length, offset, _ = directory["arrays"][name]
        array = np.frombuffer(body, "<" + kind, length, offset)
        array[:] = value(array)

    return forged(change)


def _most(array: Any) -> Any:
    return np.iinfo(array.dtype).max


DIRECTORY_EDITS: dict[str, Edit] = {
    "no arrays": forged(lambda d, _: d.update(arrays={})),
    "arrays in a list": forged(lambda d, _: d.update(arrays=[])),
    "no column of ids": forged(lambda d, _: d["arrays"].pop("id")),
    "no documents": forged(lambda d, _: d["meta"].update(size=0)),
    "2**60 documents": forged(lambda d, _: d["meta"].update(size=2**60)),
    "-1 documents": forged(lambda d, _: d["meta"].update(size=-1)),
    "size is a text": forged(lambda d, _: d["meta"].update(size="many")),
    "no fields": forged(lambda d, _: d["meta"].update(fields=[])),
    "a field that is not there": forged(lambda d, _: d["meta"]["fields"].append("none")),
    "fields is a number": forged(lambda d, _: d["meta"].update(fields=5)),
    **{
        f"place {place} of an array is {value}": _entry_of_array("words.lists", place, value)
        for place, values in {
            0: ("O", "f8", "u16", "", None, 5),
            1: (-1, 2**60, 1.5, True, None, "5", 10**30),
            2: (-8, 0, 3, 2**60, 1.5, None, 10**30),
        }.items()
        for value in values
    },
    "an entry of three": forged(lambda d, _: d["arrays"].update(id=["u1", 1, 16])),
    "a directory of ten megabytes": forged(lambda d, _: d.update(x="x" * 10_000_000)),
}

VALUE_EDITS: dict[str, Edit] = {
    f"{name}: {how}": _values(name, value)
    for name in (
        "id", "created", "length", "alphabet", "text", "text.ends", "files.ends", "status.ordinals",
        "status.terms", "status.ends", "words.terms", "words.ends", "words.df", "words.places",
        "words.lists", "words.freq_rows", "words.freq_places", "words.freq_widths",
        "text_pairs.terms", "text_pairs.ends", "text_pairs.df", "text_pairs.places",
        "text_pairs.lists", "participant.counts", "participant.ordinals", "senders.counts",
        "senders.ordinals", "text.counts", "text.said", "text.sender", "joined.counts",
        "joined.place", "meaning.counts", "meaning.place", "meaning.features",
        "meaning.signs_0", "meaning.magnitudes", "former.counts", "former.said", "former.sender",
        "former_joined.place",
    )
    for how, value in {
        "all are 0": lambda _: 0,
        "all are the most": _most,
        "backwards": lambda array: array[::-1].copy(),
        "now 0, now the most": lambda array: np.where(np.arange(len(array)) % 2, _most(array), 0),
    }.items()
}  # fmt: skip

# -- the folder ------------------------------------------------------------------------------------


def _swap(one: int, other: int) -> Edit:
    def edit(folder: Path) -> None:
        a, b = segments(folder)[one], segments(folder)[other]
        between = a.with_suffix(".between")
        a.rename(between)
        b.rename(a)
        between.rename(b)

    return edit


def _copy(one: int, other: int) -> Edit:
    def edit(folder: Path) -> None:
        found = segments(folder)
        shutil.copy(found[one], found[other])

    return edit


def _older(commit: int, *names: str) -> Edit:
    """Put back what the index was before a commit: files that match these patterns."""

    def edit(folder: Path) -> None:
        before = generation(folder.with_name(f"index.{commit}"))
        for name in names:
            for path in before.glob(name):
                shutil.copy(path, generation(folder) / path.name)

    return edit


def _outside(folder: Path) -> None:
    inside = generation(folder)
    outside = inside.rename(folder.with_name(f"{folder.name}-outside"))
    inside.symlink_to(outside)


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _current(**changed: Any) -> Edit:
    def edit(folder: Path) -> None:
        path = folder / "CURRENT"
        content = json.loads(path.read_bytes().partition(b"\n")[2]) | changed
        sealed_json.write(path, content)

    return edit


FOLDER_EDITS: dict[str, Edit] = {
    **{f"segments {a} and {b} are swapped": _swap(a, b) for a, b in ((0, 1), (0, 3), (1, 2))},
    **{f"segment {a} in the place of {b}": _copy(a, b) for a, b in ((0, 1), (3, 0), (1, 2))},
    **{f"the table of contents before commit {n}": _older(n, FILE) for n in (1, 2, 3)},
    **{f"all files before commit {n}": _older(n, "*") for n in (1, 2, 3)},
    **{f"the segments before commit {n}": _older(n, "*.arrays") for n in (1, 2, 3)},
    "a segment more": lambda f: shutil.copy(
        segments(f)[0], segments(f)[0].with_name(f"segment-{7:032x}.arrays")
    ),
    "the generation is a link": _outside,
    "the generation has another name": lambda f: generation(f).rename(f / "generation-000009"),
    "a generation that is a file": lambda f: (f / "generation-000009").write_bytes(b"x"),
    "a generation with many digits": lambda f: (f / ("generation-" + "9" * 200)).mkdir(),
    "no generation": lambda f: shutil.rmtree(generation(f)),
    "the folder is empty": _emptied,
    "CURRENT leads up": _current(generation="../generation-000001"),
    "CURRENT leads away": _current(generation="/tmp"),  # noqa: S108
    "CURRENT of another build": _current(build="0"),
    "CURRENT names numbers": _current(generation=1, fingerprint=2, build=3),
    "CURRENT names a long folder": _current(generation="generation-" + "9" * 2_000),
}


def _on(which: str, edit: Edit) -> Edit:
    return lambda folder: edit(_file(which)(folder))


def every() -> Iterator[tuple[str, Edit]]:
    """All edits but those of `VALUE_EDITS`, by what they do."""
    for what, edit in FILE_EDITS.items():
        for which in _EACH:
            yield f"file {which}: {what}", _on(which, edit)
    for kind, edits in {
        "contents": CONTENTS_EDITS,
        "directory": DIRECTORY_EDITS,
        "folder": FOLDER_EDITS,
    }.items():
        for what, edit in edits.items():
            yield f"{kind}: {what}", edit
