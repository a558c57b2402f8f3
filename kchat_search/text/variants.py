"""The other written forms of a word: 帳號 for 账号, 瞭解 for 了解. For queries only.

Folding makes one of a traditional character and its simplified form wherever that holds for the
character by itself. What is left are characters that are one only in certain words: 覆 is 复 in
回覆, not in 覆盖. Folding must not join them (一份 is not 一分), so a query is widened instead.

The tables hold what OpenCC's phrases (s2t, s2tw, s2hk and back) say of the words of jieba's
dictionary, and what people write besides (帐号, 妳们, 计画, 部份). A test measures which share of
that dictionary, in the writing of Taiwan and Hong Kong, is not found by its simplified form. Other
vocabulary (软体 for 软件, 支援 for 支持, which s2twp has) is not here: those are other words, and
many of them mean something else as well.

Invariant: the forms of a word have the same length, and each is a form of each other, so a query
finds the same chats in whichever of them it is written.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from functools import cache
from itertools import accumulate, islice, product

_MAX_FORMS = 16
"""Of one word."""

_CHARACTERS = (
    "着著 卫衞 叙敍 檐簷 痹痺 睾睪 昵暱 你妳 它牠 账帐 妆粧 券劵 炮砲 碱硷 粽糭 韭韮 仿倣 鲇鲶"
)
"""One character in two forms, in whatever word."""

_WORDS = """
了解 瞭解|了然 瞭然|了如指掌 瞭如指掌|了若指掌 瞭若指掌|明了 明瞭|瞭望 了望
什么 甚么|只是 祇是 祗是 衹是|只有 祇有 祗有 衹有|只要 祇要 祗要 衹要|只能 祇能 祗能 衹能
只好 祇好 祗好 衹好|仿佛 彷佛|姐姐 姊姊|唯一 惟一|唯有 惟有|唯独 惟独|思维 思惟
部分 部份|身份 身分|成分 成份|充分 充份|水分 水份|养分 养份|缘分 缘份|过分 过份|福分 福份
情分 情份|天分 天份|本分 本份|名分 名份|辈分 辈份|安分 安份|职分 职份|月份 月分|股份 股分
省份 省分|年份 年分|知识分子 知识份子|积极分子 积极份子|犯罪分子 犯罪份子|不法分子 不法份子
恐怖分子 恐怖份子|坏分子 坏份子|分量 份量|分内 份内|分外 份外
计划 计画|规划 规画|策划 策画|企划 企画|筹划 筹画|谋划 谋画|区划 区画|擘画 擘划|刻画 刻划
比划 比画|笔画 笔划|勾画 勾划|指手画脚 指手划脚|出谋划策 出谋画策
家具 家俱|记录 纪录|记录片 纪录片|交代 交待|人才 人材|唯恐 惟恐
回复 回覆|答复 答覆|反复 反覆|批复 批覆|复命 覆命|复信 覆信|复函 覆函|复电 覆电|电复 电覆
函复 函覆|敬复 敬覆|禀复 禀覆|示复 示覆|见复 见覆|赐复 赐覆|反反复复 反反覆覆|重复 重覆
复核 覆核|复审 覆审|复议 覆议|复查 覆查|复试 覆试|复验 覆验|覆盖 复盖|颠覆 颠复|倾覆 倾复
覆辙 复辙|覆灭 复灭|覆没 复没|翻来覆去 翻来复去|覆水难收 复水难收|三翻四复 三翻四覆
凭借 凭藉|借口 藉口|借助 藉助|借以 藉以|借着 藉着 藉著 借著|借机 藉机|借此 藉此|借故 藉故
借由 藉由|借词 藉词|借端 藉端|借酒 藉酒|慰藉 慰借|狼藉 狼借|蕴藉 蕴借
想象 想像|图像 图象|录像 录象|摄像 摄象|影像 影象|成像 成象|好像 好象|不像话 不象话
偶像 偶象|头像 头象|肖像 肖象|形象 形像|印象 印像|现象 现像|像样 象样|四不像 四不象
具象 具像|坐标 座标|座位 坐位|坐落 座落|后坐力 后座力|入座 入坐|就座 就坐|落座 落坐
复苏 复甦|苏醒 甦醒|项链 项炼|手链 手炼|拉链 拉炼|铁链 铁炼|锁链 锁炼|金链 金炼|银链 银炼
脚链 脚炼|珍珠链 珍珠炼|链条 炼条|链子 炼子|背负 揹负|背包 揹包|背带 揹带|背篓 揹篓
背筐 揹筐|背着 揹着 揹著 背著|背黑锅 揹黑锅
柜台 柜枱|写字台 写字枱|办公台 办公枱|台灯 枱灯|台球 枱球|梳妆台 梳妆枱|台布 枱布
服务台 服务枱|台面 枱面|手术台 手术枱|总台 总枱|餐台 餐枱|收银台 收银枱|球台 球枱|窗台 窗枱
马夫 马伕|车夫 车伕|轿夫 轿伕|船夫 船伕|脚夫 脚伕|伙夫 伙伕|挑夫 挑伕|民夫 民伕|夫役 伕役
径自 迳自|径直 迳直|径行 迳行|大相径庭 大相迳庭|咨询 谘询|咨文 谘文|咨商 谘商|咨议 谘议
熏陶 薰陶|熏染 薰染|薰衣草 熏衣草|熏香 薰香|香熏 香薰|利欲熏心 利欲薰心
巨额 钜额|巨款 钜款|巨子 钜子|腭裂 颚裂|软腭 软颚|硬腭 硬颚|老幺 老么|幺妹 么妹|幺儿 么儿
一见钟情 一见锺情|老态龙钟 老态龙锺|钱钟书 钱锺书|麻痹 痲痹 痲痺 麻痺|麻将 蔴将
余额 馀额|其余 其馀|多余 多馀|剩余 剩馀|业余 业馀|余款 馀款|余下 馀下|之余 之馀|有余 有馀
残余 残馀|余地 馀地|余生 馀生|余波 馀波
著名 着名|著作 着作|著者 着者|著述 着述|著称 着称|著录 着录|著书 着书|著有 着有|原著 原着
名著 名着|专著 专着|编著 编着|合著 合着|译著 译着|论著 论着|巨著 巨着|遗著 遗着|拙著 拙着
显著 显着|卓著 卓着|昭著 昭着|土著 土着|见微知著 见微知着
帐篷|蚊帐|营帐|帐幕|帐中|帐下|床帐|罗帐|虎帐|青纱帐
"""
"""Words in several forms, folded: first the one that jieba's dictionary has, then the others. They
are found within longer words, too. A word by itself has one form; no rule of a character holds in
it."""


def variants(word: str) -> tuple[str, ...]:
    """The other written forms of a folded word, without itself; () for most words.

    `word` is one word of Han text, as `forms` gives them. The tables are read once (a few
    milliseconds); then a word takes some microseconds.
    """
    return tuple(form for form in _class(canonical(word)) if form != word)


def canonical(text: str) -> str:
    """A folded text with each word of the tables in its first form. The length stays, so a range of
    the one is a range of the other."""
    first_forms = _first_forms()
    return _pattern().sub(lambda match: first_forms[match.group()], text)


def forms(run: str, split: Callable[[str], list[str]]) -> list[tuple[str, ...]]:
    """The words of a Han run of a query, in order: for each, the ways to write it. First the way in
    which it was typed.

    `split` cuts Han text into words that, joined, are the text again. A chat has a word if it has
    any of its forms.
    """
    words: list[tuple[str, ...]] = []
    position = 0
    for word in split(_readable(run, split)):
        typed = run[position : position + len(word)]
        position += len(word)
        words.append(tuple(dict.fromkeys((typed, *_class(canonical(word))))))
    return words


def _readable(run: str, split: Callable[[str], list[str]]) -> str:
    """The run with words of the tables in their first form, which jieba knows. It takes 瞭解 apart.

    What is no word here stays as it is: 坐位 in 乘坐位置. jieba decides, for the words around it.
    """
    first_forms = _first_forms()
    matches = [m for m in _pattern().finditer(run) if first_forms[m.group()] != m.group()]
    if not matches:
        return run
    borders = [0, *accumulate(map(len, split(run)))]
    out = list(run)
    for match in matches:
        start, end = match.span()
        before = borders[bisect_right(borders, start) - 1]
        after = borders[bisect_left(borders, end)]
        changed = "".join((*out[before:start], first_forms[match.group()], *out[end:after]))
        new_borders = accumulate(map(len, split(changed)), initial=before)
        if not any(start < border < end for border in new_borders):
            out[start:end] = first_forms[match.group()]
    return "".join(out)


@cache
def _table() -> dict[str, tuple[str, ...]]:
    """By the first form of each row, all of its forms."""
    rows = [row.split() for row in _WORDS.replace("\n", "|").split("|") if row]
    return {row[0]: tuple(row) for row in rows} | {
        pair[0]: tuple(pair) for pair in _CHARACTERS.split()
    }


@cache
def _first_forms() -> dict[str, str]:
    """By each form, the first form of its row."""
    return {form: row[0] for row in _table().values() for form in row}


@cache
def _pattern() -> re.Pattern[str]:
    """Finds all forms, the longer ones first."""
    return re.compile("|".join(sorted(_first_forms(), key=lambda form: (-len(form), form))))


def _class(word: str) -> tuple[str, ...]:
    """All forms of a word in its first form, itself first."""
    ways = islice(product(*_pieces(word)), _MAX_FORMS)
    # Beside its neighbours, a form may be read as another word. It is then no form of this one.
    return tuple(form for form in map("".join, ways) if canonical(form) == word) or (word,)


def _pieces(word: str) -> Iterator[tuple[str, ...]]:
    """A word in its first form, cut into the pieces that the tables have and those between."""
    table = _table()
    done = 0
    for match in _pattern().finditer(word):
        yield (word[done : match.start()],)
        yield table.get(match.group(), (match.group(),))
        done = match.end()
    yield (word[done:],)
