"""How often Kchat is asked: what Kchat asks for, what the settings allow, for all threads
together."""

from __future__ import annotations

import threading

import pytest

from kchat_search.errors import KchatBusy
from kchat_search.kchat.client import KchatClient
from kchat_search.kchat.throttle import Throttle

from .conftest import Answer, MakeClient, ScriptedKchat, Time

GOOD = Answer.of({"chats": [{"id": 1}]})


def test_a_request_fails_at_once_where_kchat_asks_to_wait_longer_than_five_minutes(
    kchat: ScriptedKchat, client: KchatClient, time: Time
) -> None:
    kchat.say(Answer(429, headers={"Retry-After": "3600"}), GOOD)
    with pytest.raises(KchatBusy, match="3600 s"):
        client.page(1)
    assert time.slept == []
    assert len(kchat.requests) == 1


def test_the_pause_that_kchat_asked_for_holds_for_every_later_request(
    kchat: ScriptedKchat, client: KchatClient, time: Time
) -> None:
    kchat.say(Answer(503, headers={"Retry-After": "1000"}), GOOD)
    with pytest.raises(KchatBusy):
        client.page(1)
    time.sleep(600)
    with pytest.raises(KchatBusy, match="400 s of it are left"):
        client.page(1)
    assert len(kchat.requests) == 1
    time.sleep(200)
    client.page(1)  # 200 s are short enough to wait
    assert time.slept == [600, 200, 200]


def test_after_an_hour_kchat_is_asked_again_whatever_pause_it_asked_for(
    kchat: ScriptedKchat, client: KchatClient, time: Time
) -> None:
    kchat.say(Answer(429, headers={"Retry-After": "99999999"}), GOOD)
    with pytest.raises(KchatBusy):
        client.page(1)
    time.sleep(3600)
    client.page(1)


@pytest.mark.parametrize(("per_minute", "apart"), [(1, 60.0), (60, 1.0), (600, 0.1)])
def test_no_minute_has_more_requests_than_allowed(
    kchat: ScriptedKchat, make: MakeClient, time: Time, per_minute: int, apart: float
) -> None:
    client = make(per_minute=per_minute)
    kchat.say(GOOD, Answer(500), GOOD, GOOD, GOOD)
    begun = []
    for number in range(4):
        client.page(number + 1)
        begun.append(time.clock())
    assert len(kchat.requests) == 5  # one of them is a retry
    assert begun[0] == 0
    assert begun[-1] >= 4 * apart - 1e-6


def test_all_threads_together_stay_within_the_limit_of_a_minute() -> None:
    clock = [0.0]
    begun: list[float] = []
    lock = threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            clock[0] += seconds

    pause = Throttle(lambda: clock[0], sleep, per_minute=30)

    def ask() -> None:
        for _ in range(5):
            pause.wait()
            with lock:
                begun.append(clock[0])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    begun.sort()
    assert len(begun) == 20
    assert begun[-1] >= 19 * 2.0 - 1e-6


def test_a_429_pauses_every_thread(kchat: ScriptedKchat, make: MakeClient, time: Time) -> None:
    client = make(retries=0)
    kchat.say(Answer(429, headers={"Retry-After": "30"}), GOOD)
    with pytest.raises(KchatBusy):
        client.page(1)
    assert time.slept == []
    thread = threading.Thread(target=client.page, args=(2,))
    thread.start()
    thread.join(60)
    assert time.slept == [30.0]


def test_a_500_pauses_no_other_request(kchat: ScriptedKchat, make: MakeClient, time: Time) -> None:
    client = make(retries=0)
    kchat.say(Answer(500), GOOD)
    with pytest.raises(KchatBusy):
        client.page(1)
    client.page(2)
    assert time.slept == []
