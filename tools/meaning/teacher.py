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
"""Texts whose vectors are one file."""

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
        found: NDArray[np.float32] | None = None
        for start in range(0, len(order), _BATCH):
            places = order[start : start + _BATCH]
            batch = self._tokenizer.encode_batch([texts[at] for at in places])
            inputs = {
                "input_ids": np.array([one.ids for one in batch]),
                "attention_mask": np.array([one.attention_mask for one in batch]),
                "token_type_ids": np.array([one.type_ids for one in batch]),
            }
            first = self._session.run(None, inputs)[0][:, 0]
            first /= np.linalg.norm(first, axis=1, keepdims=True)
            if found is None:
                found = np.zeros((len(texts), first.shape[1]), np.float32)
            found[places] = first
        if found is None:
            raise ValueError("no texts")
        return found


def taught(teacher: Teacher, texts: Sequence[str], folder: Path) -> NDArray[np.float32]:
    """The vectors of all texts (texts, 512). The folder keeps parts that are done, so that a second
    run goes on."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for start in range(0, len(texts), _PART):
        some = texts[start : start + _PART]
        name = hashlib.sha256("\n".join(some).encode("utf-8", "surrogatepass")).hexdigest()
        path = folder / f"{name[:32]}.f2"
        if not path.exists():
            path.write_bytes(teacher.vectors(some).astype(np.float16).tobytes())
            log.info("%s of %s texts", start + len(some), len(texts))
        parts.append(np.frombuffer(path.read_bytes(), np.float16).reshape(len(some), -1))
    return np.concatenate(parts).astype(np.float32)
