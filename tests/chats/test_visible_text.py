"""What people saw of a message: tables of what Kchat, agents' editors and people send."""

from __future__ import annotations

import json
import re
import sys
import threading
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kchat_search.chats.visible_text import visible_text, visible_texts

AS_TYPED = (
    "", " ", "\n", "你好，在吗？", "1 < 2", "1<2", "3 > 2", "a<b", "a>b", "a<b>c", "x<i>y",
    "p<q>r", "1<p>2", "a<p>c", "a <b> c", "<b>", "<a>", "<i>", "<u>", "<title>",
    "请点<menu>按钮", "请输入<code>", "<select>", "<input>", "<link>", "<source>", "<3",
    "我<3你", "</3", "<_<", ">_<", "<(￣︶￣)>", "<=>", "<-", "->", "<--", "<!--",
    "<!-- 没有结尾", "<!>", "<!x>", "<?", "<?php echo 1; ?>", "<>", "</>", "<张三>",
    "<<张三>>", "《<书名>》", "<订单号>", "< b >", "<1>", "<-1>", "<a@b.com>",
    "张三 <zhang@example.com>", "<http://a.com/x>", "<https://a.com>", "<www.a.com>", "<b.c>",
    "List<String>", "Map<String, List<Integer>>", "vector<int> v;", "Map<data>", "List<Button> b",
    "#include <stdio.h>", "#include <map>", "if (a < b && c > d)", "if (a <b and c> d)",
    "for (i=0;i<n;i++)", "a<b && b>c", "x <- c(1, 2)", "<b c>", "<p q r>", "<String>x</String>",
    "<order id=1>", "<NAME>", "<Name> <Title>", "到货<br", '<a href="http://a.com',
    "<a href='x>y", "R&D", "A&B", "A & B", "&", "&&", "&;", "&#;", "&#x;", "&#xZ;", "AT&T",
    "AT&T;", "Q&A;", "&foo;", "?a=1&copy=2", "https://a.com/?a=1&lt=2&amp=3", "a=1&b=2;c", "&nbsp",
    "&lt", "&#20219", "&#12345678;", "{", "}", "{}", "[]", "[ ]", "[微笑]", "[图片]", "[1]",
    "[1, 2, 3]", "[[1], [2.5, null]]", "[true]", "{1}", "{a}", "{张三}", '{"a"}', '{"a":',
    '{"标题": "焖烧', "[1, 2", '["a"', "{'a': 'b'}", '{"a": "b"} 谢谢', '看 {"a": "b"}',
    '"退款"', '"[微笑]"', '"', '""', '"1"', "null", "true", "12.50", "{{}}", "{{", "}}", "{{a",
    "a}}", "{{a\nb}}", "${name}", "{ {a} }", "[" * 100_000, '{"a":' * 20_000,
    "[" * 100_000 + "]" * 100_000, '["a",' + "[" * 70 + "]" * 70 + "]", "\ud800", "\x00",
    "a\u00a0b",
)  # fmt: skip
"""Texts that only look like markup: they stay as they are."""

