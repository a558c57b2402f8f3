"""Which characters of an unquoted text stay together: a number, and the unit or sign at it.

One rule, told in docs/searching.md. Nothing lies between a number and its unit, so a chat in which
both only occur somewhere is not what was asked for.

- A number of at most six digits stays with the Chinese unit behind it («5月», «3.5折», «24小时»),
  with 第 before it, and with what touches that in the same way: «5月1日» is one.
- A sign stays where it touches: `%` `‰` `°` behind a digit; `#` behind a digit or one or two
  letters (C#); `-` `#` `.` before a digit, and `.` before a letter, where a text begins (-20,
  .NET).
- One letter stays with what Chinese calls by it (T恤, U盘, 4S店).
- In kana and Hangul, a number stays with the one or two characters behind it («3번»).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kchat_search.search.tree import Forms, Part, Word
from kchat_search.text.joined import number_spans
from kchat_search.text.scripts import Run, RunKind, is_punctuation, runs
from kchat_search.text.variants import forms

_UNITS = """
年 年度 年级 年份 月 月份 日 号 天 周 周年 周岁 星期 礼拜 季 季度 世纪 岁 晚 夜 代 届 点 点钟 点半
时 小时 分 分钟 秒 秒钟 刻钟 个月 个星期 个小时 个钟 个钟头 个工作日 工作日 元 元钱 块 块钱 角
毛 分钱 万 万元 万块 千 千元 百 百元 亿 亿元 美元 美金 欧元 日元 韩元 英镑 港币 港元 台币 个
个人 次 件 台 部 只 张 条 本 位 人 人份 名 双 套 瓶 盒 箱 包 袋 片 份 单 笔 批 批次 种 款 样 层
楼 栋 幢 号楼 号店 号机 号线 室 单元 期 折 倍 成 成新 集 章 节 页 级 星 星级 路 步 项 颗 粒 支
枝 根 杯 碗 桶 罐 朵 棵 首 篇 段 句 组 家 间 场 座 厅 遍 趟 口 辆 枚 积分 件套 件装 片装 瓶装
口之家 纸 度 摄氏度 米 厘米 毫米 公里 千米 英里 寸 英寸 尺 英尺 码 斤 公斤 千克 克 毫克 吨 升
毫升 平 平米 平方 平方米 立方 立方米 瓦 千瓦 伏 毫安 兆 帧 像素 匹
"""
"""What Chinese counts and measures by."""
_NO_UNITS = """
季节 年龄 年轻 年代 年纪 年货 月亮 月饼 月球 月经 月薪 日本 日子 日常 日期 日志 日语 号码 号称 天气
天然 天津 天猫 天地 天堂 天线 天使 天花 天下 天空 天才 周围 周期 周边 周转 周末 周到 周一 周二
周三 周四 周五 周六 周日 点击 点评 点赞 点亮 点滴 点心 点火 点名 点开 点餐 时间 时候 时期 时代
时刻 时机 时尚 时常 时段 时装 时差 分别 分布 分析 分为 分配 分类 分享 分期 分成 分开 分支 分割
分手 分店 分红 分组 分辨 分流 分局 分公司 秒杀 秒退 秒到 元素 元件 元旦 元宵 角度 角色 角落 毛病
毛巾 毛笔 毛衣 毛绒 万一 万能 万物 千万 千金 百度 百科 百货 百合 百姓 次数 次日 次要 次序 次品
个别 个体 个性 个股 个税 件数 台湾 台北 台风 台阶 台式 台词 部分 部门 部队 部署 部位 部件 部落
只要 只见 只能 只有 只好 只是 只得 只怕 只管 只用 只会 只想 只收 只发 只剩 只退 只换 张三 张开
张贴 条件 条例 条约 条款 条码 条纹 条形码 本来 本身 本人 本次 本科 本质 本地 本月 本市 本国 本周
本期 本店 本机 本单 本金 位于 位置 人民 人们 人口 人员 人物 人类 人数 人才 人家 人士 人生 人工
人均 人事 人体 人品 人气 人脸 名称 名字 名叫 名牌 名单 名额 名片 名义 名下 双方 双手 双眼 双重
双向 双击 双十 双卡 套餐 套路 瓶颈 瓶子 盒子 箱子 包括 包含 包裹 包装 包邮 包退 包换 包厢 包子
包月 包年 袋子 片刻 片面 片段 份额 单位 单独 单纯 单一 单词 单人 单身 单价 单号 单据 笔记 笔试
笔画 批准 批评 批量 批发 种类 种植 种子 款项 款式 样子 样式 样品 样本 层次 层面 楼梯 楼盘 室内
室外 期间 期限 期望 期待 期货 折磨 折腾 折扣 折叠 折算 折现 折旧 倍数 成为 成立 成功 成绩 成长
成果 成员 成本 成分 成熟 成就 成都 成人 成效 成交 成型 成品 集团 集中 集体 集合 集成 集市 集运
集齐 章程 章节 节目 节日 节奏 节约 节点 节能 节假日 节省 页面 页码 级别 星座 星球 星巴克 路线
路上 路由 路过 路边 路口 路灯 路程 步骤 步行 项目 项链 颗粒 支持 支付 支援 支配 支行 支撑 支出
支线 支架 支票 根据 根本 根源 杯子 首先 首都 首次 首页 首席 首批 首发 首付 首单 首重 首选 段落
句子 组织 组成 组合 组建 组装 组件 组长 家庭 家里 家长 家人 家具 家俱 家电 家居 家政 家用 家乡
间接 间隔 间断 场所 场合 场面 场景 场地 场次 座位 座椅 座机 口味 口径 口号 口气 口袋 口子 口红
口罩 口碑 度假 度过 度数 米粉 米饭 米色 米其林 尺寸 尺码 尺子 码头 克服 克隆 升级 升高 升值 升舱
升温 升降 代表 代替 代码 代理 代价 代付 代购 代发 代收 代金券 代办 代号 代扣 代买 晚上 晚期 晚餐
晚点 晚会 晚安 夜晚 夜里 岁月 纸币 纸条 纸张 纸箱 纸巾 纸质 纸袋 平台 平时 平均 平安 平常 平板
匹配
"""
"""Words that begin as a unit does. Behind a number they are words of their own."""
_CALLED_BY_A_LETTER = """
恤 恤衫 盘 股 超 型 型血 座 光 币 卡 轮 照 级 区 栋 幢 口 领 版 档 罩杯 语言 票 楼 字 款 类 店
标 柜 端 形 歌
"""
"""What Chinese calls by one letter before it."""


def _longest_first(table: str) -> str:
    return "|".join(sorted(table.split(), key=lambda word: (-len(word), word)))


_UNIT = re.compile(f"(?!{_longest_first(_NO_UNITS)})[多余来几]?(?:{_longest_first(_UNITS)})")
_LETTERS_UNIT = re.compile(_longest_first(_CALLED_BY_A_LETTER))
_MOST_DIGITS = 6
_ONE_LETTER = re.compile(r"(?:.*\d)?[a-z]", re.DOTALL)
_SIGN_BEHIND = re.compile(r"(?:.*\d[%‰°#]|(?:.*[^a-z])?[a-z]{1,2}#)", re.DOTALL)


def parts_of(folded: str, split: Callable[[str], list[str]]) -> tuple[Part, ...]:
    """What a text without blanks asks for, in its order, nothing twice. `split` cuts Han text into
    words. Empty where there is only punctuation."""
    cutting = _Cutting(split)
    pieces = _pieces(folded)
    for number, (kind, text) in enumerate(pieces):
        following = pieces[number + 1][1] if number + 1 < len(pieces) else ""
        if kind is RunKind.HAN:
            cutting.take_han(text, before_digit=following[:1].isdigit())
        elif kind is RunKind.UNSPACED:
            cutting.take_unspaced(text)
        else:
            cutting.take_chunk(text, is_first=not number)
    cutting.close()
    return tuple(dict.fromkeys(cutting.parts))


def without_punctuation(folded: str, *, is_first: bool = True) -> str:
    """`folded` without the punctuation at its ends. Signs stay where they are part of a name or of
    a number. `is_first`: does a text begin here?"""
    start, end = 0, len(folded)
    if folded.startswith("(") and any(first == 0 for first, _ in number_spans(folded)):
        return without_punctuation("0" + folded[1:], is_first=False).replace("0", "(", 1)
    while start < end and is_punctuation(folded[start]):
        start += 1
    while end > start and is_punctuation(folded[end - 1]):
        end -= 1
    if end > start and _SIGN_BEHIND.fullmatch(folded[max(start, end - 3) : end + 1]):
        end += 1
    if is_first and start == 1 < end:
        sign_before, first = folded[0], folded[1]
        if (first.isdigit() and sign_before in "-#.") or (first.isalpha() and sign_before == "."):
            start = 0
    return folded[start:end]


def _pieces(folded: str) -> list[tuple[RunKind, str]]:
    """The runs of a text, with their kinds. Neighbours that are neither Han nor another unspaced
    script stay together («3.6.0»), with the kind OTHER."""
    pieces: list[tuple[RunKind, str]] = []
    chunk: list[Run] = []
    for run in [*runs(folded), Run(RunKind.HAN, "")]:
        if run.kind not in (RunKind.HAN, RunKind.UNSPACED):
            chunk.append(run)
            continue
        if chunk:
            pieces.append((RunKind.OTHER, "".join(each.text for each in chunk)))
            chunk = []
        if run.text:
            pieces.append((run.kind, run.text))
    return pieces


class _Cutting:
    """Cuts a text, piece by piece."""

    def __init__(self, split: Callable[[str], list[str]]) -> None:
        self.parts: list[Part] = []
        self._split = split
        self._open: Word | str = ""
        """A chunk to which a unit may still be added."""
        self._has_unit = False
        """Does `_open` end with a unit? Then a digit goes on with it."""
        self._before = ""
        """第 before a number."""

    def take_han(self, text: str, *, before_digit: bool) -> None:
        unit = self._unit(text)
        if unit:
            self._open = str(self._open) + unit
            self._has_unit = True
            text = text[len(unit) :]
        if not text and before_digit:
            return
        self.close()
        if before_digit and text.endswith("第"):
            text, self._before = text[:-1], "第"
        if text:
            words = forms(text, self._split)
            self.parts += [each[0] if len(each) == 1 else Forms(each) for each in words]

    def take_unspaced(self, text: str) -> None:
        # The Unicode blocks of unspaced scripts have punctuation, too («・»).
        part = without_punctuation(text, is_first=False)
        is_unit = len(text) <= 2 and part == text and not self._has_unit
        if is_unit and _ends_with_number(str(self._open)):
            self._open = str(self._open) + text
            self._has_unit = True
            return
        self.close()
        if part:
            self.parts.append(part)

    def take_chunk(self, chunk: str, *, is_first: bool) -> None:
        text = without_punctuation(chunk, is_first=is_first)
        begins, ends = chunk.startswith(text), chunk.endswith(text)
        if self._open and not (self._has_unit and text and begins and text[0].isdigit()):
            self.close()
        if not text:
            return
        if not self._open and all(run.kind is RunKind.LETTERS for run in runs(text)):
            star = chunk[chunk.index(text) + len(text) :].startswith("*")
            self._open = Word(text, prefix=star)
        else:
            self._open = str(self._open) + self._before + text
        self._before = ""
        self._has_unit = False
        if not ends:
            self.close()

    def close(self) -> None:
        """Nothing more belongs to the chunk before."""
        if self._open:
            self.parts.append(self._open)
        self._open = ""
        self._has_unit = False

    def _unit(self, han: str) -> str:
        """The unit with which this Han text begins, if the chunk before it takes one."""
        before = str(self._open)
        unit = None
        if not self._has_unit and _ends_with_number(before):
            unit = _UNIT.match(han)
        elif _ONE_LETTER.fullmatch(before[-2:]):
            unit = _LETTERS_UNIT.match(han)
        return unit.group() if unit else ""


def _ends_with_number(text: str) -> bool:
    """Does it end with a number that may have a unit? A longer one names something: an order, a
    telephone."""
    number = text[len(text.rstrip("0123456789- ")) :]
    digits = sum(map(str.isdigit, number))
    return number[-1:].isdigit() and digits <= _MOST_DIGITS
