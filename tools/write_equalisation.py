"""Writes docs/equalisation.xlsx, the worked example of docs/equalisation.md as a spreadsheet with live formulas: python tools/write_equalisation.py.

The sheet knows nothing of the program: inputs are numbers, everything else is a formula of the sheet. Its values are kept in the file, reckoned here from
the formulas themselves, so that a viewer without a calculation engine shows them too. A test reads the formulas again and compares them with the program.
"""

from __future__ import annotations

import datetime
import re
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path

import xlsxwriter

FILE = Path(__file__).resolve().parents[1] / "docs" / "equalisation.xlsx"
COLUMNS = ("C", "D", "E")  # the three counties
WHOLE = "F"
YUAN, SHARE, PLAIN = "#,##0", "0.000000", "#,##0.00"

# key, Chinese, English, format, what stands in the three columns (three inputs, or one formula), what stands in the column of the whole.
# In a formula {key} is the same column's cell, {key.all} the whole's cell and {key.each} the three cells.
ROWS: tuple[tuple[str, str, str, str, object, object], ...] = (
    ("", "已知", "Given", "", None, None),
    ("residents", "常住人口（人）", "residents", YUAN, (400_000, 250_000, 150_000), "=SUM({residents.each})"),
    ("pupils", "教育服务对象（人）", "clients of education", YUAN, (50_000, 32_000, 20_000), "=SUM({pupils.each})"),
    ("difference", "成本差异（全域平均为1）", "cost difference", PLAIN, (0.94, 1.00, 1.16), None),
    ("per_pupil", "教育人均支出标准（元）", "standard per client", YUAN, None, 12_000),
    ("per_head", "目录外人均支出标准（元）", "standard per head outside the catalogue", YUAN, None, 4_000),
    ("product", "地区生产总值（元）", "gross product", YUAN, (20_000_000_000, 9_000_000_000, 4_000_000_000), "=SUM({product.each})"),
    ("own", "自有收入（元）", "own revenue", YUAN, (900_000_000, 300_000_000, 120_000_000), "=SUM({own.each})"),
    ("earmarked", "专项和共同事权转移支付（元）", "grants for named purposes", YUAN, (200_000_000, 150_000_000, 110_000_000), "=SUM({earmarked.each})"),
    ("necessary", "三保必要支出（元）", "necessary spending", YUAN, (1_400_000_000, 1_150_000_000, 900_000_000), "=SUM({necessary.each})"),
    ("before", "上年一般性转移支付（元）", "general grants of the year before", YUAN, (650_000_000, 700_000_000, 550_000_000), "=SUM({before.each})"),
    ("pool", "今年总额（元）", "the year's pool", YUAN, None, 1_995_000_000),
    ("formula_share", "按公式分配的比例", "part shared by the formula", PLAIN, None, 0.6),
    ("guarantee_share", "其中县级基本财力保障", "of it for the county guarantee", PLAIN, None, 0.1),
    ("effort_share", "其中努力程度奖励", "of it for effort", PLAIN, None, 0.05),
    ("weight", "困难程度系数权重", "weight of the difficulty index", PLAIN, None, 0.2),
    ("band", "增减幅（总额增幅上下）", "band of growth", PLAIN, None, 0.1),
    ("", "1 标准财政支出", "1 Standard expenditure", "", None, None),
    ("weighted", "人口×成本差异", "residents x difference", YUAN, "={residents}*{difference}", "=SUM({weighted.each})"),
    ("mean", "按人口平均的成本差异", "mean difference over residents", SHARE, None, "={weighted.all}/{residents.all}"),
    ("coefficient", "成本差异系数", "cost coefficient", SHARE, "={difference}/{mean.all}", None),
    ("education", "教育", "education", YUAN, "={pupils}*{per_pupil.all}*{coefficient}", "=SUM({education.each})"),
    ("outside", "目录外", "outside the catalogue", YUAN, "={residents}*{per_head.all}*{coefficient}", "=SUM({outside.each})"),
    ("expenditure", "标准财政支出", "standard expenditure", YUAN, "={education}+{outside}", "=SUM({expenditure.each})"),
    ("", "2 标准财政收入", "2 Standard revenue", "", None, None),
    ("rate", "平均有效征收率", "average effective rate", SHARE, None, "={own.all}/{product.all}"),
    ("revenue", "标准财政收入", "standard revenue", YUAN, "={product}*{rate.all}", "=SUM({revenue.each})"),
    ("", "3 缺口", "3 Gap", "", None, None),
    ("fixed", "固定数额部分（按现状占比）", "fixed amounts", YUAN, "=(1-{formula_share.all})*{pool.all}*{before}/{before.all}", "=SUM({fixed.each})"),
    ("means", "标准财力", "means at the standard", YUAN, "={revenue}+{earmarked}+{fixed}", "=SUM({means.each})"),
    ("gap", "标准收支缺口", "fiscal gap", YUAN, "=MAX({expenditure}-{means},0)", "=SUM({gap.each})"),
    ("", "4 困难程度系数", "4 Difficulty index", "", None, None),
    ("burden", "必要支出÷标准财政收入", "necessary spending over standard revenue", SHARE, "={necessary}/{revenue}", None),
    ("z_burden", "标准化", "standardised", SHARE, "=({burden}-AVERAGE({burden.each}))/STDEVP({burden.each})", None),
    ("lack", "缺口÷标准财政支出", "gap over standard expenditure", SHARE, "={gap}/{expenditure}", None),
    ("z_lack", "标准化", "standardised", SHARE, "=({lack}-AVERAGE({lack.each}))/STDEVP({lack.each})", None),
    ("hard", "困难程度系数", "difficulty index", SHARE, "=0.55*{z_burden}+0.45*{z_lack}", None),
    ("", "5 转移支付系数和均衡性部分", "5 Transfer coefficient and equalisation", "", None, None),
    ("shared", "按公式分配的总额", "the formula's money", YUAN, None, "={formula_share.all}*{pool.all}"),
    ("part", "其中均衡性", "of it equalisation", YUAN, None, "={shared.all}*(1-{guarantee_share.all}-{effort_share.all})"),
    ("common", "总额÷缺口总额", "pool over all gaps", SHARE, None, "={part.all}/{gap.all}"),
    ("transfer", "转移支付系数", "transfer coefficient", SHARE, "=MAX((1-{weight.all})*{common.all}+{weight.all}*{hard},0)", None),
    ("by_need", "缺口×系数", "gap x coefficient", YUAN, "={gap}*{transfer}", "=SUM({by_need.each})"),
    ("first", "均衡性（调到总额）", "equalisation, scaled to its part", YUAN, "={part.all}*{by_need}/{by_need.all}", "=SUM({first.each})"),
    ("", "6 县级基本财力保障和奖励", "6 County guarantee and reward", "", None, None),
    ("missing", "三保缺口", "missing to the three guarantees", YUAN, "=MAX({necessary}-{means}-{first},0)", "=SUM({missing.each})"),
    ("closed", "补助比例", "closing share", SHARE, None, "=IF({missing.all}>0,MIN(1,{guarantee_share.all}*{shared.all}/{missing.all}),0)"),
    ("guarantee", "县级基本财力保障", "county guarantee", YUAN, "={closed.all}*{missing}", "=SUM({guarantee.each})"),
    ("left", "剩余退回均衡性", "left over, back to equalisation", YUAN, None, "={guarantee_share.all}*{shared.all}-{guarantee.all}"),
    ("equalised", "均衡性（含退回）", "equalisation with it", YUAN, "={first}*(1+{left.all}/{part.all})", "=SUM({equalised.each})"),
    ("effort", "努力程度（自有收入÷标准财政收入）", "effort", SHARE, "={own}/{revenue}", None),
    ("above", "人口×高于平均的部分", "residents x effort above the average", PLAIN, "={residents}*MAX({effort}-1,0)", "=SUM({above.each})"),
    ("reward", "努力程度奖励", "reward", YUAN, "={effort_share.all}*{shared.all}*{above}/{above.all}", "=SUM({reward.each})"),
    ("wanted", "控制前合计", "before the growth control", YUAN, "={fixed}+{equalised}+{guarantee}+{reward}", "=SUM({wanted.each})"),
    ("", "7 增幅控制", "7 Growth control", "", None, None),
    ("growth", "总额增长", "growth of the pool", SHARE, None, "={pool.all}/{before.all}"),
    ("low", "下限", "lower bound", YUAN, "={before}*{growth.all}*(1-{band.all})", "=SUM({low.each})"),
    ("high", "上限", "upper bound", YUAN, "={before}*{growth.all}*(1+{band.all})", "=SUM({high.each})"),
    ("try_1", "第一轮：夹在上下限之间", "round 1: held between the bounds", YUAN, "=MIN(MAX({wanted},{low}),{high})", "=SUM({try_1.each})"),
    ("free_1", "在上下限之内的", "those inside the band", YUAN, "=IF({try_1}={wanted},{wanted},0)", "=SUM({free_1.each})"),
    ("bound_1", "已到上下限的", "those at a bound", YUAN, "=IF({try_1}={wanted},0,{try_1})", "=SUM({bound_1.each})"),
    ("scale_1", "在限内的同比调整", "scale of those inside", SHARE, None, "=({pool.all}-{bound_1.all})/{free_1.all}"),
    ("try_2", "第二轮", "round 2", YUAN, "=MIN(MAX({scale_1.all}*{wanted},{low}),{high})", "=SUM({try_2.each})"),
    ("free_2", "在上下限之内的", "those inside the band", YUAN, "=IF({try_2}={scale_1.all}*{wanted},{wanted},0)", "=SUM({free_2.each})"),
    ("bound_2", "已到上下限的", "those at a bound", YUAN, "=IF({try_2}={scale_1.all}*{wanted},0,{try_2})", "=SUM({bound_2.each})"),
    ("scale_2", "在限内的同比调整", "scale of those inside", SHARE, None, "=({pool.all}-{bound_2.all})/{free_2.all}"),
    ("general", "今年一般性转移支付", "general grants of the year", YUAN, "=MIN(MAX({scale_2.all}*{wanted},{low}),{high})", "=SUM({general.each})"),
    ("check", "与总额之差", "difference to the pool", YUAN, None, "={general.all}-{pool.all}"),
    ("change", "比上年增长", "growth over the year before", SHARE, "={general}/{before}-1", "={general.all}/{before.all}-1"),
)  # fmt: skip


