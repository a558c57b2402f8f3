"""What a chat said before: from the stored versions to the differences between them.

This module is pure. `Reading` tells it how to read Kchat's JSON. Invariants: nothing that is shown
has an upload token. Two versions without differences may still differ in what does not count: the
order of keys, renewed tokens and signatures of uploads, null instead of an absent field, another
form of a number (1, 1.0, true).

A chat of thousands of messages may have dozens of versions, nearly all of them alike. So versions
are decoded one after the other, their raw messages are compared first, and only those that differ
are read as messages.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import count, pairwise
from typing import Any, Literal, overload

from kchat_search import processor_time
from kchat_search.chats.visible_text import visible_text
from kchat_search.models.chats import Message, StoredVersion
from kchat_search.models.damage import DamagedRow

DifferenceKind = Literal["added", "removed", "changed", "recalled"]
Json = dict[str, Any]
Key = tuple[int | None, int]
_CHECK_EVERY = 256
"""Messages between two looks at the processor time."""
_KEPT = 4
"""Versions that are kept in memory: the one that is compared, and its neighbours."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How Kchat's JSON is read: four functions of `kchat_search.kchat`, which this room does not
    import. `composition` hands them over."""

    sent_messages: Callable[[object], Sequence[Json]]
    """From what a chat has as `messages` to the messages as they were sent, in the order of
    `Chat.messages`."""
    parse_messages: Callable[[Sequence[Json]], tuple[Message, ...]]
    """From sent messages to messages, in the same order."""
    without_upload_tokens: Callable[[object], object]
    """From a JSON value to a copy that may be shown, without the upload tokens."""
    stable_content: Callable[[object], object]
    """From a JSON value to a copy without what Kchat renews at will; two values with equal copies
    are the same content."""


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A field of a chat or of a message that changed. Its values are JSON; None where the field was
    null or absent."""

    name: str
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class MessageDifference:
    """A message that was added, removed, recalled or otherwise changed."""

    kind: DifferenceKind
    before: Message | None
    """None for a message that was added."""
    after: Message | None
    """None for a message that was removed."""
    fields: tuple[FieldDifference, ...] = ()
    """What else changed: all fields but the visible text and, for a recall, `recalled`. `position`
    is one of them only where the message itself moved, not where messages before it came or went.
    `msg` is one only where its visible text is the same."""

    @property
    def message(self) -> Message:
        """The message as it is after the change. A removed message is as it was."""
        message = self.after or self.before
        assert message is not None
        return message

    @property
    def text_changed(self) -> bool:
        """Did its visible text change? True for a message that was added or removed."""
        return self.before is None or self.after is None or _differ(self.before, self.after)


Difference = FieldDifference | MessageDifference


@dataclass(frozen=True, slots=True)
class Version:
    """One version, and its differences from the version before."""

    number: int
    digest: str
    seen_at: datetime | None
    """When this version was first seen; None for one that is damaged."""
    until: datetime | None
    """When the next version that can be read was first seen; None where there is none."""
    differences: tuple[Difference, ...]
    """First fields of the chat, then messages by position. Empty for the first version, for one
    that is damaged, and for the one after that."""
    is_present: bool = False
    damage: DamagedRow | None = None
    """Why this version can't be read; None for one that can."""
    follows_damage: bool = False
    """The version before can't be read, so nobody knows what changed."""


class StoredVersions(Sequence["StoredVersion | DamagedRow"]):
    """The versions of one chat, each read when it is asked for. The last few are kept.

    A chat may have hundreds of versions of some megabytes, and a page shows twenty.
    """

    def __init__(
        self, count: int, load: Callable[[int], Sequence[StoredVersion | DamagedRow]]
    ) -> None:
        """`count`: how many there are. `load` reads the version with a number, from 1; its answer
        is empty if it is gone."""
        self._count = count
        self._load = lru_cache(_KEPT)(load)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> StoredVersion | DamagedRow: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[StoredVersion | DamagedRow]: ...
    def __getitem__(
        self, index: int | slice
    ) -> StoredVersion | DamagedRow | Sequence[StoredVersion | DamagedRow]:
        if isinstance(index, slice):
            return [self[each] for each in range(self._count)[index]]
        number = range(1, self._count + 1)[index]
        found = self._load(number)
        return (
            found[0] if found else DamagedRow("versions", "its row is missing", "none", 0, number)
        )


