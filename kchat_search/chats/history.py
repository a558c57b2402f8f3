"""What a chat said before: from the versions that the archive keeps to what changed between them.

Pure; how Kchat's JSON is read is given by who knows it (`Reading`). Invariants: whatever is shown
has no upload token; a version without changes differs from the one before in nothing but what is
no change: the order of keys, renewed tokens and signatures of uploads, null for an absent field,
another form of a number (1, 1.0, true).

A chat of thousands of messages may have dozens of versions, nearly all of them alike. So one
version after the other is decoded, what stands alike in both is passed over as it came, and only
the rest is read as messages.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal

from kchat_search.models.chats import Chat, Message, StoredVersion

Kind = Literal["added", "removed", "changed", "recalled"]
Json = dict[str, Any]
Key = tuple[int | None, int]


@dataclass(frozen=True, slots=True)
class Reading:
    """How Kchat's JSON is read."""

    chat: Callable[[str], Chat]
    shown: Callable[[object], object]
    """From a JSON value to what may be shown of it: upload tokens removed."""
    content: Callable[[object], object]
    """From a JSON value to what of it is content: without what Kchat renews at will."""


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A field of a chat or of a message; its values are JSON, None where it was null or absent."""

    name: str
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class MessageDifference:
    """A message that came, went, was recalled or otherwise changed."""

    kind: Kind
    before: Message | None
    """None for one that was added."""
    after: Message | None
    """None for one that was removed."""
    fields: tuple[FieldDifference, ...] = ()
    """What else changed of it: all fields but the text and, of a recall, `recalled`. `position` is
    among them where the message moved, and not where others came or went before it."""

    @property
    def message(self) -> Message:
        """As it is after the change; one that was removed, as it was."""
        message = self.after or self.before
        assert message is not None
        return message

    @property
    def text_changed(self) -> bool:
        """Does it say something else than before? True for what was added or removed."""
        return self.before is None or self.after is None or self.before.text != self.after.text


Difference = FieldDifference | MessageDifference


@dataclass(frozen=True, slots=True)
class Version:
    """One version, and what changed from the one before."""

    number: int
    digest: str
    seen_at: datetime
    """When this version was first seen."""
    until: datetime | None
    """When the next was; None for the present one."""
    differences: tuple[Difference, ...]
    """Fields of the chat first, then messages by position; empty for the first version."""


class History:
    """The versions of one chat, oldest first. Places count from 0."""

    def __init__(self, stored: Sequence[StoredVersion], reading: Reading) -> None:
        self._stored = stored
        self._reading = reading

    def __len__(self) -> int:
        return len(self._stored)

    def place(self, number: int) -> int | None:
        """Where the version of this number stands; None if there is none."""
        numbers = (one.version for one in self._stored)
        return next((place for place, found in enumerate(numbers) if found == number), None)

    def size(self, places: Iterable[int]) -> int:
        """How many characters of JSON these versions have together."""
        return sum(len(self._stored[place].raw) for place in places)

    def walk(self, start: int = 0, stop: int | None = None) -> Iterator[Version]:
        """The versions at the places from `start` to before `stop`, compared while walked."""
        before: Json | None = decoded(self._stored[start - 1].raw) if start else None
        following = [*self._stored[1:], None]
        for one, after in list(zip(self._stored, following, strict=True))[start:stop]:
            present = decoded(one.raw)
            yield Version(
                number=one.version,
                digest=one.digest,
                seen_at=one.seen_at,
                until=after.seen_at if after else None,
                differences=() if before is None else differences(before, present, self._reading),
            )
            before = present

    def sent(self, place: int) -> Mapping[str, object]:
        """The chat as Kchat sent it then, upload tokens removed."""
        shown = self._reading.shown(decoded(self._stored[place].raw))
        assert isinstance(shown, dict)
        return shown


def decoded(raw: str) -> Json:
    """A chat of the archive, where its JSON is always whole, as the object that was sent."""
    found = json.loads(raw)
    assert isinstance(found, dict)
    return found


def differences(before: Json, after: Json, reading: Reading) -> tuple[Difference, ...]:
    """What changed between two versions of a chat, each as Kchat sent it."""
    messages = _messages_changed(before.get("messages"), after.get("messages"), reading)
    return (*_fields_changed(before, after, reading, ("messages",)), *messages)


def value_text(value: object) -> str:
    """A JSON value in words: text as it is, nothing as "", all else as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def _fields_changed(
    before: Json, after: Json, reading: Reading, but: Sequence[str] = ()
) -> Iterator[FieldDifference]:
    for name in dict.fromkeys((*after, *before)):
        old, new = before.get(name), after.get(name)
        if name in but or old == new:
            continue
        if _content_field(name, old, reading) == _content_field(name, new, reading):
            continue  # the usual case, an upload with a new token: soon told
        shown_old, shown_new = _shown_field(name, old, reading), _shown_field(name, new, reading)
        if _content_field(name, shown_old, reading) != _content_field(name, shown_new, reading):
            yield FieldDifference(name, shown_old, shown_new)


def _shown_field(name: str, value: object, reading: Reading) -> object:
    """What may be shown of a value depends on the key it stands under."""
    shown = reading.shown({name: value})
    return shown.get(name) if isinstance(shown, dict) else None


