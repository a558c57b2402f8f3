"""The browser benchmark's own code: its chats, and its table."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import browser
from kchat_search.demo.chat_file import load


def test_the_last_chat_is_the_long_one_and_can_be_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "_LONG", 150)
    file = tmp_path / "chats.jsonl"
    browser._write_chats(file, 60)
    chats, _ = load(file)
    assert len(chats) == 60
    lengths = [len(chat["messages"]) for chat in chats]
    assert lengths[-1] >= 150 > max(lengths[:-1])
    ids = [message["id"] for message in chats[-1]["messages"]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("unit", "limit", "at_least", "values", "row"),
    [
        ("ms", 150, False, [1, 150, 900], ["at most 150 ms", "150 ms", "900 ms", "reached"]),
        ("KB", 30, False, [31], ["at most 30 KB", "31 KB", "31 KB", "**not reached**"]),
        ("", 8, True, [9, 8, 7], ["at least 8", "8", "7", "reached"]),
        ("", 0.05, False, [0.051], ["at most 0.05", "0.051", "0.051", "**not reached**"]),
    ],
    ids=["time", "size", "least", "shift"],
)
def test_a_row_says_whether_the_median_is_within_the_limit(
    unit: str, limit: float, at_least: bool, values: list[float], row: list[str]
) -> None:
    target = browser.Target("a", unit, limit, at_least=at_least)
    assert browser._row(target, values) == ["a", *row]
