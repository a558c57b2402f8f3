"""The composition root: the one place that knows who stands behind the ports."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from kchat_search.access import policy
from kchat_search.access.copying import ACCESS_COPY
from kchat_search.access.on_demand import AccessOnDemand
from kchat_search.access.opening import open_access
from kchat_search.access.recorder import SettlingRecorder
from kchat_search.archive import SqlArchive, open_archive
from kchat_search.archive.copying import ARCHIVE_COPY
from kchat_search.archive.people_mark import PeopleMark
from kchat_search.chats.history import Reading
from kchat_search.chats.reader import ChatReader
from kchat_search.config import Settings, SettingsOfWeb
from kchat_search.databases import copying
from kchat_search.databases.connections import OnPostgres
from kchat_search.databases.opening import filled_tables, location_of
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.engines.whoosh.generations import narrow_index
from kchat_search.errors import SettingsError
from kchat_search.gate import NOT_RECORDED, Gate
from kchat_search.kchat.client import KchatClient
from kchat_search.kchat.parse import ChatParser
from kchat_search.kchat.same_content import SameContent
from kchat_search.kchat.upload_tokens import (
    chat_without_upload_tokens,
    stable_content,
    without_upload_tokens,
)
from kchat_search.meaning.table import shipped
from kchat_search.models.account import AccountDoor
from kchat_search.models.copies import Copied
from kchat_search.models.people import OWNER, Entrance, Principal, Role
from kchat_search.models.reports import Alert, Presentation, Progress, no_progress
from kchat_search.oidc.claims import Rules
from kchat_search.oidc.provider import OpenIdProvider
from kchat_search.oidc.sign_in import ProviderSignIn
from kchat_search.oidc.transport import Client
from kchat_search.ports import Access, Clock, Election, Engine, Recorder
from kchat_search.search.recent_chats import RecentChats
from kchat_search.search.searcher import Searcher
from kchat_search.service import Service
from kchat_search.sync.hot import HotQuestions
from kchat_search.sync.indexer import Indexer
from kchat_search.sync.lock import IndexerLock
from kchat_search.sync.policy import SyncPolicy
from kchat_search.sync.refit import Refitter
from kchat_search.sync.run import Syncer
from kchat_search.sync.scrub import Scrubber
from kchat_search.sync.scrub_pace import Pace
from kchat_search.sync.tables import Tables
from kchat_search.text.segmentation import Segmenter

_TRY_SECONDS = 10.0
"""So long somebody waits to hear whether the account works."""


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


def make_service(settings: Settings, clock: Clock = utc_now) -> Service:
    """The program for its owner, at the command line. Raises as `make_gate` does."""
    return make_gate(settings, clock).for_(OWNER)


def owners_recorder(settings: Settings, gate: Gate, owner: Principal) -> Recorder:
    """Records what the owner does at the command line, at once; nothing, as long as there are no
    people. Raises `AccessError` where that can't be known."""
    access = gate.access
    # A command makes no database of people where there never was one.
    mark = PeopleMark(lambda: closing(_open_archive(settings)), gate.clock)
    may_have_people = has_people_there(settings) or mark.is_set()
    has_people = access is not None and may_have_people and access.people.ever()
    return SettlingRecorder(access.audit, owner) if access and has_people else NOT_RECORDED


def has_people_there(settings: Settings) -> bool:
    """May there be a database of people? False where its file was never made."""
    return _is_there(settings.access_url)


def _is_there(url: str) -> bool:
    file = url.strip().removeprefix("sqlite:///")
    return file == url.strip() or Path(file).exists()


def make_gate(
    settings: Settings,
    clock: Clock = utc_now,
    told: Callable[[], Alert | None] = lambda: None,
    account: AccountDoor | None = None,
) -> Gate:
    """Build the program. No request is sent to Kchat and no dictionary is loaded until the first
    use. `told`: what a parent process says of the indexer that it keeps; `account`: the way to the
    account that it holds.

    Raises `SettingsError` for settings that can't be used, `ArchiveError` where the archive
    can't be opened.
    """
    archive = _open_archive(settings)
    access = AccessOnDemand(lambda: _open_access(settings, clock, lambda: nullcontext(archive)))
    try:
        return Gate(
            owners=replace(_owners_service(settings, clock, told, archive), account=account),
            agents_see=settings.agents_see,
            access=access,
            elsewhere=_sign_in_elsewhere(settings, access, clock),
        )
    except BaseException:
        archive.close()
        raise


