"""Pictures of the pages in every state, for people to look at.

    python -m benchmarks.screenshots FOLDER                 # all states, some 130 pictures
    python -m benchmarks.screenshots FOLDER chat search     # these states alone
    python -m benchmarks.screenshots FOLDER --readme        # the three of the README

The states are those of `tests/system/states.py`. A picture is named STATE-ROOM-THEME.png: on a
phone, on a desk and, for the preview, on a wide screen; in both themes. Those of the README show
made-up conversations too, and are meant for `docs/pictures/`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, sync_playwright

from benchmarks.measure import say
from tests.system.chromium import ARGS, CHROMIUM
from tests.system.states import STATES, Places, State, places

ROOMS = {
    "phone": {"width": 390, "height": 844},
    "desk": {"width": 1280, "height": 800},
    "wide": {"width": 1680, "height": 950},
}
THEMES = ("light", "dark")
README = (("search", "desk"), ("chat", "desk"), ("preview", "wide"))
_SETTLED_MS = 700
"""What comes later has come: similar chats, the preview."""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.screenshots", description="Pictures of the pages."
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("states", nargs="*", metavar="STATE", help="all, if none is named")
    parser.add_argument("--readme", action="store_true", help="the pictures of the README alone")
    chosen = parser.parse_args()
    by_name = {state.name: state for state in STATES}
    unknown = set(chosen.states) - by_name.keys()
    if unknown:
        parser.error(f"no such state: {', '.join(sorted(unknown))}; there are {', '.join(by_name)}")
    if CHROMIUM is None:
        raise SystemExit("There is no Chromium on this machine.")
    chosen.folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        with places(Path(folder) / "shop") as everywhere:
            if chosen.readme:
                for name, room in README:
                    to = chosen.folder / f"{name}.png"
                    state = by_name[name]
                    take(browser, everywhere, state, room=room, theme="light", to=to)
            else:
                for name in chosen.states or by_name:
                    all_of(browser, everywhere, by_name[name], chosen.folder)
        browser.close()


def all_of(browser: Browser, everywhere: Places, state: State, folder: Path) -> None:
    """The pictures of a state: in the rooms where it is, in both themes."""
    for room in [state.only] if state.only else ["phone", "desk"]:
        for theme in THEMES:
            to = folder / f"{state.name}-{room}-{theme}.png"
            take(browser, everywhere, state, room=room, theme=theme, to=to)


def take(
    browser: Browser, everywhere: Places, state: State, *, room: str, theme: str, to: Path
) -> None:
    """One picture, of what is seen without scrolling."""
    with everywhere.shown(browser, state, viewport=ROOMS[room], color_scheme=theme) as page:
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(_SETTLED_MS)
        page.screenshot(path=to)
    say(str(to))


if __name__ == "__main__":
    main()