HTML = (
    ("<p>您的订单<strong>已经</strong>签收</p>", "您的订单已经签收"),
    ('<span style="color:red">到货</span><br/>请查收', "到货\n请查收"),
    ("到货<br>请查收", "到货\n请查收"),
    ("到货<BR>请查收", "到货\n请查收"),
    ("到货<br />请查收", "到货\n请查收"),
    ("到货</br>请查收", "到货\n请查收"),
    ('到货<br clear="all">请查收', "到货\n请查收"),
    ("a<br><br>b", "a\n\nb"),
    ("<br>a<br>", "a"),
    ("<p>一</p><p>二</p>", "一\n二"),
    ("<p>一</p>\n<p>二</p>\n", "一\n二"),
    ("<P>一</P>二", "一\n二"),
    ("<p>一<p>二", "一\n二"),
    ("Hello<p>World", "Hello\nWorld"),
    ("您好<p>请稍等", "您好\n请稍等"),
    ("您好</p>", "您好"),
    ("<div>一</div>二<div>三</div>", "一\n二\n三"),
    ("<ul><li>一</li><li>二</li></ul>三", "一\n二\n三"),
    ("<ol><li>一<li>二</ol>", "一\n二"),
    ("<h1>题</h1>文", "题\n文"),
    ("<h3 class='x'>题</h3>文", "题\n文"),
    ("一<hr>二", "一\n二"),
    ("<blockquote>引</blockquote>答", "引\n答"),
    ("<pre>a\n  b</pre>c", "a\n  b\nc"),
    ("<dl><dt>词<dd>义</dl>", "词\n义"),
    ("<center>中</center>文", "中\n文"),
    (
        "<table><tr><td>尺码</td><td>XL</td></tr><tr><td>价</td><td>9</td></tr></table>",
        "尺码\tXL\n价\t9",
    ),
    ("<table>\n <tr>\n  <th>a</th>\n  <th>b</th>\n </tr>\n</table>", "a\tb"),
    ("<table><tr><td>a<td>b<tr><td>c</table>", "a\tb\nc"),
    ("一<b>二</b>三", "一二三"),
    ("<B>二</B>", "二"),
    ("<i>一</i><em>二</em><u>三</u><s>四</s><font color=red>五</font>", "一二三四五"),
    ("<font color=\"red\" size='2'>急</font>", "急"),
    ("<span>a</span> <span>b</span>", "a b"),
    ("a<wbr>b", "ab"),
    ("m<sup>2</sup>", "m2"),
    ("<p >x</p >", "x"),
    ("<p\nclass='a'\n>x</p>", "x"),
    ('<a\thref="http://a.com">http://a.com</a>', "http://a.com"),
    ("<p>1 < 2</p>", "1 < 2"),
    ("<p>我<3你</p>", "我<3你"),
    ("<p>您好<张三></p>", "您好<张三>"),
    ("<p>List<String> x</p>", "List<String> x"),
    ("<p>R&D 和 ?a=1&copy=2</p>", "R&D 和 ?a=1&copy=2"),
    ("<p>a</p><b>b", "a\nb"),
    ("<div>价<b>99</div>", "价99"),
    ("<p>{a}</p>", "{a}"),
    ("<!-- 不见 -->见", "见"),
    ("<!---->见", "见"),
    ("<!-->见", "见"),
    ("<!--[if mso]><p>不见</p><![endif]-->见", "见"),
    ("<![if !supportLists]>见<![endif]>", "见"),
    ("<!DOCTYPE html><html><head><title>题</title></head><body>文</body></html>", "文"),
    ("<?xml version='1.0'?><p>文</p>", "文"),
    ("<script>alert(1)</script>你好", "你好"),
    ("<SCRIPT type='a'>if (a<b) x('</p>')</SCRIPT >你好", "你好"),
    ("<style>p{color:red}</style>你好", "你好"),
    ("<template><p>不见</p></template>见", "见"),
    ("<iframe src='http://a.com'>不见</iframe>见", "见"),
    ("<video controls>不支持</video>见", "见"),
    ("<p>见</p><script>没有结尾", "见\n没有结尾"),
    ("<p>见</p><!-- 没有结尾", "见\n<!-- 没有结尾"),
    ('<p style="display:none">不见</p>见', "见"),
    ("<div style='color:red; DISPLAY : NONE'>不<div>不</div>见</div>见", "见"),
    ('<span style="visibility:hidden">不见</span>见', "见"),
    ("<span hidden>不见</span>见", "见"),
    ('<span hidden="">不见</span>见', "见"),
    ('<span data-hidden="1">见</span>', "见"),
    ('<p style="display:none">没有结尾<b>见</b>', "没有结尾见"),
    ('<span class="none">见</span>', "见"),
    ('<img src="http://a.com/a.png" alt="[微笑]">', "[微笑]"),
    ('收到<img alt="[微笑]" src=x />谢谢', "收到[微笑]谢谢"),
    ("<IMG SRC='a' ALT='&lt;图&gt;'>", "<图>"),
    ("<img src=a.png>看", "看"),
    ('<img src="a" title="不见">', ""),
    ('<img alt="a>b" src="x">', "a>b"),
    ('<input type="text" value="不见" disabled>见', "见"),
    ('<p title="不见" data-x="不见" onclick="不见()">见</p>', "见"),
    ("<o:p></o:p><p>见</p>", "见"),
    ('<p>见<emoji id="3"></emoji></p>', "见"),
    ("<p>一<x-tag>二</x-tag></p>", "一二"),
    ("<p></p>", ""),
    ("<p>&nbsp;</p>", ""),
    ("<p><br></p>", ""),
    ("  <b>x</b>  ", "x"),
    ("<p>您好&nbsp;&nbsp;张三</p>", "您好  张三"),
    ('<p>"quoted"</p>', '"quoted"'),
    ("<p>" * 3 + "深" + "</p>" * 3, "深"),
)