def copy_database(
    settings: Settings, source: str, target: str, progress: Progress = no_progress
) -> Copied:
    """Copy an archive or a database of people, whichever is at the address `source`, to `target`;
    see `databases.copying`. Raises `ArchiveError` or `AccessError`."""
    there = filled_tables(replace(ARCHIVE_COPY.kind, setting="FROM"), source)
    subject = ACCESS_COPY if ACCESS_COPY.kind.version_table in there else ARCHIVE_COPY
    return copying.copy_database(
        subject, source, target, on_postgres=_on_postgres(settings), progress=progress
    )


def _sign_in_elsewhere(settings: Settings, access: Access, clock: Clock) -> ProviderSignIn | None:
    """Sign-in by OpenID Connect, where it is set up. The provider is not asked yet."""
    url, client_id = settings.oidc_configuration_url, settings.oidc_client_id
    if url is None or client_id is None:
        return None
    groups: dict[Role, str] = dict(settings.oidc_groups.items())
    secret = settings.oidc_client_secret if isinstance(settings, SettingsOfWeb) else None
    provider = OpenIdProvider(
        url,
        Client(client_id, secret.get_secret_value() if secret else None, settings.oidc_scopes),
        Rules(settings.oidc_groups_claim, groups, settings.oidc_agent_id_claim),
        clock,
    )
    return ProviderSignIn(
        provider,
        access,
        clock,
        time.sleep,
        name=settings.oidc_provider_name,
        auto_redirect=settings.oidc_auto_redirect,
    )


def make_access(settings: Settings, clock: Clock = utc_now) -> Access:
    """The database of people alone, for commands that are about nothing else. The archive is
    opened when a person is added. Raises `AccessError`."""
    return _open_access(settings, clock, lambda: closing(_open_archive(settings)))


def access_beside_copy(settings: Settings, target: str, clock: Clock = utc_now) -> Access | None:
    """The database of people, to record that something is copied to `target`; None where there is
    none yet, or it is the copy. No archive is opened: it may be the copy too, which must be empty.
    Raises `AccessError`, and for a `target` that is no address."""
    people = ACCESS_COPY.kind
    to = location_of(replace(people, setting="TO"), target)
    if to == location_of(people, settings.access_url) or not has_people_there(settings):
        return None
    return _open_access(settings, clock, None)


def _open_access(
    settings: Settings,
    clock: Clock,
    archive: Callable[[], AbstractContextManager[SqlArchive]] | None,
) -> Access:
    return open_access(
        settings.access_url,
        clock,
        mark=None if archive is None else PeopleMark(archive, clock),
        session_idle=timedelta(minutes=settings.session_idle_minutes),
        session_longest=timedelta(hours=settings.session_hours),
        agents_see_own=settings.agents_see == "own",
        on_postgres=_on_postgres(settings),
    )


def _open_archive(settings: Settings) -> SqlArchive:
    return open_archive(
        settings.archive_url,
        on_postgres=_on_postgres(settings),
        adds_nothing=SameContent(ChatParser(settings.zone)),
    )


def _on_postgres(settings: Settings) -> OnPostgres:
    return OnPostgres(settings.database_pool_size, settings.database_statement_seconds)


def _owners_service(
    settings: Settings, clock: Clock, told: Callable[[], Alert | None], archive: SqlArchive
) -> Service:
    parser = ChatParser(settings.zone)
    chat_reader = ChatReader(parser.parse_archived)
    segmenter = _segmenter(settings)
    lock: Election = archive.election() or IndexerLock(settings.index_dir)
    engine = _engine(settings, lock.term)
    indexer = Indexer(
        archive=archive,
        engine=engine,
        segmenter=segmenter,
        chat_reader=chat_reader,
        zone=settings.zone,
        tables=Tables(shipped if settings.meaning else None),
        rebuilding=lambda progress: lock.rebuilding(progress, clock),
        check=lock.check,
    )
    return Service(
        principal=OWNER,
        permissions=policy.permissions(OWNER),
        recorder=NOT_RECORDED,
        presentation=_presentation(settings),
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
            recent_chats=RecentChats(chat_reader),
            viewer=policy.viewer(OWNER, settings.agents_see),
            meaning=settings.meaning,
        ),
        indexer=indexer,
        syncer=_syncer(settings, parser, archive, indexer, clock),
        lock=lock,
        scrubber=_scrubber(settings, parser, archive, indexer, clock),
        refitter=Refitter(archive=archive, indexer=indexer, clock=clock, zone=settings.zone),
        hot_questions=HotQuestions(
            archive=archive,
            engine=engine,
            segmenter=segmenter,
            chat_reader=chat_reader,
            zone=settings.zone,
            clock=clock,
        ),
        told=told,
    )


