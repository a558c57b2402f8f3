"""A first sync, or only its fetching, with a profile if asked for.

    python -m benchmarks.fetch --no-indexing --profile fetch.prof

It reads the settings like `kchat-search sync` and does the same. With `--no-indexing` it indexes
nothing. `backfill.py` calls this; people call it for a profile.
"""

from __future__ import annotations

import argparse
import cProfile
from contextlib import closing, nullcontext
from pathlib import Path

from kchat_search.composition import make_service
from kchat_search.config import load_settings_with_account


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="A first sync, or the fetching of it alone.")
    parser.add_argument("--no-indexing", action="store_true")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="of the main thread")
    chosen = parser.parse_args()
    profile = cProfile.Profile() if chosen.profile else None
    settings = load_settings_with_account()
    with closing(make_service(settings)) as service, service.indexing("benchmark"):
        if not chosen.no_indexing:
            service.prepare()
        with profile or nullcontext():
            service.sync(index=not chosen.no_indexing)
    if profile:
        profile.dump_stats(chosen.profile)


if __name__ == "__main__":
    main()
