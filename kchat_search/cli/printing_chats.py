"""Chats for a person to read: pages of hits, a chat, its versions."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from rich.text import Text

from kchat_search.chats import ratings
from kchat_search.chats.history import FieldDifference, History, MessageDifference, value_text
from kchat_search.chats.visible_text import visible_text
from kchat_search.cli.terminal import chats_text, clean, console, time_text
from kchat_search.models.chats import Message
from kchat_search.models.hot import HotPage
from kchat_search.models.search import ChatView, Hit, QueryReading, SearchPage, SimilarPage
from kchat_search.serialization.notes import note_text


def print_page(page: SearchPage, zone: ZoneInfo) -> None:
    """The hits of a search."""
    out = console()
    took = "" if page.took_ms is None else f" in {page.took_ms:.0f} ms"
    out.print(f"{chats_text(page.total)}{took}: {clean(page.query.understood)}")
    for explanation in _explanations(page.query):
        out.print(f"  {clean(explanation)}")
    for row in page.damaged:
        out.print(f"  damaged: {clean(str(row))}")
    for hit in page.hits:
        _print_hit(hit, zone)
    for why in ("words", "meaning"):
        _print_related(page, why, zone)


def _print_related(page: SearchPage, why: str, zone: ZoneInfo) -> None:
    chats = [related for related in page.related if related.why == why]
    if not chats:
        return
    out = console()
    out.print()
    if why == "words":
        out.print(f"{chats_text(page.related_total)} with only some of it:")
    else:
        out.print("Guessed by meaning, perhaps without your words:")
    for related in chats:
        has, lacks = (" ".join(map(clean, words)) for words in (related.has, related.lacks))
        _print_hit(related.hit, zone, f"has {has}, lacks {lacks}" if why == "words" else "")


def print_similar(chat_id: int, found: SimilarPage, zone: ZoneInfo) -> None:
    """The chats that are like one."""
    out = console()
    out.print(f"{chats_text(len(found.hits))} like chat {chat_id}")
    for row in found.damaged:
        out.print(f"  damaged: {clean(str(row))}")
    for hit in found.hits:
        _print_hit(hit, zone)


_NO_HOT = {
    "off": "The index has no vectors, so no questions are put together: see KCHAT_MEANING.",
    "waiting": "Not computed yet. The worker does it once the first import is complete; "
    "kchat-search hot --renew does it now.",
}


def print_hot(page: HotPage, zone: ZoneInfo) -> None:
    """The hot questions of a period."""
    out = console()
    if page.state != "ready":
        out.print(_NO_HOT[page.state])
        return
    days = f"{page.days.start} to {page.days.end}"
    out.print(
        f"{chats_text(page.total)} from {days}, {page.covered:,} of them in "
        f"{len(page.questions)} hot questions; computed {time_text(page.made_at, zone)}"
    )
    for question in page.questions:
        out.print()
        words = clean(" ".join(question.words)) or "(no word in common)"
        size = f"{chats_text(question.total)} ({question.change:+,} against {question.before:,})"
        out.print(Text(f"{words}: {size}", style="bold"))
        for message in question.messages:
            out.print(Text(f"  #{message.chat_id} {clean(message.snippet.text)}"))
        out.print(Text(f"  kchat-search search --hot {question.id}", style="dim"))


def _print_hit(hit: Hit, zone: ZoneInfo, note: str = "") -> None:
    """A chat that was found: its facts, a `note`, its snippets."""
    out = console()
    chat = hit.chat
    agents = "、".join(one.name or one.value for one in hit.participants)
    who = " · ".join(filter(None, [agents, hit.visitor_name, chat.status]))
    out.print()
    out.print(Text(f"#{chat.id}  {time_text(chat.created_at, zone)}  {clean(who)}", style="bold"))
    if note:
        out.print(Text(f"  {note}", style="dim"))
    for snippet in hit.snippets:
        line = Text(f"  {clean(snippet.name or snippet.speaker)}: ")
        offset = len(line)
        line.append(clean(snippet.text))
        for start, end in snippet.highlights:
            line.stylize("bold yellow", offset + start, offset + end)
        out.print(line)


def _explanations(query: QueryReading) -> Iterator[str]:
    """What was not read as typed. Where no chat fulfils the query: why, and what may help."""
    for note in query.notes:
        yield f"note: {note_text(note, 'en')}"
    for suggestion in query.suggestions:
        yield f"did you mean {suggestion.q} ({chats_text(suggestion.total)})"
    for part in query.parts if len(query.parts) > 1 else ():
        count = "not counted" if part.count is None else chats_text(part.count)
        yield f"{part.text}: {count} by itself"
    for cut in query.cuts:
        if cut.total:
            yield f"without {cut.part or cut.parameter}: {chats_text(cut.total)}"
    if query.without_filters:
        yield f"without any filter: {chats_text(query.without_filters)}"


def print_chat(view: ChatView, zone: ZoneInfo) -> None:
    """A whole chat."""
    out = console()
    chat = view.chat
    facts = {
        "agent": view.agent_name or chat.agent_id,
        "others who took part": "、".join(
            one.name or one.value for one in view.participants if one.id != chat.agent_id
        ),
        "visitor": view.visitor_name or chat.visitor_id,
        "status": chat.status,
        "rating": ratings.label(chat.rating),
        "gone from Kchat": time_text(view.gone_at, zone) if view.gone_at else None,
    }
    out.print(Text(f"Chat {chat.id}, {time_text(chat.created_at, zone)}", style="bold"))
    for name, value in facts.items():
        if value:
            out.print(f"  {name}: {clean(value)}")
    for message, speaker in zip(chat.messages, view.speakers, strict=True):
        text = visible_text(message.text) or ("" if message.upload else _event(message.type))
        if message.upload:
            text += f" [{message.upload.name}]"
        recalled = " (recalled)" if message.recalled else ""
        head = f"{time_text(message.created_at, zone)} {message.name or speaker}{recalled}: "
        line = Text(clean(head), style="dim")
        line.append(clean(text), style="not dim")
        out.print(line)


def print_versions(chat_id: int, history: History, zone: ZoneInfo) -> None:
    """The versions of a chat, oldest first, and what changed in each."""
    out = console()
    for version in history.walk():
        if version.damage is not None:
            out.print(Text(clean(f"{version.damage}"), style="bold"))
            continue
        until = f", until {time_text(version.until, zone)}" if version.until else ""
        until = ", the present one" if version.is_present else until
        head = f"Chat {chat_id}, version {version.number}: seen {time_text(version.seen_at, zone)}"
        out.print(Text(head + until, style="bold"))
        for difference in version.differences:
            if isinstance(difference, FieldDifference):
                out.print(Text(f"  {_field_changed(difference)}"))
            else:
                _print_message_changed(difference, zone)
        if not version.differences:
            first = version.number == 1
            nothing = "the first in the archive" if first else "nothing that can be shown"
            unknown = "what changed is not known: the version before can't be read"
            out.print(f"  {unknown if version.follows_damage else nothing}")


def _print_message_changed(difference: MessageDifference, zone: ZoneInfo) -> None:
    message = difference.message
    name = f"#{message.id}" if message.id is not None else f"message {message.position + 1}"
    when = f" {time_text(message.created_at, zone)}" if message.created_at else ""
    line = Text(clean(f"  {difference.kind} {name}{when} {message.name}: "), style="dim")
    texts = [
        _content(message)
        for message in (difference.before, difference.after)
        if message is not None
    ]
    line.append(clean(" → ".join(dict.fromkeys(texts))), style="not dim")
    console().print(line)
    for field in difference.fields:
        console().print(Text(f"    {_field_changed(field)}", style="dim"))


def _content(message: Message) -> str:
    file = f"[{message.upload.name or 'file'}]" if message.upload else ""
    return " ".join(filter(None, (visible_text(message.text), file))) or "(nothing)"


def _field_changed(difference: FieldDifference) -> str:
    before, after = (
        "(none)" if value is None else value_text(value) or '""'
        for value in (difference.before, difference.after)
    )
    return clean(f"{difference.name}: {before} → {after}")


def _event(type_: str) -> str:
    return "(joined)" if type_ == "chat.memberjoin" else f"({type_})"
