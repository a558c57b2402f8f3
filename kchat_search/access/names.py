"""User names: which can be taken, when two are the same, and when one looks like another (pure).

Two names are the same where they are equal after NFKC and case folding: «Ａnna» is «anna». A name
that merely looks like one that is there (Cyrillic «аnna», «anna» with an invisible character,
«Iris» and «lris») is refused, because an audit that says «anna» must mean one person.

The rule follows UTS 39 (https://www.unicode.org/reports/tr39/), and is simpler where people's names
allow it:

- letters of the scripts below, ASCII digits and a few marks; nothing invisible, no blank;
- one script a name, or Latin with Chinese, Japanese or Korean («highly restrictive»);
- two names look alike where they are equal after each character was replaced by the Latin (or Han)
  one that it looks like: as they are written, in small letters, or in capitals.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from kchat_search.databases.column_values import storable
from kchat_search.errors import BadRequest

MOST_CHARACTERS = 64
_MARKS = frozenset("._-@+'·")
_SCRIPTS = {
    "LATIN", "CJK", "HIRAGANA", "KATAKANA", "BOPOMOFO", "HANGUL", "GREEK", "CYRILLIC", "ARABIC",
    "HEBREW", "THAI", "DEVANAGARI",
}  # fmt: skip
"""As the first word of a character's Unicode name says it."""
_MAY_MIX = (
    {"LATIN", "CJK", "HIRAGANA", "KATAKANA"},
    {"LATIN", "CJK", "BOPOMOFO"},
    {"LATIN", "CJK", "HANGUL"},
)
_WITH_MARKS = {"ARABIC", "HEBREW", "THAI", "DEVANAGARI"}
"""Scripts that are written with combining marks. In the others NFKC has composed them."""
_OF_ITS_OWN = {"々": "CJK", "ー": "KATAKANA"}
"""Characters whose Unicode names begin with another word."""
RESERVED = ("owner", "anyone")
"""What the audit calls those who are no person."""

_SMALL = str.maketrans(
    dict(zip("аеорсухѕіјԁһԛѵӏкгь", "aeopcyxsijdhqvlkrb", strict=True))
    | dict(zip("οανριυγκητχσε", "oavpiuykntxoe", strict=True))
    | dict(zip("ıɩɪɑɡʟᴀʙᴄᴅᴇɢʜᴊᴋɴᴏᴘʀᴛᴜᴠʏᴢ", "iiiaglabcdeghjknoprtuvyz", strict=True))
    | {"0": "o", "1": "l", "I": "l", "ǀ": "l", "m": "rn", "ᴍ": "rn"}
    | dict.fromkeys("wԝωᴡ", "vv")
)
_CAPITAL = str.maketrans(
    dict(zip("АВЕКМНОРСТУХЅІЈԚԜӀЬ", "ABEKMHOPCTYXSIJQWIB", strict=True))
    | dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True))
    | {"0": "O", "1": "I", "ǀ": "I"}
)
_HAN = str.maketrans("ニロエカタトハヘりー", "二口工力夕卜八へリ一")


def folded(name: str) -> str:
    """The form in which names are compared. Total: any text has one, so that whatever is typed can
    be looked up. Cost: linear, of at most 4 times `MOST_CHARACTERS`."""
    cut = storable(name)[: 4 * MOST_CHARACTERS]
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", cut).casefold()).strip()


def checked(name: str, taken: Iterable[str] = ()) -> str:
    """The name as it is kept: in NFKC. `taken` are the names that are there.

    Raises `BadRequest` for one that can't be a user name, that is there, or that looks like one
    that is.
    """
    if not name.strip():
        raise BadRequest("The user name is empty: give one, such as li.lei.", "name")
    kept = unicodedata.normalize("NFKC", name[: 4 * MOST_CHARACTERS].strip())
    problem = _problem(kept)
    if problem is not None:
        raise BadRequest(f"«{_shown(kept)}» can't be a user name: {problem}.", "name")
    for other in (*RESERVED, *taken):
        if folded(kept) == folded(other):
            raise BadRequest(f"There is a user name «{other}» already: take another.", "name")
        if looks(kept) & looks(other):
            raise BadRequest(
                f"«{kept}» looks like the user name «{other}», which is there: take another, so "
                "that nobody confuses them.",
                "name",
            )
    return kept


def looks(name: str) -> set[tuple[str, str]]:
    """What a name looks like: as it is written, in small letters, in capitals. Two names look alike
    where they have one of these in common."""
    han = unicodedata.normalize("NFKC", name).translate(_HAN)
    return {
        ("written", han.translate(_CAPITAL).translate(_SMALL).casefold()),
        ("small", han.casefold().translate(_SMALL)),
        ("capital", han.upper().translate(_CAPITAL)),
    }


def _problem(name: str) -> str | None:
    if len(name) > MOST_CHARACTERS:
        return f"it has more than {MOST_CHARACTERS} characters"
    if not name[0].isalnum():
        return "it must begin with a letter or a digit"
    scripts = set()
    for character in name:
        if character in _MARKS or character in "0123456789":
            continue
        script = _script(character)
        if script is None:
            return f"it has U+{ord(character):04X}, and may have letters, digits and . _ - @ + ' ·"
        scripts.add(script)
    if len(scripts) > 1 and not any(scripts <= mix for mix in _MAY_MIX):
        return "it has letters of several scripts, some of which look alike"
    return None


def _script(character: str) -> str | None:
    """The script of a letter; None for what can't be in a name."""
    if character in _OF_ITS_OWN:
        return _OF_ITS_OWN[character]
    script = unicodedata.name(character, "").partition(" ")[0]
    if script not in _SCRIPTS:
        return None
    category = unicodedata.category(character)
    is_letter = category in ("Lu", "Ll", "Lt", "Lo")
    return script if is_letter or (category[0] == "M" and script in _WITH_MARKS) else None


def _shown(name: str) -> str:
    """A name that can't be taken, for a message: without what could play tricks there."""
    return "".join(c if c.isprintable() else "\ufffd" for c in storable(name))[:MOST_CHARACTERS]
