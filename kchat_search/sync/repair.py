"""Repair: set right what is damaged in the archive, as far as that can be done.

What can be computed from what is sound is computed. A chat whose raw JSON is damaged is fetched
again, if Kchat still has it. What is lost is set aside as it is, and said. Every step is a
transaction of the archive, so a repair that is killed loses nothing: the next one goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

from kchat_search.errors import KchatError, KchatNotFound, SettingsError
from kchat_search.models.chats import FetchedChat, RejectedChat, Understand
from kchat_search.models.damage import DamagedRow, Repair, RepairOutcome, RepairReport
from kchat_search.models.reports import Progress
from kchat_search.ports import ArchiveCheck, ChatSource, Clock

Check = Callable[[Progress], tuple[int, Sequence[DamagedRow]]]
"""Checks the whole archive: (how many rows it has, what is wrong)."""

_ROUNDS = 4
"""Mending some damage shows other damage, such as sizes, which are counted last. More rounds than
these have never been needed."""
_CHATS_AT_ONCE = 50
_ASKED = ("gone", "refused", "later")
"""Kchat was asked for this chat and could not help."""

log = logging.getLogger(__name__)


class Repairer:
    """One repair. Call it within the indexer's lock."""

    def __init__(
        self,
        *,
        archive: ArchiveCheck,
        source: Callable[[], ChatSource],
        check: Check,
        understand: Understand,
        clock: Clock,
        progress: Progress,
    ) -> None:
        """`source` is asked for only if a chat must be fetched. It raises `SettingsError` if no
        account is configured, which counts as a failure of Kchat."""
        self._archive = archive
        self._source = source
        self._check = check
        self._understand = understand
        self._clock = clock
        self._progress = progress
        self._outcomes: dict[DamagedRow, tuple[RepairOutcome, str]] = {}

    def only_look(self) -> RepairReport:
        """Check, and say what a repair would do. Changes nothing."""
        rows, findings = self._check(self._progress)
        return RepairReport(rows, tuple(Repair(finding, "planned") for finding in findings))

    def repair(self) -> RepairReport:
        """Check, mend, fetch, and check again, until nothing is wrong or nothing helps. What Kchat
        could not give is in the report. Raises `ArchiveError`."""
        rows, findings = self._check(self._progress)
        before: set[DamagedRow] = set()
        for _ in range(_ROUNDS):
            if not findings or set(findings) == before:
                break
            before = set(findings)
            self._one_round(findings)
            rows, findings = self._check(self._progress)
        for finding in findings:
            outcome, detail = self._outcomes.get(finding, ("remains", ""))
            if outcome not in _ASKED:
                self._outcomes[finding] = ("remains", detail)
        repairs = (Repair(f, outcome, detail) for f, (outcome, detail) in self._outcomes.items())
        return RepairReport(rows, tuple(repairs))

    def _one_round(self, findings: Sequence[DamagedRow]) -> None:
        mended = self._archive.mend(findings, understand=self._understand, now=self._clock())
        self._note(mended.mended, "mended")
        self._note((row for row in mended.mended if row.remedy == "none"), "lost")
        wanted: dict[int, list[DamagedRow]] = {}
        for finding in mended.fetch:
            if finding.chat_id is not None:
                wanted.setdefault(finding.chat_id, []).append(finding)
        ids = sorted(wanted)
        for first in range(0, len(ids), _CHATS_AT_ONCE):
            self._fetch({i: wanted[i] for i in ids[first : first + _CHATS_AT_ONCE]})
            self._progress("fetch", min(first + _CHATS_AT_ONCE, len(ids)), len(ids))

    def _fetch(self, wanted: dict[int, list[DamagedRow]]) -> None:
        fetched: list[FetchedChat] = []
        for chat_id, findings in wanted.items():
            if any(self._outcomes.get(finding, ("",))[0] in _ASKED for finding in findings):
                continue
            try:
                answer = self._source().chat(chat_id)
            except KchatNotFound as error:
                self._note(findings, "gone", str(error))
            except (KchatError, SettingsError) as error:
                log.warning("Chat %d could not be fetched again: %s", chat_id, error)
                self._note(findings, "later", str(error))
            else:
                if isinstance(answer, RejectedChat):
                    self._note(findings, "refused", answer.reason)
                else:
                    fetched.append(answer)
        restored = self._archive.restore(fetched, now=self._clock()) if fetched else ()
        for chat_id in restored:
            self._note(wanted[chat_id], "fetched")

    def _note(
        self, findings: Iterable[DamagedRow], outcome: RepairOutcome, detail: str = ""
    ) -> None:
        self._outcomes |= dict.fromkeys(findings, (outcome, detail))
