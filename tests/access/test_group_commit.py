"""What many threads give at one time becomes one transaction, and each is told when it is done."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence

import pytest

from kchat_search.access import group_commit
from kchat_search.access.group_commit import GroupCommit
from kchat_search.errors import AccessError, AuditUnwritable


class Disk:
    """Takes what is written, when it is let."""

    def __init__(self) -> None:
        self.transactions: list[list[int]] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.asked = threading.Event()
        self.fails: Exception | None = None

    def write(self, entries: Sequence[int]) -> None:
        self.asked.set()
        assert self.may_go_on.wait(60)
        if self.fails is not None:
            raise self.fails
        self.transactions.append(list(entries))


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def commits(disk: Disk) -> GroupCommit[int]:
    return GroupCommit(disk.write)


def test_what_comes_while_the_disk_is_busy_is_one_transaction(
    disk: Disk, commits: GroupCommit[int]
) -> None:
    disk.may_go_on.clear()
    tickets = [commits.add(0)]
    assert disk.asked.wait(60)
    tickets += [commits.add(number) for number in range(1, 50)]
    disk.may_go_on.set()
    for ticket in tickets:
        ticket.wait()
    assert disk.transactions == [[0], list(range(1, 50))]
    commits.close()


def test_wait_returns_after_the_write_and_not_before(disk: Disk, commits: GroupCommit[int]) -> None:
    disk.may_go_on.clear()
    ticket = commits.add(1)
    assert disk.asked.wait(60)
    returned = threading.Event()

    def wait() -> None:
        ticket.wait()
        returned.set()

    waiter = threading.Thread(target=wait)
    waiter.start()
    assert not returned.is_set()
    disk.may_go_on.set()
    waiter.join(60)
    assert returned.is_set()
    assert disk.transactions == [[1]]
    commits.close()


def test_all_of_a_failed_transaction_are_told_and_the_next_one_is_tried(
    disk: Disk, commits: GroupCommit[int]
) -> None:
    disk.fails = AccessError("The disk is full.")
    for _ in range(2):
        with pytest.raises(AuditUnwritable, match=r"not answered. The disk is full\."):
            commits.add(1).wait()
    disk.fails = None
    commits.add(2).wait()
    assert disk.transactions == [[2]]
    commits.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_the_writer_leaves_nobody_waiting_and_tells_nothing_of_itself(
    disk: Disk, commits: GroupCommit[int]
) -> None:
    disk.may_go_on.clear()
    disk.fails = TypeError("secret")
    first = commits.add(1)
    assert disk.asked.wait(60)
    second = commits.add(2)
    dying = commits._thread
    assert dying is not None
    disk.may_go_on.set()
    for ticket in (first, second):
        with pytest.raises(AuditUnwritable) as raised:
            ticket.wait()
        assert "secret" not in str(raised.value)
    dying.join(60)  # what it raises belongs to this test, and not to the next
    disk.fails = None
    commits.add(3).wait()  # by another thread
    commits.close()


def test_closing_writes_what_waits_and_takes_no_more(disk: Disk, commits: GroupCommit[int]) -> None:
    tickets = [commits.add(number) for number in range(10)]
    commits.close()
    for ticket in tickets:
        ticket.wait()
    assert [n for entries in disk.transactions for n in entries] == list(range(10))
    with pytest.raises(AuditUnwritable):
        commits.add(11)
    commits.close()


def test_no_more_wait_than_a_bound(
    disk: Disk, commits: GroupCommit[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MOST_WAITING", 3)
    disk.may_go_on.clear()
    commits.add(0)
    assert disk.asked.wait(60)
    for number in range(3):
        commits.add(number)
    with pytest.raises(AuditUnwritable, match="Too many"):
        commits.add(4)
    disk.may_go_on.set()
    commits.close()


def test_who_is_not_told_in_time_is_refused(
    disk: Disk, commits: GroupCommit[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "_WAIT_SECONDS", 0.01)
    disk.may_go_on.clear()
    with pytest.raises(AuditUnwritable, match="in time"):
        commits.add(1).wait()
    disk.may_go_on.set()
    commits.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_writes_its_own_entries_and_none_of_its_parents(
    disk: Disk, commits: GroupCommit[int]
) -> None:
    disk.may_go_on.clear()
    first = commits.add(1)
    assert disk.asked.wait(60)
    commits.add(2)

    def in_the_child() -> bool:
        disk.may_go_on = threading.Event()
        disk.may_go_on.set()
        commits.add(3).wait()
        commits.close()
        return disk.transactions == [[3]]

    assert child(in_the_child)
    disk.may_go_on.set()
    first.wait()
    commits.close()
    assert disk.transactions == [[1], [2]]


def child(run: Callable[[], bool]) -> bool:
    """Was it true in a forked process?"""
    pid = os.fork()
    if pid == 0:
        done = False
        try:
            done = run()
        finally:
            os._exit(0 if done else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