class History:
    """The versions of one chat, oldest first. Indexes count from 0; numbers are the archive's, 1,
    2, 3 without a gap."""

    def __init__(
        self,
        stored: Sequence[StoredVersion | DamagedRow],
        reading: Reading,
        seen: Callable[[Json], Json] = lambda sent: sent,
    ) -> None:
        """`stored`: all of them. They are read as the walk comes to them. `seen`: from a chat as
        Kchat sent it to what may be seen of it; nothing else is looked at."""
        self._stored = stored
        self._reading = reading
        self._seen = seen

    def __len__(self) -> int:
        return len(self._stored)

    def index_of(self, number: int) -> int | None:
        """The index of the version with this number; None if there is none."""
        return number - 1 if 1 <= number <= len(self._stored) else None

    def size(self, indexes: Iterable[int]) -> int:
        """How many characters of JSON the versions with these indexes have together."""
        chosen = (self._stored[index] for index in indexes)
        return sum(len(stored.raw) for stored in chosen if isinstance(stored, StoredVersion))

    def walk(self, start: int = 0, stop: int | None = None) -> Iterator[Version]:
        """The versions with the indexes from `start` to before `stop`. Each is compared with the
        one before it when the walk reaches it.

        Raises `RequestTooExpensive` where a request may not take so long."""
        before = self._decoded(start - 1) if start else None
        for index in range(len(self._stored))[start:stop]:
            stored, is_present = self._stored[index], index == len(self._stored) - 1
            if isinstance(stored, DamagedRow):
                number = stored.version or index + 1
                yield Version(number, "", None, None, (), is_present, damage=stored)
                before = None
                continue
            processor_time.check()
            sent = self._seen(decoded(stored.raw))
            yield Version(
                number=stored.version,
                digest=stored.digest,
                seen_at=stored.seen_at,
                until=self._until(index),
                differences=() if before is None else differences(before, sent, self._reading),
                is_present=is_present,
                follows_damage=bool(index) and before is None,
            )
            before = sent

    def sent(self, index: int) -> Mapping[str, object] | None:
        """The chat as Kchat sent it in this version, without the upload tokens; None for a version
        that is damaged."""
        sent = self._decoded(index)
        if sent is None:
            return None
        cleaned = self._reading.without_upload_tokens(sent)
        assert isinstance(cleaned, dict)
        return cleaned

    def _decoded(self, index: int) -> Json | None:
        stored = self._stored[index]
        return None if isinstance(stored, DamagedRow) else self._seen(decoded(stored.raw))

    def _until(self, index: int) -> datetime | None:
        following = (self._stored[after] for after in range(index + 1, len(self._stored)))
        return next((one.seen_at for one in following if isinstance(one, StoredVersion)), None)


def decoded(raw: str) -> Json:
    """A chat of the archive as the JSON object that Kchat sent. The archive has no other JSON."""
    sent = json.loads(raw)
    assert isinstance(sent, dict)
    return sent


def differences(before: Json, after: Json, reading: Reading) -> tuple[Difference, ...]:
    """The differences between two versions of a chat, each as Kchat sent it."""
    messages = _message_differences(before.get("messages"), after.get("messages"), reading)
    return (*_field_differences(before, after, reading, ("messages",)), *messages)