def cells() -> dict[str, object]:
    """Cell -> number or formula, labels left out."""
    line = {row[0]: number for number, row in enumerate(ROWS, start=2) if row[0]}

    def at(formula: str, column: str) -> str:
        def cell(found: re.Match[str]) -> str:
            name, _, part = found.group(1).partition(".")
            if part == "each":
                return f"{COLUMNS[0]}{line[name]}:{COLUMNS[-1]}{line[name]}"
            return f"{WHOLE if part == 'all' else column}{line[name]}"

        return re.sub(r"\{([\w.]+)\}", cell, formula)

    found: dict[str, object] = {}
    for number, (_, _, _, _, each, whole) in enumerate(ROWS, start=2):
        for i, column in enumerate(COLUMNS):
            if each is not None:
                found[f"{column}{number}"] = at(each, column) if isinstance(each, str) else each[i]  # type: ignore[index]
        if whole is not None:
            found[f"{WHOLE}{number}"] = at(whole, WHOLE) if isinstance(whole, str) else whole
    return found


FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "SUM": lambda *a: sum(_flat(a)),
    "MAX": lambda *a: max(_flat(a)),
    "MIN": lambda *a: min(_flat(a)),
    "AVERAGE": lambda *a: statistics.fmean(_flat(a)),
    "STDEVP": lambda *a: statistics.pstdev(_flat(a)),
    "IF": lambda test, yes, no: yes if test else no,
}


