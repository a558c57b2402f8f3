"""The composition root: the one place that knows who stands behind the ports."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import cache

from kchat_search.archive import open_archive
from kchat_search.chats.history import Reading
from kchat_search.chats.reader import ChatReader
from kchat_search.config import Settings
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.engines.whoosh.generations import narrow_index
from kchat_search.errors import SettingsError
from kchat_search.kchat.client import KchatClient
from kchat_search.kchat.parse import ChatParser
from kchat_search.kchat.same_content import SameContent
from kchat_search.kchat.upload_tokens import (
    chat_without_upload_tokens,
    stable_content,
    without_upload_tokens,
)
from kchat_search.models.reports import Presentation
from kchat_search.ports import Clock
from kchat_search.search.searcher import Searcher
from kchat_search.service import Service
from kchat_search.sync.indexer import Indexer
from kchat_search.sync.lock import IndexerLock
from kchat_search.sync.policy import SyncPolicy
from kchat_search.sync.run import Syncer
from kchat_search.sync.scrub import Scrubber
from kchat_search.sync.scrub_pace import Pace
from kchat_search.text.segmentation import Segmenter


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


def make_service(settings: Settings, clock: Clock = utc_now) -> Service:
    """Build the program. No request is sent to Kchat and no dictionary is loaded until the first
    use.

    Raises `SettingsError` for settings that can't be used, `ArchiveError` where the archive
    can't be opened.
    """
    parser = ChatParser(settings.zone)
    chat_reader = ChatReader(parser.parse_archived)
    try:
        segmenter = Segmenter(settings.user_dict)
    except ValueError as error:
        raise SettingsError(f"KCHAT_USER_DICT must be a text file in UTF-8: {error}") from error
    archive = open_archive(settings.archive_url, adds_nothing=SameContent(parser))
    narrow_index(settings.index_dir)
    engine = WhooshEngine(
        settings.index_dir, settings.index_processes or None, settings.index_memory_mb << 20
    )
    lock = IndexerLock(settings.index_dir)
    indexer = Indexer(
        archive=archive,
        engine=engine,
        segmenter=segmenter,
        chat_reader=chat_reader,
        zone=settings.zone,
        rebuilding=lock.rebuilding,
    )
    scrubber = Scrubber(
        archive=archive,
        engine=engine,
        rebuild_index=indexer.rebuild,
        understand=parser.understand,
        pace=Pace(
            settings.scrub_days,
            settings.scrub_cpu_percent,
            timedelta(seconds=settings.sync_interval_seconds),
        ),
        clock=clock,
        processor_time=time.process_time,
    )
    return Service(
        presentation=Presentation(
            zone=settings.zone,
            demo=settings.demo,
            sync_interval_seconds=settings.sync_interval_seconds,
            kchat_chat_url=settings.kchat_chat_url,
            request_processor_seconds=settings.request_processor_seconds,
        ),
        clock=clock,
        archive=archive,
        engine=engine,
        segmenter=segmenter,
        chat_reader=chat_reader,
        chat_without_upload_tokens=chat_without_upload_tokens,
        reading=Reading(
            sent_messages=parser.sent_messages,
            parse_messages=parser.parse_messages,
            without_upload_tokens=without_upload_tokens,
            stable_content=stable_content,
        ),
        understand=parser.understand,
        searcher=Searcher(
            archive=archive,
            engine=engine,
            segmenter=segmenter,
            chat_reader=chat_reader,
            zone=settings.zone,
            clock=clock,
        ),
        indexer=indexer,
        syncer=Syncer(
            archive=archive,
            # One client for all syncs: if Kchat asks in one tick to wait, the next tick waits too.
            source=cache(lambda: _client(settings, parser)),
            indexer=indexer,
            policy=_sync_policy(settings),
            clock=clock,
            zone=settings.zone,
        ),
        lock=lock,
        scrubber=scrubber,
    )


def _sync_policy(settings: Settings) -> SyncPolicy:
    return SyncPolicy(
        in_flight=settings.requests_in_flight,
        recheck_days=settings.recheck_days,
        recheck_per_tick=settings.recheck_per_tick,
        reconcile_every_hours=settings.reconcile_interval_hours,
        reconcile_days=settings.reconcile_days,
        reconcile_pages_per_tick=settings.reconcile_pages_per_tick,
    )


def _client(settings: Settings, parser: ChatParser) -> KchatClient:
    base_url, user, secret = settings.credentials()
    return KchatClient(
        base_url=base_url,
        user=user,
        secret=secret,
        parser=parser,
        chats_path=settings.chats_path,
        per_page=settings.per_page,
        timeout=settings.request_timeout_seconds,
        retries=settings.request_retries,
        per_minute=settings.max_requests_per_minute,
        setting="KCHAT_BASE_URL" if settings.base_url else "KCHAT_SUBDOMAIN",
    )
