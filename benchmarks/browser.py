"""What somebody at the pages waits for and loads, measured in Chromium over a real server.

    python -m benchmarks.browser --chats 20000 --runs 15

The processes are those of real use: a Kchat server, `kchat-search demo` over made-up conversations
and a chat of 5,000 messages, and Chromium, all on loopback. Each page is opened in a fresh context,
so nothing is in the browser's cache. Times are the browser's own.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks import measure
from benchmarks.engines import machine
from benchmarks.measure import say
from benchmarks.tables import table
from kchat_search.demo.conversations import conversations
from tests.system.chromium import ARGS, CHROMIUM
from tests.system.programs import started

_DEADLINE_MS = 60_000
_SETTLED_MS = 600
"""After the last answer: what still moves then has moved."""
_LONG = 5_000
_TERMS = (
    "退款", "发票", "物流", "订单", "密码", "快递", "地址", "优惠", "会员", "换货", "充值", "合同",
    "航班", "酒店", "流量", "套餐", "安装", "延迟", "取消", "到账",
)  # fmt: skip
DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}

_WATCH = """() => {
    window.shift = 0;
    window.paint = 0;
    const seen = (type, each) => new PerformanceObserver((list) => list.getEntries().forEach(each))
        .observe({type, buffered: true});
    seen("layout-shift", (entry) => { if (!entry.hadRecentInput) window.shift += entry.value; });
    seen("paint", (entry) => { window.paint = Math.max(window.paint, entry.startTime); });
    seen("largest-contentful-paint", (entry) => {
        window.paint = Math.max(window.paint, entry.startTime);
        if (entry.element?.closest(".hit")) window.firstHit ??= entry.startTime;
    });
    const now = () => performance.timeOrigin + performance.now();
    addEventListener("keydown", (event) => {
        if (event.key === "Enter") sessionStorage.setItem("asked", now());
    }, true);
    const painted = () => requestAnimationFrame(() => setTimeout(() => {
        if (document.querySelector(".hit")) window.results = now();
    }));
    addEventListener("DOMContentLoaded", painted);
    document.addEventListener("results", painted);
}"""
"""Runs before the page's own scripts. `results` is the end of the first frame with results, be it
of a new page or of one whose results were changed in their place."""

_BYTES = """() => [performance.getEntriesByType("navigation")[0],
    ...performance.getEntriesByType("resource")
        .filter((entry) => /link|script|css/.test(entry.initiatorType))]
    .map((entry) => [new URL(entry.name).pathname, entry.transferSize])"""
_TIMES = """() => {
    const opened = performance.getEntriesByType("navigation")[0];
    return {start: opened.startTime, answer: opened.responseStart, paint: window.paint,
        firstHit: window.firstHit, shift: window.shift};
}"""
_WHOLE_HITS = """() => [...document.querySelectorAll("#results .hit, .hits .hit")]
    .filter((hit) => hit.getBoundingClientRect().bottom <= innerHeight).length"""


class Target(NamedTuple):
    """A figure, and the design's or the issue's limit for it."""

    name: str
    unit: str
    limit: float
    at_least: bool = False


TARGETS = {
    "bytes": Target("first results page with style and script, over the wire", "KB", 30),
    "typed": Target("typed query (Enter) to painted results", "ms", 150),
    "results": Target("first results after the first byte of the answer", "ms", 200),
    "shift": Target("layout shift of the results", "", 0.001),
    "hits_desk": Target("whole hits at 1280 × 800", "", 8, at_least=True),
    "hits_phone": Target("whole hits at 390 × 844", "", 5, at_least=True),
    "long_paint": Target(f"a chat of {_LONG:,} messages: painted", "ms", 500),
    "long_bytes": Target("the same, over the wire", "KB", 150),
    "long_shift": Target("the same, layout shift while it is scrolled", "", 0.05),
}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.browser", description="The pages, measured in Chromium."
    )
    parser.add_argument("--chats", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=15, help="of each figure; the median is shown")
    parser.add_argument("--address", help="of a demo that runs already and has the long chat")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    chosen = parser.parse_args()
    if CHROMIUM is None:
        raise SystemExit("There is no Chromium on this machine.")
    with TemporaryDirectory(prefix="kchat-benchmark-") as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        with _address(chosen, Path(folder)) as address:
            found = _measured(browser, address, chosen.runs)
        version = browser.version
        browser.close()
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1), "utf-8")
    print(_markdown(found, chosen, version))  # noqa: T201  # a command's answer


@contextmanager
def _address(chosen: argparse.Namespace, folder: Path) -> Iterator[str]:
    if chosen.address:
        yield chosen.address.rstrip("/")
        return
    file = folder / "chats.jsonl"
    say(f"{chosen.chats:,} conversations are made up")
    _write_chats(file, chosen.chats)
    with started("demo", "--chats", str(file), "--port", "0", folder=folder) as running:
        say("they are synced and indexed")
        found = re.search(r"http://127\.0\.0\.1:\d+", running.wait_for("Open "))
        assert found is not None
        yield found[0]


def _write_chats(file: Path, count: int) -> None:
    """`count` conversations, the last one with `_LONG` messages of the others."""
    chats = conversations(1, datetime.now(UTC), count)
    said = [m for chat in chats for m in chat["messages"] if m["type"] == "chat.msg"][:_LONG]
    long = chats[-1]
    ids = range(10**9, 10**9 + len(said))
    long["messages"] += [
        {**message, "id": number, "created_at": long["created_at"]}
        for number, message in zip(ids, said, strict=True)
    ]
    file.write_text("\n".join(json.dumps(chat, ensure_ascii=False) for chat in chats), "utf-8")


Figures = dict[str, list[float]]


def _measured(browser: Browser, address: str, runs: int) -> Figures:
    with _page(browser) as page:
        long = _long_chat(page, address)
    found: Figures = {name: [] for name in TARGETS}
    for run in range(runs + 1):  # the first is not counted: the server compiles its templates
        say(f"run {run} of {runs}")
        term = _TERMS[run % len(_TERMS)]
        for figures in (
            _first_page(browser, address, term),
            _typed(browser, address, _TERMS[(run + 7) % len(_TERMS)]),
            _phone(browser, address, term),
            _opened_long(browser, address + long),
        ):
            for name, value in figures.items():
                if run:
                    found[name].append(value)
    return found


@contextmanager
def _page(browser: Browser, **options: Any) -> Iterator[Page]:
    context = browser.new_context(**{"locale": "zh-CN", "viewport": DESK, **options})
    context.set_default_timeout(_DEADLINE_MS)
    context.add_init_script(f"({_WATCH})()")
    yield context.new_page()
    context.close()


def _settle(page: Page) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(_SETTLED_MS)


def _kilobytes(page: Page) -> float:
    return float(sum(size for _, size in page.evaluate(_BYTES))) / 1000


def _first_page(browser: Browser, address: str, term: str) -> Mapping[str, float]:
    with _page(browser) as page:
        page.goto(f"{address}/?q={term}", wait_until="load")
        size = _kilobytes(page)
        hits = page.evaluate(_WHOLE_HITS)
        _settle(page)
        times = page.evaluate(_TIMES)
    return {
        "bytes": size,
        "results": times["firstHit"] - times["answer"],
        "shift": times["shift"],
        "hits_desk": hits,
    }


def _phone(browser: Browser, address: str, term: str) -> Mapping[str, float]:
    with _page(browser, viewport=PHONE) as page:
        page.goto(f"{address}/?q={term}", wait_until="load")
        return {"hits_phone": page.evaluate(_WHOLE_HITS)}


def _typed(browser: Browser, address: str, term: str) -> Mapping[str, float]:
    with _page(browser) as page:
        page.goto(f"{address}/?q={_TERMS[0]}ABC")
        page.fill("#q", "")
        page.locator("#q").press_sequentially(term)
        _settle(page)  # what may be typed next has been looked up
        page.evaluate("window.results = 0")
        page.keyboard.press("Enter")
        page.wait_for_function("() => window.results > 0 && sessionStorage.getItem('asked')")
        spent = page.evaluate("window.results - Number(sessionStorage.getItem('asked'))")
    return {"typed": spent}


def _long_chat(page: Page, address: str) -> str:
    """The path of the long chat: the newest one with more than 4,000 messages."""
    answer = page.request.get(f"{address}/api/v1/search?sort=newest&per_page=100&facets=none")
    for hit in answer.json()["hits"]:
        if hit["chat"]["message_count"] >= _LONG:
            return f"/chats/{hit['chat']['id']}"
    raise SystemExit(f"There is no chat of {_LONG:,} messages.")


def _opened_long(browser: Browser, url: str) -> Mapping[str, float]:
    with _page(browser) as page:
        page.goto(url, wait_until="load")
        size = _kilobytes(page)
        page.mouse.move(DESK["width"] / 3, DESK["height"] / 2)
        for _ in range(10):
            page.mouse.wheel(0, DESK["height"])
            page.wait_for_timeout(50)
        _settle(page)
        times = page.evaluate(_TIMES)
    return {
        "long_bytes": size,
        "long_paint": times["paint"] - times["start"],
        "long_shift": times["shift"],
    }


def _markdown(found: Figures, chosen: argparse.Namespace, version: str) -> str:
    here = machine()
    head = f"{here['cores']} × {here['processor']}; Chromium {version}; {chosen.chats:,} chats; "
    rows = [_row(target, found[name]) for name, target in TARGETS.items()]
    columns = ["figure", "wanted", "median", "worst", ""]
    return f"{head}{chosen.runs} runs.\n\n{table(columns, rows)}\n"


def _row(target: Target, values: list[float]) -> list[str]:
    middle = measure.quantile(values, 0.5)
    worst: Callable[[list[float]], float] = min if target.at_least else max
    reached = middle >= target.limit if target.at_least else middle <= target.limit
    digits = 3 if target.unit == "" and not target.at_least else 0
    wanted = f"{'at least' if target.at_least else 'at most'} {target.limit:g} {target.unit}"
    return [
        target.name,
        wanted.strip(),
        f"{middle:,.{digits}f} {target.unit}".strip(),
        f"{worst(values):,.{digits}f} {target.unit}".strip(),
        "reached" if reached else "**not reached**",
    ]


if __name__ == "__main__":
    main()