LINKS = (
    ('<a href="https://a.com/help">退款说明</a>', "退款说明 (https://a.com/help)"),
    ('请看<a href="https://a.com/help">退款说明</a>谢谢', "请看退款说明谢谢 (https://a.com/help)"),
    ('<p><a href="https://a.com/1">一</a></p><p>二</p>', "一 (https://a.com/1)\n二"),
    ('<a href="https://a.com/1">一</a>\n二', "一 (https://a.com/1)\n二"),
    (
        '<a href="http://a.com/1">一</a><a href="http://a.com/2">二</a>',
        "一二 (http://a.com/1 http://a.com/2)",
    ),
    ('<a href="https://a.com">https://a.com</a>', "https://a.com"),
    ('<a href="https://a.com/">a.com</a>', "a.com"),
    ('<a href="https://A.com/x">HTTP://a.com/x</a>', "HTTP://a.com/x"),
    ("<a href=http://a.com/x>看</a>", "看 (http://a.com/x)"),
    ("<a href='//a.com/x'>看</a>", "看 (//a.com/x)"),
    ('<a href="http://a.com/?a=1&amp;b=2">看</a>', "看 (http://a.com/?a=1&b=2)"),
    ('<a href="http://a.com/?a=1&copy=2">看</a>', "看 (http://a.com/?a=1&copy=2)"),
    ('<a href=" http://a.com/x ">看</a>', "看 (http://a.com/x)"),
    ('<a href="mailto:a@b.com">写信</a>', "写信 (a@b.com)"),
    ('<a href="mailto:a@b.com?subject=x">写信</a>', "写信 (a@b.com)"),
    ('<a href="mailto:a@b.com">a@b.com</a>', "a@b.com"),
    ('<a href="tel:400-800-1234">电话</a>', "电话 (400-800-1234)"),
    ('<a href="tel:4008001234">4008001234</a>', "4008001234"),
    ('<a href="javascript:alert(1)">点</a>', "点"),
    ('<a href="java\nscript:alert(1)">点</a>', "点"),
    ('<a href="JAVASCRIPT:alert(1)//http://a.com">点</a>', "点"),
    ('<a href="data:text/html,x">点</a>', "点"),
    ('<a href="/hc/kb/1">点</a>', "点"),
    ('<a href="#top">点</a>', "点"),
    ('<a name="x">点</a>', "点"),
    ('<a href="http://a.com/f?token=SECRET&n=1">点</a>', "点 (http://a.com/f?n=1)"),
    ('<a href="http://a.com/f?n=1&amp;oss_token=SECRET">点</a>', "点 (http://a.com/f?n=1)"),
    ('<a href="http://a.com/x"><img src="i.png" alt="图"></a>', "图 (http://a.com/x)"),
    ('<a href="http://a.com/x"></a>', "(http://a.com/x)"),
    ('<a href="http://a.com/x"><b>粗</b>体</a>', "粗体 (http://a.com/x)"),
    ('<a href="http://a.com/x">没有结尾', "没有结尾 (http://a.com/x)"),
    ('点<a href="[custom]1">转人工</a>', "点转人工"),
)