def _flat(values: tuple) -> list[float]:
    return [v for value in values for v in (value if isinstance(value, list) else [value])]


def evaluate(sheet: Mapping[str, object]) -> dict[str, float]:
    """Every cell's value from the formulas alone: + - * / brackets, comparisons and the functions above; nothing else may stand in a formula."""
    known: dict[str, float] = {}

    def value(cell: str) -> float:
        if cell not in known:
            content = sheet[cell]
            known[cell] = _reckon(str(content)[1:], value) if isinstance(content, str) else float(content)  # type: ignore[arg-type]
        return known[cell]

    return {cell: value(cell) for cell in sheet}


def _reckon(formula: str, value: Callable[[str], float]) -> float:
    if not re.fullmatch(r"[A-Z0-9.,:()+\-*/<>= ]+", formula):
        raise ValueError(f"{formula}: a sign that this sheet does not use")
    python = re.sub(r"(?<![<>=])=(?!=)", "==", formula)
    python = re.sub(r"([A-Z])(\d+):([A-Z])(\d+)", lambda m: str([f"{chr(c)}{m[2]}" for c in range(ord(m[1]), ord(m[3]) + 1)]).replace("'", '"'), python)
    python = re.sub(r'(?<!["A-Z])([A-Z]\d+)(?!["\d])', r'v("\1")', python)
    python = re.sub(r'"([A-Z]\d+)"(?=[,\]])', r'v("\1")', python)
    return float(eval(python, {"__builtins__": {}}, {**FUNCTIONS, "v": value}))