def value_text(value: object) -> str:
    """A JSON value as text for people: a string as it is, null as "", all else as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def _field_differences(
    before: Json, after: Json, reading: Reading, ignored: Sequence[str] = ()
) -> Iterator[FieldDifference]:
    for name in dict.fromkeys((*after, *before)):
        old, new = before.get(name), after.get(name)
        if name in ignored or old == new:
            continue
        if _content_field(name, old, reading) == _content_field(name, new, reading):
            continue  # the usual case is an upload with a new token, and this check is quick
        shown_old, shown_new = _shown_field(name, old, reading), _shown_field(name, new, reading)
        if _content_field(name, shown_old, reading) != _content_field(name, shown_new, reading):
            yield FieldDifference(name, shown_old, shown_new)


def _shown_field(name: str, value: object, reading: Reading) -> object:
    """What may be shown of a value. It depends on the name of the field."""
    cleaned = reading.without_upload_tokens({name: value})
    return cleaned.get(name) if isinstance(cleaned, dict) else None


def _content_field(name: str, value: object, reading: Reading) -> object:
    content = reading.stable_content({name: value})
    return content.get(name) if isinstance(content, dict) else None


def _message_differences(before: object, after: object, reading: Reading) -> list[Difference]:
    old_messages, new_messages = reading.sent_messages(before), reading.sent_messages(after)

    compared = count()

    def same(old: Json, new: Json) -> bool:
        if not next(compared) % _CHECK_EVERY:
            processor_time.check()
        return old == new or next(_field_differences(old, new, reading), None) is None

    middle = _middle(old_messages, new_messages, same)
    alike = {
        position
        for position in set(range(*middle[0])) & set(range(*middle[1]))
        if same(old_messages[position], new_messages[position])
    }
    old_by_key, new_by_key, moved = _read_both(old_messages, new_messages, middle, alike, reading)
    if moved & alike:  # a message kept its position, but others moved past it
        old_by_key, new_by_key, moved = _read_both(
            old_messages, new_messages, middle, set(), reading
        )
    changed = []
    for number, key in enumerate(new_by_key.keys() & old_by_key.keys()):
        if not number % _CHECK_EVERY:
            processor_time.check()
        old, new = old_by_key[key], new_by_key[key]
        sent = (old_messages[old.position], new_messages[new.position])
        changed.append(_message_difference((old, new), sent, new.position in moved, reading))
    changed += [
        MessageDifference("added", None, new_by_key[key])
        for key in new_by_key.keys() - old_by_key.keys()
    ]
    changed += [
        MessageDifference("removed", old_by_key[key], None)
        for key in old_by_key.keys() - new_by_key.keys()
    ]
    by_position = [difference for difference in changed if difference is not None]
    by_position.sort(key=lambda d: (d.message.position, d.after is not None))
    if not by_position and _outline(before) != _outline(after):
        return [FieldDifference("messages", _outline(before), _outline(after))]
    return list(by_position)


def _outline(value: object) -> object:
    """What tells two lists of equal messages apart: is it a list, and where are its nulls? An
    object that is meant as a list is as good as one."""
    if isinstance(value, dict):
        return [{}] * len(value)
    return [None if item is None else {} for item in value] if isinstance(value, list) else value


def _middle(
    old_messages: Sequence[Json], new_messages: Sequence[Json], same: Callable[[Json, Json], bool]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """`[start, end)` in each list, without the messages that both lists begin with and end with."""
    shortest = min(len(old_messages), len(new_messages))
    head = 0
    while head < shortest and same(old_messages[head], new_messages[head]):
        head += 1
    tail = 0
    while tail < shortest - head and same(old_messages[-1 - tail], new_messages[-1 - tail]):
        tail += 1
    return (head, len(old_messages) - tail), (head, len(new_messages) - tail)


def _read_both(
    old_messages: Sequence[Json],
    new_messages: Sequence[Json],
    middle: tuple[tuple[int, int], tuple[int, int]],
    alike: set[int],
    reading: Reading,
) -> tuple[dict[Key, Message], dict[Key, Message], set[int]]:
    """(the old messages of the middle, the new ones, the positions after of those that moved).
    Messages at `alike` positions are not read, because they are the same in both lists."""
    old_by_key = _read(
        old_messages, [index for index in range(*middle[0]) if index not in alike], reading
    )
    new_by_key = _read(
        new_messages, [index for index in range(*middle[1]) if index not in alike], reading
    )
    before = {
        new_by_key[key].position: old_by_key[key].position
        for key in new_by_key.keys() & old_by_key.keys()
    }
    return old_by_key, new_by_key, _moved({position: position for position in alike} | before)


def _read(sent: Sequence[Json], positions: Sequence[int], reading: Reading) -> dict[Key, Message]:
    """The messages at these positions, by a key that identifies them: the id, and a count of the
    messages with this id before; or None and the position. A server may send one id twice."""
    if not positions:
        return {}
    messages = reading.parse_messages([sent[position] for position in positions])
    seen: Counter[int] = Counter()
    by_key = {}
    for position, message in zip(positions, messages, strict=True):
        key = (message.id, position)
        if message.id is not None:
            key = (message.id, seen[message.id])
            seen[message.id] += 1
        by_key[key] = message._replace(position=position)
    return by_key


def _moved(before: Mapping[int, int]) -> set[int]:
    """The positions after of the messages that left their order; `before` has the position before,
    by the position after.

    A longest increasing subsequence of the positions before kept its order; all others moved. It is
    found by the usual method, with the smallest end of an increasing subsequence of each length.
    """
    order = sorted(before)
    if all(before[a] < before[b] for a, b in pairwise(order)):
        return set()
    ends: list[int] = []
    lengths: list[tuple[int, int]] = []  # (length, less one, that ends here; position after)
    for position in order:
        length = bisect_left(ends, before[position])
        ends[length : length + 1] = [before[position]]
        lengths.append((length, position))
    unmoved = set()
    next_length = len(ends) - 1
    limit = max(before.values()) + 1
    for length, position in reversed(lengths):
        if length == next_length and before[position] < limit:
            unmoved.add(position)
            next_length, limit = next_length - 1, before[position]
    return set(order) - unmoved


def _message_difference(
    pair: tuple[Message, Message],
    sent: tuple[Json, Json],
    moved: bool,  # noqa: FBT001 - the third of three facts about one message
    reading: Reading,
) -> MessageDifference | None:
    """The difference of a message that is in both versions; None if there is none."""
    old, new = pair
    recalled = new.recalled and not old.recalled
    text_changed = _differ(old, new)  # where only the raw form did, the field «msg» says so
    named = (("recalled", recalled), ("msg", text_changed))  # the kind and the texts say these
    ignored = [name for name, is_said in named if is_said]
    fields = list(_field_differences(*sent, reading, ignored))
    if moved:
        fields.append(FieldDifference("position", old.position, new.position))
    if not (recalled or text_changed or fields):
        return None
    return MessageDifference("recalled" if recalled else "changed", old, new, tuple(fields))


def _differ(old: Message, new: Message) -> bool:
    """Did people see different texts?"""
    return old.text != new.text and visible_text(old.text) != visible_text(new.text)