ENTITIES = (
    ("满&gt;99元包邮&nbsp;A&amp;B款&#20219;选", "满>99元包邮 A&B款任选"),
    ("&lt;br&gt;", "<br>"),
    ("&lt;script&gt;alert(1)&lt;/script&gt;", "<script>alert(1)</script>"),
    ("&amp;lt;", "&lt;"),
    ("&amp;amp;", "&amp;"),
    ("&quot;好&quot;&#39;的&#39;&apos;", "\"好\"'的''"),
    ("&#x4EFB;&#X9009;", "任选"),
    ("&#128512;", "😀"),
    ("&hellip;&mdash;&copy;&yen;&times;&rarr;", "…—©¥×→"),
    ("&ldquo;a&rdquo;", "“a”"),
    ("&nbsp;缩进", " 缩进"),
    ("&#0;&#55357;&#1114112;", "\ufffd\ufffd\ufffd"),
    ("AT&T; &amp;", "AT&T; &"),
    ("a<b>c &amp; d", "a<b>c & d"),
    ("a &lt b &lt; c", "a &lt b < c"),
    ("&AMP;&LT;", "&<"),
    ("&NoSuchThing;&lt;", "&NoSuchThing;<"),
    ("  a &amp; b  \n", "  a & b  \n"),
)  # fmt: skip

BRACES = (
    ("转{{人工客服}}", "转人工客服"),
    ("{{转人工}}或{{留言}}", "转人工或留言"),
    ("<p>请{{留言}}</p>", "请留言"),
    ('{"content": "请{{留言}}"}', "请留言"),
    ("{{{a}}}", "{a}"),
)

CARD = {
    "img_url": "https://i.example.com/a.png", "title": "焖烧壶 1.2L", "price": "¥199",
    "link_title": "发送", "link_url": "https://m.example.com/1",
}  # fmt: skip
CARD_TEXT = "焖烧壶 1.2L\n¥199\n发送\nhttps://m.example.com/1"
ONCE, PLAIN = json.dumps(CARD), json.dumps(CARD, ensure_ascii=False)