def write(path: Path) -> None:
    """The workbook, with formulas and their values."""
    found = cells()
    values = evaluate(found)
    book = xlsxwriter.Workbook(path)
    book.set_properties({"title": "均衡性转移支付算例 Equalisation worked example", "created": datetime.datetime(2026, 1, 1)})
    sheet = book.add_worksheet("算例 example")
    sheet.set_column("A:A", 36)
    sheet.set_column("B:B", 38)
    sheet.set_column("C:F", 18)
    sheet.freeze_panes(1, 2)
    bold = book.add_format({"bold": True, "bg_color": "#E4E9F0"})
    for column, head in enumerate(("项目", "item", "甲县 A", "乙县 B", "丙县 C", "合计或共同数 all")):
        sheet.write(0, column, head, bold)
    for number, (key, zh, en, shape, _, _) in enumerate(ROWS, start=2):
        for column, text in enumerate((zh, en)):
            sheet.write(number - 1, column, text, None if key else bold)
        for cell in (f"{column}{number}" for column in (*COLUMNS, WHOLE)):
            content = found.get(cell)
            if isinstance(content, str):
                sheet.write_formula(cell, content, book.add_format({"num_format": shape}), values[cell])
            elif content is not None:
                sheet.write_number(cell, float(content), book.add_format({"num_format": shape, "font_color": "#1B4F8F"}))  # type: ignore[arg-type]
    book.close()


def by_name(values: Mapping[str, float]) -> dict[str, list[float]]:
    """Row key -> the values in its three columns, then the whole's; those that are there."""
    lines = {number: row[0] for number, row in enumerate(ROWS, start=2) if row[0]}
    return {key: [values[cell] for cell in (f"{c}{number}" for c in (*COLUMNS, WHOLE)) if cell in values] for number, key in lines.items()}


if __name__ == "__main__":
    write(FILE)
    for name, row in by_name(evaluate(cells())).items():
        print(f"{name:16}", *(f"{value:>20,.6f}" for value in row))
