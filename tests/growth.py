"""How a call's time grows with its input: is it linear?

Time is the processor time of this process, so that a busy machine makes no difference. Nothing
counts below `FLOOR`, where the clock is coarse and calls have a fixed cost.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

FLOOR = 0.02
"""Seconds. A call that takes less is quick enough, whatever its growth is. Linear calls take a few
milliseconds for the longest of `SIZES`, quadratic ones take hundreds."""
PART = 8
"""A call is compared with one that has an eighth of its input. Linear time is then eight times as
long, quadratic time 64 times: no noise of a busy machine reaches from the one to the other."""
MOST = 2.0
"""The time grows at most so many times as much as the input: eight times the input takes at most
sixteen times the time."""
SIZES = (*range(14, 32, 2), 36, 48, 64, 256, 1_024, 4_096, 16_384)
"""The lengths of inputs that are tried. The first are close to each other, because an exponential
call with 40 characters would never end."""
SURE = 1_024
"""From this size on a call may be so quick that the largest size need not be tried: even cubic
growth would leave it below the floor. It is more than any pattern counts (`test_patterns.py`)."""
_ATTEMPTS = 6
_CLEAR = 2 * MOST
"""Growth that more attempts would not explain: of quadratic calls it is four times `MOST`."""

Input = TypeVar("Input", str, bytes)


def seconds(call: Callable[[], object]) -> float:
    """The processor time of a call, without the time of the garbage collector: that depends on how
    many objects the other tests have left."""
    gc.disable()
    try:
        began = time.process_time()
        call()
        return time.process_time() - began
    finally:
        gc.enable()


def superlinear(
    call: Callable[[Input], object],
    make: Callable[[int], Input],
    sizes: tuple[int, ...] = SIZES,
    floor: float = FLOOR,
) -> str | None:
    """What is wrong with the growth of `call(make(n))`; None if nothing is. `make(n)` makes an
    input of about `n` characters."""
    for size in sizes:
        large = make(size)
        long = seconds(lambda: call(large))  # noqa: B023 - called at once
        if long >= floor:
            break
        if size >= SURE and max(long, 1e-6) * (sizes[-1] / size) ** 3 < floor:
            return None
    else:
        return None
    small = make(max(1, size // PART))
    short = min(seconds(lambda: call(small)) for _ in range(3))
    growth = 0.0
    for attempt in range(_ATTEMPTS):
        growth = long / max(short, 1e-4) / (len(large) / max(1, len(small)))
        if growth <= MOST or long < floor:
            return None
        if attempt and growth > _CLEAR:
            break
        gc.collect()
        long = min(long, *(seconds(lambda: call(large)) for _ in range(3)))
        short = min(short, *(seconds(lambda: call(small)) for _ in range(3)))
    times = growth * len(large) / max(1, len(small))
    return f"{len(large):,} characters take {times:.0f} times as long as {len(small):,}"


def spread(pieces: list[str]) -> Iterator[tuple[str, Callable[[int], str]]]:
    """(a description, what makes an input of about `n` characters) of adversarial inputs made from
    these pieces: each repeated, alone, behind each other one, before what breaks the run."""
    for one in pieces:
        for two in pieces:
            for end in ("", "\0", "\n", "x "):
                yield f"{one!r} + {two!r} * n + {end!r}", _maker(one, two, end)
            if one != two:
                yield f"({one!r} + {two!r}) * n", _maker("", one + two, "")


def _maker(start: str, repeated: str, end: str) -> Callable[[int], str]:
    return lambda size: start + repeated * max(1, size // len(repeated)) + end
