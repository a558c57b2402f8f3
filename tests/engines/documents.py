"""Documents for the tests of engines: made by hand, and random ones."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from kchat_search.fields import BY_NAME
from kchat_search.models.chats import SPEAKERS, Speaker
from kchat_search.models.plan import (
    EVERYWHERE,
    HIDDEN_DIGIT,
    HIDDEN_LETTER,
    WHOLE_BEGINS,
    WHOLE_ENDS,
    AllOf,
    AnyOf,
    Contains,
    CreatedIn,
    Everything,
    FieldIs,
    FileNamed,
    FilterField,
    HasWord,
    Hidden,
    IndexDocument,
    Messages,
    Near,
    Node,
    NoneOf,
    Passage,
    Said,
)
from kchat_search.text.fold import fold
from kchat_search.text.scripts import RunKind, hides, runs
from kchat_search.text.segmentation import index_token

ALPHABET = "退款流程的aab15 7,!😀ß\n\u3000é"
"""Few characters, so that random texts have pairs in common. Words end in many ways."""
DIGITS = "157退"
"""Even fewer, so that random texts often have the same three digits in a row."""

AGENTS = (None, "1", "2")
PARTICIPANTS = tuple(map(str, range(40)))
STATUSES = (None, "close", "open")


def make(
    chat_id: int,
    *texts: str,
    revision: int = 1,
    speakers: tuple[Speaker, ...] = (),
    created: int | None = None,
    agent: str | None = None,
    participants: tuple[str, ...] = (),
    status: str | None = "close",
    visitor: str | None = None,
    files: tuple[str, ...] = (),
    hidden_files: tuple[str, ...] = (),
    whole_files: tuple[str, ...] = (),
    month: str | None = None,
    passages: tuple[Passage, ...] = (),
    former: tuple[Passage, ...] = (),
    **fields: tuple[str | None, ...],
) -> IndexDocument:
    """A document of these messages, and of `passages` behind them. Its words are its runs of one
    script, without a dictionary. `fields`: those that have no argument of their own."""
    folded = [fold(text) for text in texts]
    said_by: list[Speaker] = list(speakers[: len(texts)])
    said_by += ["visitor"] * (len(texts) - len(said_by))
    every: dict[FilterField, tuple[str | None, ...]] = {
        **dict.fromkeys(BY_NAME, (None,)),
        "id": (str(chat_id),),
        "agent_id": (agent,),
        "participant": participants or (agent,),
        "visitor_name": (None,),
        "sender": (None,),
        "visitor_id": (visitor,),
        "user_id": (None,),
        "status": (status,),
        "rating": (None,),
        "started_by": ("visitor",),
        "type": ("chat",),
        "has_upload": ("true" if files else "false",),
        "spoke": tuple(sorted(set(said_by))) or (None,),
        "gone": ("true" if revision % 2 else "false",),
        **fields,
    }
    said = tuple(Passage(t, s) for s, t in zip(said_by, folded, strict=True) if t)
    words = [
        index_token(run.text)
        for passage in said + passages
        for run in runs(passage.text)
        if run.kind != RunKind.OTHER and not hides(run.text)
    ]
    hidden_words = {
        index_token(run.text)
        for passage in passages
        if passage.hidden is not None
        for run in runs(passage.hidden.clear)
        if run.kind == RunKind.LETTERS
    }
    return IndexDocument(
        id=chat_id,
        revision=revision,
        created=created,
        month=month,
        fields=every,
        passages=said + passages,
        files=tuple(fold(name) for name in files),
        words=tuple(words),
        hidden_files=tuple(fold(name) for name in hidden_files),
        whole_files=whole_files,
        hidden_words=tuple(sorted(hidden_words)),
        former=former,
    )


def month_of(created: int) -> str:
    """The month of a random document. In these tests a month has four seconds."""
    return f"2015-{1 + created // 4:02}"


texts = st.text(ALPHABET, max_size=12) | st.text(DIGITS, max_size=9)
speakers = st.sampled_from(SPEAKERS)
times = st.none() | st.integers(0, 20)
WHOLE_NUMBERS = (f"{WHOLE_BEGINS}\ufdd5\ufdd7{WHOLE_ENDS}", f"{WHOLE_BEGINS}\ufdd6{WHOLE_ENDS}")
whole_names = st.sampled_from(WHOLE_NUMBERS)
"""Names of files that are one whole number, in characters that no other text has."""
_folded = texts.map(fold).filter(bool)
_moments = times | st.integers(-(2**60), 2**60)
SENDERS = ("", "#1", "#2", "访客5", "5")
_senders = st.sampled_from(SENDERS)

passages = st.builds(
    Passage,
    _folded,
    speakers | st.none(),
    _senders,
    _moments,
    st.just(()) | st.lists(_folded, max_size=2).map(tuple),
    hidden=st.none(),  # else it would be made up
)
"""Random passages. Their joined fragments have nothing to do with their texts."""
_some_passages = st.lists(passages, max_size=3).map(tuple)


@st.composite
def masked(draw: st.DrawFn, clear: str) -> tuple[str, str]:
    """(a text with a stretch hidden, the same with that stretch as a whole number). The stretch is
    digits, hidden one for one, or anything, hidden by letters whose number tells nothing."""
    start = draw(st.integers(0, len(clear)))
    end = draw(st.integers(start, len(clear)))
    stretch = clear[start:end]
    digits = "".join(HIDDEN_DIGIT if c.isascii() and c.isdigit() else c for c in stretch)
    letters = HIDDEN_LETTER * 3
    hidden = draw(st.sampled_from((digits, letters)) if digits != stretch else st.just(letters))
    number = WHOLE_BEGINS + (stretch.replace(" ", "") or "7") + WHOLE_ENDS
    return clear[:start] + hidden + clear[end:], clear[:start] + number + clear[end:]


@st.composite
def hiding(draw: st.DrawFn) -> Passage:
    """A random passage that hides something: a private number, or all, as a recalled one does."""
    passage = draw(passages)
    text, whole = draw(st.just(("", "")) | masked(passage.text))
    joined = draw(st.just(()) | st.lists(_folded, max_size=2).map(tuple)) if text else ()
    return passage._replace(
        text=text, joined=joined, hidden=Hidden(passage.text, passage.joined, whole)
    )


_passages_and_hiding = st.lists(passages | hiding(), max_size=3).map(tuple)


@st.composite
def documents(draw: st.DrawFn, chat_id: int) -> IndexDocument:
    """A random document with this id."""
    said = draw(st.lists(st.tuples(speakers, texts), max_size=4))
    created = draw(times)
    return make(
        chat_id,
        *(text for _, text in said),
        speakers=tuple(speaker for speaker, _ in said),
        created=created,
        agent=draw(st.sampled_from(AGENTS)),
        participants=tuple(draw(st.lists(st.sampled_from(PARTICIPANTS), max_size=4, unique=True))),
        status=draw(st.sampled_from(STATUSES)),
        files=tuple(draw(st.lists(st.text("发票ab.", min_size=1, max_size=4), max_size=2))),
        month=None if created is None else month_of(created),
        revision=draw(st.integers(1, 9)),
        hidden_files=tuple(draw(st.lists(st.text("发票ab1.", min_size=1, max_size=4), max_size=1))),
        whole_files=tuple(draw(st.lists(whole_names, max_size=1))),
        passages=draw(_passages_and_hiding),
        former=draw(st.just(()) | _some_passages),
    )


@st.composite
def histories(
    draw: st.DrawFn, *, commits: int = 8
) -> Sequence[tuple[Sequence[IndexDocument], Sequence[int]]]:
    """For each commit: (what is written, what is deleted). At most `commits` of them, over twelve
    chats."""
    some = st.lists(st.integers(1, 12), min_size=1, max_size=6, unique=True)
    batches = some.flatmap(lambda chosen: st.tuples(*map(documents, chosen)))
    deletes = st.lists(st.integers(1, 12), max_size=3, unique=True)
    return draw(st.lists(st.tuples(batches, deletes), min_size=1, max_size=commits))


def literals() -> st.SearchStrategy[str]:
    """Folded strings to search for."""
    return (
        st.text(ALPHABET, min_size=1, max_size=6) | st.text(DIGITS, min_size=1, max_size=6)
    ).map(fold)


def grams() -> st.SearchStrategy[str]:
    """Strings that posting lists alone decide."""
    return (st.text(ALPHABET, min_size=1, max_size=2) | st.text("157", min_size=3, max_size=3)).map(
        fold
    )


def words() -> st.SearchStrategy[str]:
    """Folded runs of letters to search for."""
    return st.text("abé", min_size=1, max_size=3).map(fold)


_filters = (
    st.builds(
        FieldIs, st.just("agent_id"), st.lists(st.sampled_from(AGENTS), max_size=2).map(tuple)
    ),
    st.builds(FieldIs, st.just("status"), st.sampled_from(STATUSES).map(lambda s: (s,))),
    st.builds(FieldIs, st.just("participant"), st.sampled_from(PARTICIPANTS).map(lambda p: (p,))),
    st.builds(FieldIs, st.just("spoke"), speakers.map(lambda s: (s,))),
)


def trees(leaves: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """Random trees of these leaves."""
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(AllOf, st.lists(inner, max_size=3).map(tuple)),
            st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple)),
            st.builds(NoneOf, inner),
        ),
        max_leaves=6,
    )


def _messages() -> st.SearchStrategy[Messages]:
    moments = st.none() | st.integers(-1, 21) | st.integers(-(2**60), 2**60)
    return st.builds(
        Messages,
        st.none() | speakers,
        st.just(()) | st.lists(_senders, max_size=3, unique=True).map(tuple),
        st.none() | moments,
        st.none() | moments,
    )


def nodes() -> st.SearchStrategy[Node]:
    """Random trees of everything that an engine may be asked."""
    which = _messages()
    messages = st.just(EVERYWHERE) | which
    short = st.text("退款a15 ", min_size=1, max_size=2).map(fold)
    nearby = st.lists(short, min_size=1, max_size=4).map(tuple)
    return trees(
        st.one_of(
            st.just(Everything()),
            st.builds(Contains, literals(), messages, st.booleans()),
            st.builds(HasWord, words(), st.booleans(), messages),
            st.builds(Near, nearby, st.integers(0, 6), messages),
            st.builds(Said, which.filter(lambda asked: asked != EVERYWHERE)),
            st.builds(FileNamed, st.text("发票ab.", min_size=1, max_size=3)),
            *_filters,
            st.builds(FieldIs, st.just("id"), st.integers(1, 12).map(lambda i: (str(i),))),
            st.builds(CreatedIn, st.none() | st.integers(0, 20), st.none() | st.integers(0, 20)),
        )
    )


def term_nodes() -> st.SearchStrategy[Node]:
    """Random trees of nodes that terms alone decide, so that stock Whoosh can evaluate them too.
    Times are whole months, as `documents` makes them."""
    month = st.none() | st.integers(0, 5).map(lambda n: 4 * n)
    return trees(
        st.one_of(
            st.just(Everything()),
            st.builds(Contains, grams(), joined=st.booleans()),
            st.builds(HasWord, words(), st.booleans()),
            st.builds(FileNamed, st.text("发票ab.", min_size=1, max_size=2)),
            *_filters,
            st.builds(CreatedIn, month, month),
        )
    )