JSON = (
    (ONCE, CARD_TEXT),
    (PLAIN, CARD_TEXT),
    (json.dumps(CARD, indent=2), CARD_TEXT),
    (f" \n{ONCE}\n", CARD_TEXT),
    (f"\ufeff{ONCE}", CARD_TEXT),
    (json.dumps(ONCE), CARD_TEXT),
    (json.dumps(PLAIN, ensure_ascii=False), CARD_TEXT),
    (ONCE.replace('"', '\\"').replace("\\u", "\\\\u"), CARD_TEXT),
    (PLAIN.replace('"', "&quot;"), CARD_TEXT),
    (json.dumps([CARD, CARD]), f"{CARD_TEXT}\n{CARD_TEXT}"),
    (json.dumps({"card": ONCE}), CARD_TEXT),
    (json.dumps({"a": json.dumps({"b": ONCE})}), CARD_TEXT),
    ('{"title": "电热毯", "price": 88, "link_title": "发送"}', "电热毯\n88\n发送"),
    ('{"price": 199.00}', "199.00"),
    (
        (
            '{"type": "document", "content": "请看：", "documents": [{"id": 1, "title": "怎么退", '
            '"url": "https://a.kf5.com/hc/kb/1"}, {"id": 2, "title": "怎么换货"}]}'
        ),
        "请看：\n怎么退\nhttps://a.kf5.com/hc/kb/1\n怎么换货",
    ),
    (
        '{"type": "question", "content": "<p>您问</p>", "questions": [{"id": 1, "title": "运费"}]}',
        "您问\n运费",
    ),
    ('{"type": "video", "visitor_url": "https://v/1", "agent_url": "https://v/2"}', ""),
    ('{"answer": "满&gt;99<br>包邮", "confidence": true, "x": null}', "满>99\n包邮"),
    (
        (
            '{"id": 5, "name": "发票.pdf", "size": 123, "type": "pdf", "width": 1, "height": "2", '
            '"url": "https://f/1.pdf?token=SECRET", "token": "SECRET", "oss_token": "SECRET"}'
        ),
        "发票.pdf\nhttps://f/1.pdf",
    ),
    ('{"name": "a.png", "url": "https://f/a.png?x=1"}', "a.png"),
    ('{"images": ["https://f/a", "/b/c.png"], "text": "图"}', "图"),
    ('{"image": {"url": "https://f/a"}, "text": "图"}', "图"),
    ('{"avatar": "https://f/a", "nickname": "小林"}', "小林"),
    (
        '{"orderId": "A1", "user_id": 3, "openid": "x", "uuid": "z", "order_no": "A2"}',
        "A2",
    ),
    ('{"订单号": "2019", "备注": "急"}', "2019\n急"),
    ('{"0": {"title": "一"}, "1": {"title": "二"}}', "一\n二"),
    ('{"title": "一", "title": "二"}', "一\n二"),
    ('{"accessToken": "SECRET", "signature": "SECRET", "md5": "SECRET", "a": "b"}', "b"),
    ('{"token": {"a": ["SECRET"]}, "a": "b"}', "b"),
    (
        '{"a": "0123456789abcdef0123456789abcdef", "b": "123e4567-e89b-12d3-a456-426614174000"}',
        "",
    ),
    ('{"a": "01234567890123456789012345678901"}', "01234567890123456789012345678901"),
    ('{"created": 1556177052, "date": "2019-04-25"}', "2019-04-25"),
    ('{"size": "XL", "filesize": "12 KB"}', "XL"),
    ('{"type": "退款"}', "退款"),
    ('{"a": "data:image/png;base64,AAAA", "b": "c"}', "c"),
    ('{"a": "List<String>"}', "List<String>"),
    ('{"a": "a\\nb"}', "a\nb"),
    ('{"a": "a\nb"}', "a\nb"),
    ('["一", "二"]', "一\n二"),
    ('["一", 2]', "一\n2"),
    ('[["一"], {"a": ""}]', "一"),
    ('{"a": {"b": {"c": [{"d": "深"}]}}}', "深"),
    ('{"a": "\\ud83d\\ude00\\ud800"}', "😀\ud800"),
    ('{"a": 1' + "0" * 5_000 + "}", "1" + "0" * 5_000),
    ('{"a": NaN}', "NaN"),
    ('{"a": "{\\"b\\": "}', '{"b":'),
    ('{"a": "[1, 2]"}', "[1, 2]"),
    ('{"a": "<a href=\\"https://a.com/1\\">一</a>"}', "一 (https://a.com/1)"),
)

CASES = [*((text, text) for text in AS_TYPED), *HTML, *LINKS, *ENTITIES, *BRACES, *JSON]


@pytest.mark.parametrize(
    ("body", "seen"), CASES, ids=[f"{n}-{ascii(body)[1:31]}" for n, (body, _) in enumerate(CASES)]
)
def test_what_people_saw(body: str, seen: str) -> None:
    assert visible_text(body) == seen
    assert visible_texts(["你好", body]) == ["你好", seen]


def test_there_are_cases_enough() -> None:
    assert len(dict(CASES)) == len(CASES) >= 150


def test_no_secret_is_ever_seen() -> None:
    assert "SECRET" in "".join(body for body, _ in CASES)
    assert "SECRET" not in "".join(visible_text(body) for body, _ in CASES)


