"""The words by which Chinese counts and measures, and where in a query only a blank stands between
a number and one of them.
"""

from __future__ import annotations

import re

from kchat_search.text.fold import fold_with_map

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


UNIT = re.compile(f"(?!{_longest_first(_NO_UNITS)})[多余来几]?(?:{_longest_first(_UNITS)})")
LETTERS_UNIT = re.compile(_longest_first(_CALLED_BY_A_LETTER))
_NUMBER = (
    r"(?<![a-z0-9_.,:/%+-])(?<![0-9] )"
    r"(?:[0-9]{1,3}(?:,[0-9]{3}){1,3}|[0-9]{1,6}(?:\.[0-9]{1,2})?)"
)
_OTHER_UNITS = "%|‰|°[cf]?|ml|l|mg|kg|g|mm|cm|km|m|kb|mb|gb|tb|mah|kw|w|v|hz|k|oz|px|rmb"
_END = r"(?![^\W_])"
_APART = re.compile(
    rf"{_NUMBER} ?[年月日号点时](?: ?[0-9]{{1,4}} [月日号分秒])+"
    rf"|(?:第 ?)?{_NUMBER} ?(?:(?P<word>[\u4e00-\u9fff]{{1,5}})|{_OTHER_UNITS}){_END}"
    rf"|[¥$€£] {_NUMBER}(?![0-9.,])"
    rf"|(?<![a-z0-9])[a-z] (?P<called>[\u4e00-\u9fff]{{1,2}}){_END}"
)
"""Folded. Behind a unit the text ends: «3 个手机» has a blank where a word begins."""


def unit_spans(query: str) -> list[tuple[int, int]]:
    """Where in a query, as typed, a number and its unit stand, with a blank between or without: «5
    月 1 日», «20 %», «T 恤». The ranges (start, end) are in order and do not overlap."""
    if " " not in query and "\u3000" not in query:
        return []
    folded = fold_with_map(query)
    found = filter(_has_unit, _APART.finditer(folded.text))
    return [folded.original_range(*match.span()) for match in found]


def without_unit_blanks(folded: str) -> str:
    """A folded text without the blanks between numbers and their units."""
    return _APART.sub(
        lambda match: match.group().replace(" ", "") if _has_unit(match) else match.group(), folded
    )


def _has_unit(match: re.Match[str]) -> bool:
    """Is the word behind the blank one of the tables?"""
    word, called = match["word"], match["called"]
    return (word is None or UNIT.fullmatch(word) is not None) and (
        called is None or LETTERS_UNIT.fullmatch(called) is not None
    )