def _content_field(name: str, value: object, reading: Reading) -> object:
    content = reading.content({name: value})
    return content.get(name) if isinstance(content, dict) else None


def _messages_changed(before: object, after: object, reading: Reading) -> list[Difference]:
    olds, news = _listed(before), _listed(after)

    def same(old: Json, new: Json) -> bool:
        return old == new or next(_fields_changed(old, new, reading), None) is None

    middle = _middle(olds, news, same)
    alike = {
        place
        for place in set(range(*middle[0])) & set(range(*middle[1]))
        if same(olds[place], news[place])
    }
    was, now, moved = _read_both(olds, news, middle, alike, reading)
    if moved & alike:  # one that stands where it stood, but others passed it
        was, now, moved = _read_both(olds, news, middle, set(), reading)
    found = []
    for key in now.keys() & was.keys():
        old, new = was[key], now[key]
        sent = (olds[old.position], news[new.position])
        found.append(_message_changed((old, new), sent, new.position in moved, reading))
    found += [MessageDifference("added", None, now[key]) for key in now.keys() - was.keys()]
    found += [MessageDifference("removed", was[key], None) for key in was.keys() - now.keys()]
    by_place = [one for one in found if one is not None]
    by_place.sort(key=lambda one: (one.message.position, one.after is not None))
    if not by_place and _outline(before) != _outline(after):
        return [FieldDifference("messages", _outline(before), _outline(after))]
    return list(by_place)


def _listed(value: object) -> list[Json]:
    """The messages, as `Chat.messages` counts them: null is none."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _outline(value: object) -> object:
    """Of messages that say the same: is there a list, and where is null in it?"""
    return [None if one is None else {} for one in value] if isinstance(value, list) else value


def _middle(
    olds: Sequence[Json], news: Sequence[Json], same: Callable[[Json, Json], bool]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """[start, end) of each list, without the messages that both begin and end with."""
    shortest = min(len(olds), len(news))
    head = 0
    while head < shortest and same(olds[head], news[head]):
        head += 1
    tail = 0
    while tail < shortest - head and same(olds[-1 - tail], news[-1 - tail]):
        tail += 1
    return (head, len(olds) - tail), (head, len(news) - tail)


def _read_both(
    olds: Sequence[Json],
    news: Sequence[Json],
    middle: tuple[tuple[int, int], tuple[int, int]],
    alike: set[int],
    reading: Reading,
) -> tuple[dict[Key, Message], dict[Key, Message], set[int]]:
    """The messages between the ends, those at `alike` places aside, before and after; and where
    those stand now that moved."""
    was = _read(olds, [place for place in range(*middle[0]) if place not in alike], reading)
    now = _read(news, [place for place in range(*middle[1]) if place not in alike], reading)
    places = {now[key].position: was[key].position for key in now.keys() & was.keys()}
    return was, now, _moved({place: place for place in alike} | places)


def _read(sent: Sequence[Json], places: Sequence[int], reading: Reading) -> dict[Key, Message]:
    """The messages at these places, by what tells them apart: the id, and which of those with that
    id; else the position. A server may send one id twice."""
    if not places:
        return {}
    chosen = json.dumps({"id": 1, "messages": [sent[place] for place in places]})
    seen: Counter[int] = Counter()
    found = {}
    for place, message in zip(places, reading.chat(chosen).messages, strict=True):
        key = (message.id, place)
        if message.id is not None:
            key = (message.id, seen[message.id])
            seen[message.id] += 1
        found[key] = message._replace(position=place)
    return found


def _moved(places: Mapping[int, int]) -> set[int]:
    """Which of these (place after: place before) left their order: all but a longest row of those
    that kept it."""
    order = sorted(places)
    if all(places[a] < places[b] for a, b in pairwise(order)):
        return set()
    ends: list[int] = []  # the least place before that ends a row of each length
    rows: list[tuple[int, int]] = []  # (length of the longest row that ends here, place after)
    for place in order:
        length = bisect_left(ends, places[place])
        ends[length : length + 1] = [places[place]]
        rows.append((length, place))
    kept = set()
    wanted = len(ends) - 1
    limit = max(places.values()) + 1
    for length, place in reversed(rows):
        if length == wanted and places[place] < limit:
            kept.add(place)
            wanted, limit = wanted - 1, places[place]
    return set(order) - kept


def _message_changed(
    pair: tuple[Message, Message],
    sent: tuple[Json, Json],
    moved: bool,  # noqa: FBT001 - the third of three facts about one message
    reading: Reading,
) -> MessageDifference | None:
    """What changed of a message that is in both versions; None if nothing did."""
    old, new = pair
    recalled = new.recalled and not old.recalled
    text_changed = old.text != new.text
    told = [name for name, is_told in (("recalled", recalled), ("msg", text_changed)) if is_told]
    fields = list(_fields_changed(*sent, reading, told))
    if moved:
        fields.append(FieldDifference("position", old.position, new.position))
    if not (recalled or text_changed or fields):
        return None
    return MessageDifference("recalled" if recalled else "changed", old, new, tuple(fields))
