"""Characters that are difficult for folding, segmentation and highlighting, for property tests."""

from __future__ import annotations

from hypothesis import strategies as st

MARKS = "\u0300\u0301\u0308\u0315\u0323\u0327\u0338\u0345\u0344\u3099\u309a\uff9e\uff9f\u0f73\u093c"
JAMO = "\u1100\u1161\u11a8\uac00\uac01\u3131\u314f\uffa1\uffc2\u11a7\u1176"
KANA = "かカﾊﾊﾟﾞヽ・･ー"
LETTERS = "aeoIiİıſßẞŉǰΐαΑςΣµÅÅﬁﬀﬃǅᾳᾴᾼﷺﷲคำກำऩक"
WIDE = "ＡａＺ０９＂（）：－＊，！？～　￥﹣﹕"
HAN = "退款裡裏面頭髮髪後后餘余乾干著鍾鐘臺台隻豈豈⼀⻓々〇𠮷㐀𪚥丽㈱㍻①⑴Ⅷ½"
SPACES = " \t\n\r\x0b\x0c\x1c\x1f\x85\xa0\u1680\u2003\u2028\u2029\u202f\u205f\u3000"
INVISIBLE = "\u200b\u200c\u200d\u200e\u2060\ufeff\xad\u034f\u115f\u180e\u3164\U000e0100\x00\x7f"
TYPOGRAPHY = "’‘´`ʼ′″“”«»「」『』〝–—−‑﹣〜～˜\u1ffd\u0600"
EMOJI = "😀👍🏽👨👩👧❤\ufe0f\ufe0e\u20e3🇨🇳"
PLAIN = "ab5*.,;:!?@/_-~…。，、“”„‟\"'()\\"
BROKEN = "\ud800\udbff\udc00\udfff\uffff\ufffe\ufffd\U0010ffff\ue000"

ALPHABET = MARKS + JAMO + KANA + LETTERS + WIDE + HAN + SPACES + INVISIBLE + EMOJI + PLAIN + BROKEN
ALPHABET += TYPOGRAPHY

characters = st.sampled_from(sorted(set(ALPHABET))) | st.characters(exclude_categories=())


def texts(max_size: int = 30) -> st.SearchStrategy[str]:
    """Difficult texts. Most consist of `ALPHABET`, some of any characters."""
    return st.text(st.sampled_from(sorted(set(ALPHABET))), max_size=max_size) | st.text(
        characters, max_size=max_size
    )
