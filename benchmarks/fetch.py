"""A first sync, or the fetching of it alone, with a profile where that is wanted.

    python -m benchmarks.fetch --no-indexing --profile fetch.prof

It reads the settings as `kchat-search sync` does and does the same; with `--no-indexing` nothing is
indexed, neither meanwhile nor afterwards. `backfill.py` calls this; people do so for a profile.
"""

from __future__ import annotations

import argparse
import cProfile
from contextlib import closing, nullcontext
from pathlib import Path

from kchat_search.composition import make_service
from kchat_search.config import load_settings
from kchat_search.models.reports import no_progress
from kchat_search.service import Service
from kchat_search.sync.archive_writer import ArchiveWriter, Counts
from kchat_search.sync.updater import Updater


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="A first sync, or the fetching of it alone.")
    parser.add_argument("--no-indexing", action="store_true")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="of the main thread")
    chosen = parser.parse_args()
    profile = cProfile.Profile() if chosen.profile else None
    with closing(make_service(load_settings())) as service, service.indexing("benchmark"):
        if not chosen.no_indexing:
            service.prepare()
        with profile or nullcontext():
            if chosen.no_indexing:
                _fetch(service)
            else:
                service.sync()
    if profile:
        profile.dump_stats(chosen.profile)


def _fetch(service: Service) -> None:
    Updater(
        archive=service.archive,
        source=service.source(),
        clock=service.clock,
        zone=service.settings.zone,
        policy=service.sync_policy,
    ).sync(
        ArchiveWriter(
            archive=service.archive,
            clock=service.clock,
            counts=Counts(),
            progress=no_progress,
            saved=lambda: 0,
        )
    )


if __name__ == "__main__":
    main()