def test_it_does_not_depend_on_how_deep_the_caller_is() -> None:
    """Python reads less deep JSON where the stack is almost full; the depth that counts is ours."""
    body = '{"a":' * 63 + '"深"' + "}" * 63

    def deeper(levels: int) -> str:
        return deeper(levels - 1) if levels else visible_text(body)

    assert {deeper(levels) for levels in (0, 100, 300)} == {"深"}


def test_it_does_not_depend_on_how_long_a_number_python_reads() -> None:
    """Each process may have its own limit; what is indexed must be what is shown."""
    digits, limit = "9" * 700, sys.get_int_max_str_digits()
    body = f'{{"a": {digits}, "b": "&#{digits};"}}'
    seen = set()
    try:
        for most in (640, 4_300, 0):
            sys.set_int_max_str_digits(most)
            seen.add(visible_text(body))
    finally:
        sys.set_int_max_str_digits(limit)
    assert seen == {f"{digits}\n&#{digits};"}


def test_threads_see_the_same() -> None:
    seen: list[str] = []
    threads = [threading.Thread(target=lambda: seen.append(visible_text(ONCE))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [CARD_TEXT] * 4


PIECES = sorted(
    {piece for body, _ in CASES if len(body) < 300 for piece in re.findall(r"\w+|\s+|.", body)}
)
NASTY = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@given(st.text(st.characters(exclude_characters='<&{["\ufeff'), max_size=60))
def test_a_text_without_any_mark_stays(text: str) -> None:
    assert visible_text(text) == text


@given(st.one_of(st.text(max_size=60), NASTY))
def test_any_text_has_a_visible_text_which_stays_once_nothing_in_it_looks_like_markup(
    text: str,
) -> None:
    seen = visible_text(text)
    assert isinstance(seen, str)
    if not set(seen) & set("<&{["):
        assert visible_text(seen) in (seen, seen.strip('"'))


WORDS = st.text("退款到账查询abc12 ", min_size=1, max_size=6).filter(str.strip)
INLINE = st.sampled_from(("b", "strong", "span", "em", "FONT", "u"))
NAMES = ("zclass", "zstyle", "zdata")


@st.composite
def html(draw: st.DrawFn, depth: int = 3) -> tuple[str, list[str]]:
    """(HTML, its lines without blanks): made of the lines, so nothing else may be seen."""
    lines: list[str] = []
    out: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        line = "".join(chain.from_iterable(draw(inline(depth)) for _ in range(2)))
        block = draw(st.sampled_from(("p", "div", "li", "h2")))
        out.append(f'<{block} {draw(st.sampled_from(NAMES))}="zvalue">{line}</{block}>')
        lines.append("".join(re.sub(r"<[^<>]*>", "", line).split()))
    return "".join(out), lines


@st.composite
def inline(draw: st.DrawFn, depth: int) -> str:
    text = draw(WORDS)
    if not depth or draw(st.booleans()):
        return text
    name = draw(INLINE)
    return f"<{name} zattribute='zvalue'>{draw(inline(depth - 1))}</{name}>{text}"


@given(html())
def test_html_shows_its_texts_line_by_line_and_nothing_else(made: tuple[str, list[str]]) -> None:
    body, lines = made
    assert ["".join(line.split()) for line in visible_text(body).split("\n")] == lines


def objects(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    keys = st.sampled_from(("zkey", "zcontent", "ztitle"))
    return st.dictionaries(keys, inner, min_size=1, max_size=3)


VALUES = st.recursive(
    WORDS, lambda inner: st.lists(inner, min_size=1, max_size=3) | objects(inner), max_leaves=8
)


def leaves(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value.strip()]
    inner = value.values() if isinstance(value, dict) else value
    return [leaf for item in inner for leaf in leaves(item)]


@given(objects(VALUES), st.booleans(), st.booleans())
def test_json_shows_its_values_in_order_and_no_key(
    value: object,
    ascii_only: bool,
    twice: bool,
) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only)
    if twice:
        body = json.dumps(body, ensure_ascii=ascii_only)
    assert visible_text(body).split("\n") == leaves(value)