def _presentation(settings: Settings) -> Presentation:
    return Presentation(
        zone=settings.zone,
        demo=settings.demo,
        sync_interval_seconds=settings.sync_interval_seconds,
        kchat_chat_url=settings.kchat_chat_url,
        image_origins=settings.allowed_image_origins,
        request_processor_seconds=settings.request_processor_seconds,
        entrance=Entrance(
            public_url=settings.public_url,
            trusted_proxies=settings.trusted_networks,
            remote_user_header=settings.remote_user_header,
            requests_per_minute=settings.requests_per_minute,
            password_login=settings.password_login,
        ),
        agents_see=settings.agents_see,
        access_settings=settings.who_sees_what,
    )


def _segmenter(settings: Settings) -> Segmenter:
    try:
        return Segmenter(settings.user_dict)
    except ValueError as error:
        raise SettingsError(f"KCHAT_USER_DICT must be a text file in UTF-8: {error}") from error


def _syncer(
    settings: Settings, parser: ChatParser, archive: SqlArchive, indexer: Indexer, clock: Clock
) -> Syncer:
    return Syncer(
        archive=archive,
        # One client for all syncs: if Kchat asks in one tick to wait, the next tick waits too.
        source=cache(lambda: _client(settings, parser)),
        indexer=indexer,
        policy=_sync_policy(settings),
        clock=clock,
        zone=settings.zone,
    )


def _scrubber(
    settings: Settings, parser: ChatParser, archive: SqlArchive, indexer: Indexer, clock: Clock
) -> Scrubber:
    return Scrubber(
        archive=archive,
        engine=indexer.engine,
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


def _engine(settings: Settings, term: Callable[[], int]) -> Engine:
    """What holds the index, by `KCHAT_ENGINE`; `term` numbers the writes of this process as the
    indexer. No server is asked yet. Raises `SettingsError`."""
    if settings.engine == "whoosh":
        narrow_index(settings.index_dir)
        return WhooshEngine(
            settings.index_dir, settings.index_processes or None, settings.index_memory_mb << 20
        )
    try:  # an extra; who does not use it need not have it, nor wait for its import
        from kchat_search.engines.opensearch.connection import Cluster  # noqa: PLC0415
        from kchat_search.engines.opensearch.engine import OpenSearchEngine  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"KCHAT_ENGINE=opensearch needs the package {error.name}: pip install "
            "'kchat-search[opensearch]'"
        ) from error
    password, api_key = settings.opensearch_password, settings.opensearch_api_key
    return OpenSearchEngine(
        Cluster(
            settings.opensearch_addresses,
            settings.opensearch_prefix,
            settings.opensearch_user,
            password.get_secret_value() if password else None,
            api_key.get_secret_value() if api_key else None,
            settings.opensearch_ca,
            settings.opensearch_timeout_seconds,
            settings.opensearch_shards,
            settings.opensearch_replicas,
            settings.index_processes,
            settings.opensearch_refresh_seconds,
        ),
        term,
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


def count_chats_at_kchat(settings: Settings) -> int | None:
    """Ask Kchat once, for one chat: does it take the account? Returns how many chats it counts, if
    it says so. Raises `SettingsError`, and as `KchatClient.page` does."""
    once = {
        "request_retries": 0,
        "request_timeout_seconds": min(settings.request_timeout_seconds, _TRY_SECONDS),
    }
    with closing(_client(settings.model_copy(update=once), ChatParser(settings.zone))) as client:
        return client.page(1, per_page=1).count


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
