"""Characters that are nothing to a reader, and marks that people type in several forms.

Both tables serve `fold`, so they hold for quoted strings, too.
"""

from __future__ import annotations

import re

_IGNORABLE_RANGES = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Unicode 16, DerivedCoreProperties.txt, «Default_Ignorable_Code_Point»: soft hyphen, joiners and
non-joiners, marks of direction, U+FEFF, selectors of variants, fillers, tags. UAX #44 has a program
show nothing in their place."""
IGNORABLE = re.compile(f"[{_IGNORABLE_RANGES}]")
_IGNORABLES = re.compile(f"[{_IGNORABLE_RANGES}]+")

_APOSTROPHES = "`‘’‚‛‵′‹›ʹʻʼʽꞋꞌ❛❜『』"
_QUOTES = "“”„‟«»〝〞〟ʺˮ❝❞「」"
_DASHES = "‐‑‒–—―−⁃˗⸺⸻᠆֊"
_TILDES = "〜〰∼⁓"
MARKS = {
    ord(character): mark
    for mark, characters in zip("'\"-~", (_APOSTROPHES, _QUOTES, _DASHES, _TILDES), strict=True)
    for character in characters
}
"""From one form of a mark to the one that stands for all.

Which form is typed depends on the input method, and on what a phone or Word makes of it by itself:
curly quotes in English and simplified Chinese, «» in French and Russian, 「」 and 『』 in
traditional Chinese. 《》 and 〈〉 stay, because they hold titles. The kana ー and the word 一 stay,
because they are no dashes."""
DECOMPOSED_MARKS = {0xB4: "'", 0x1FFD: "'", 0x2033: '"', 0x2036: '"', 0x2DC: "~"}
"""The same for marks that NFKC would take apart: ´ into a blank and an accent, ″ into two ′."""
DECOMPOSED = re.compile(f"[{''.join(map(chr, DECOMPOSED_MARKS))}]")


def without_ignorable(text: str) -> str:
    """`text` without the characters that are nothing to a reader, such as a pasted U+200B."""
    return _IGNORABLES.sub("", text)
