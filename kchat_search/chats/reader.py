"""Reads a stored chat in one way: the chat, who spoke, the names, the folded texts.

Search, the index, the pages, the API and the export all read chats here. So they can't disagree
about who spoke. Texts are folded only when somebody asks for them, because folding takes
longer than all the rest. Snippets need the folded texts with their maps, the index needs the
folded texts alone, pages and API need neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from kchat_search.chats import speakers
from kchat_search.models.chats import Chat, Speaker
from kchat_search.text.fold import Folded, fold_many, fold_many_with_map


@dataclass(frozen=True)
class Transcript:
    """A chat, and what its JSON does not say directly. `speakers` and the folded texts have one
    entry for each message, in the order of the messages.

    Two threads that ask for the folded texts at the same time may both fold them; the results are
    equal.
    """

    chat: Chat
    agent_name: str | None
    """The name of the chat's agent; None where there is no agent, or no name is known."""
    speakers: tuple[Speaker, ...]
    visitor_name: str | None

    @cached_property
    def texts(self) -> list[str]:
        """The folded text of each message."""
        return fold_many([message.text for message in self.chat.messages])

    @cached_property
    def texts_with_map(self) -> list[Folded]:
        """The folded text of each message, with the map that leads back to the original."""
        return fold_many_with_map([message.text for message in self.chat.messages])


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
        agent_name = speakers.agent_name(chat, agents)
        chat_speakers = speakers.speakers_of(chat, agent_name)
        visitor_name = speakers.visitor_name(chat, chat_speakers)
        return Transcript(chat, agent_name, chat_speakers, visitor_name)
