"""Reads a stored chat in one way: the chat, who spoke, the names, the visible and folded texts.

Search, the index, the pages, the API and the export all read chats here. So they can't disagree
about who spoke. Texts are folded only when somebody asks for them, because folding takes
longer than all the rest. Snippets need the folded texts with their maps, the index needs the
folded texts alone, pages and API need neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from kchat_search import processor_time
from kchat_search.chats import speakers
from kchat_search.chats.participants import People, people_of
from kchat_search.chats.speakers import NO_AGENTS, KnownAgents
from kchat_search.chats.visible_text import visible_text
from kchat_search.models.chats import Chat, Participant, Speaker
from kchat_search.text.fold import Folded, fold_many, fold_many_with_map
from kchat_search.text.joined import Fragment

MAX_MARKED = 1_000_000
"""Characters of a message that are folded with a map, for snippets and marks, at most. A search
finds the rest too."""
_AT_ONCE = 65_536
"""Characters that are folded by one call, unless one message has more."""


@dataclass(frozen=True)
class Transcript:
    """A chat, and what its JSON does not say directly. `speakers`, the visible and the folded texts
    have one entry for each message, in the order of the messages.

    Two threads that ask for the folded texts at the same time may both fold them; the results are
    equal.
    """

    chat: Chat
    agent_name: str | None
    """The name of the chat's agent; None where there is no agent, or no name is known."""
    speakers: tuple[Speaker, ...]
    visitor_name: str | None
    """The name on the first message by the visitor that has one."""
    agents: KnownAgents = NO_AGENTS
    """The agents whom Kchat lists."""

    @cached_property
    def _people(self) -> People:
        return people_of(self.chat, self.speakers, self.agents)

    @property
    def participants(self) -> tuple[Participant, ...]:
        """The agents who took part: first the one in charge, then all who said something."""
        return self._people.participants

    @property
    def senders(self) -> tuple[str, ...]:
        """The key of whoever said each message: see `participants.People`."""
        return self._people.senders

    @property
    def visitor_names(self) -> tuple[str, ...]:
        """The names on the visitor's messages, each once, in order."""
        return self._people.visitor_names

    @cached_property
    def visible(self) -> list[str]:
        """The visible text of each message: what people saw of it."""
        return [visible_text(message.text) for message in self.chat.messages]

    @cached_property
    def texts(self) -> list[str]:
        """The folded visible text of each message."""
        return fold_many(self.visible)

    @cached_property
    def texts_with_map(self) -> list[Folded]:
        """The folded visible text of each message, with the map that leads back to the visible
        text. Of a message, at most the first `MAX_MARKED` characters.

        Raises `RequestTooExpensive` where a request may not take so long."""
        texts = [text[:MAX_MARKED] for text in self.visible]
        if sum(map(len, texts)) <= _AT_ONCE:
            return fold_many_with_map(texts, processor_time.check)
        folded: list[Folded] = []
        for portion in _portions(texts):
            processor_time.check()
            folded += fold_many_with_map(portion, processor_time.check)
        return folded

    def fragments(self, index: int) -> Sequence[Fragment] | None:  # noqa: ARG002
        """The joined form of a message where it is not that of its text; None where it is."""
        return None

    def with_whole_numbers(self, index: int) -> Folded | None:  # noqa: ARG002
        """The text of a message in which private numbers are hidden, with each as a whole; None for
        any other message."""
        return None


def _portions(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in order, in lists of at most `_AT_ONCE` characters, or of one text."""
    portion: list[str] = []
    size = 0
    for text in texts:
        if portion and size + len(text) > _AT_ONCE:
            yield portion
            portion, size = [], 0
        portion.append(text)
        size += len(text)
    yield portion


@dataclass(frozen=True)
class ChatReader:
    """Reads stored chats. Picklable, so that other processes can use it; safe to share between
    threads."""

    parse: Callable[[str], Chat]
    """From the raw JSON of the archive to a chat. Raises `ValueError` where that can't be done."""

    def read(self, raw: str, agents: Mapping[str, str]) -> Transcript:
        """The chat with this raw JSON. `agents`: the agents' names by id, which tell who spoke.

        Raises `ValueError` where the JSON is not a chat.
        """
        chat = self.parse(raw)
        known = _known(agents)
        agent_name = speakers.agent_name(chat, agents)
        chat_speakers = speakers.speakers_of(chat, known)
        visitor_name = speakers.visitor_name(chat, chat_speakers)
        return Transcript(chat, agent_name, chat_speakers, visitor_name, known)


_latest = NO_AGENTS


def _known(agents: Mapping[str, str]) -> KnownAgents:
    """These agents. The last ones are kept: a build reads all chats with the same, and to look
    their names up for each chat takes longer than to compare them."""
    global _latest  # noqa: PLW0603 - a cache; it is replaced as a whole
    known = _latest
    if known.names != agents:
        known = _latest = KnownAgents(dict(agents))
    return known
