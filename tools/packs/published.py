"""What was published of each region's public money, line by line, in the terms of a budget: `published.csv` of a pack.

These figures decide nothing. The base year is reconciled with them, and later years are held against the modelled path. A line that no document
prints is left out, never filled.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .shared import table, write

# Lines of a budget report, and the facts' names for them.
LINES = {
    "gpb_revenue": "own_revenue",
    "gpb_tax": "tax_revenue",
    "gpb_nontax": "nontax_revenue",
    "transfers_received": "transfers_received",
    "transfers_tax_return": "tax_refund",
    "transfers_general": "general_transfers",
    "transfers_special": "special_transfers",
    "debt_onlending": "bonds_onlent",
    "carry_in": "carried_in",
    "funds_in": "funds_in",
    "stabilisation_used": "stabilisation_used",
    "total_resources": "total_resources",
    "gpb_expenditure": "expenditure",
    "remittance_up": "remitted_up",
    "debt_repayment": "debt_repaid",
    "carry_out": "carried_out",
    "funds_out": "funds_out",
    "stabilisation_added": "stabilisation_added",
    "exp_debt_interest": "interest_paid",
    "sanbao": "sanbao",
    "sanbao_livelihood": "sanbao_livelihood",
    "sanbao_wages": "sanbao_wages",
    "sanbao_operation": "sanbao_operation",
    "exp_education": "education",
    "exp_social_security": "social_security",
    "exp_health": "health",
    "exp_housing": "housing",
    "exp_culture": "culture",
}
# The first words of a title that match name its source; secondary compilations and recalled figures have grade C.
SOURCES = (
    ("县域统计年鉴", "county-yearbook", "B"),
    ("中国统计年鉴", "cn-yearbook-7", "B"),
    ("省级财政自给率", "cn-yearbook-7", "C"),
    ("教育经费执行情况", "edu-execution", "B"),
    ("朝阳市", "chaoyang2025", "B"),
    ("盘锦市", "panjin2025", "B"),
    ("2023年内蒙古一般公共预算收入", "im-press", "B"),
    ("赤峰市2025", "chifeng2025", "B"),
    ("阿拉善盟", "alxa2020", "B"),
    ("关于呼和浩特市", "city-budgets", "B"),
    ("抚顺市", "city-budgets", "B"),
    ("阜新市", "city-budgets", "B"),
    ("营口市", "city-budgets", "B"),
    ("2023年本溪", "city-budgets", "B"),
    ("2017年中央对内蒙古", "city-budgets", "C"),
    ("辽宁省2024年各市", "city-budgets", "B"),
    ("中国城市统计年鉴", "city-yearbooks", "B"),
    ("China City Panel", "city-yearbooks", "B"),
    ("china-local-debt-atlas", "money-atlas", "C"),
    ("甘肃省", "cn-yearbook-7", "C"),
    ("临夏", "money-atlas", "C"),
)
CONFIRMED = "622900"  # secondary figures that the county yearbook's sums bear out for 2020 (spending 282.9 + own level 37.4)
TAX_BASE = "gdp"  # what standard revenue is reckoned from; the base year's only
LATEST = 2025  # later figures are budgets, not outturn


def marks_of(title: str, recalled: bool) -> tuple[str, str]:
    """Source id and grade of a figure by the title that it was read from."""
    for words, source, grade in SOURCES:
        if words in title:
            return source, "C" if recalled else grade
    raise ValueError(f"{title}: no source id is known for this title")


def build(folder: Path, base_year: int, facts: Path) -> None:
    """Write `folder`/published.csv for the regions of its regions.csv, from the base year on."""
    codes = list(pd.read_csv(folder / "regions.csv", dtype=str)["region"])
    money = table(facts, "fiscal/fiscal_series.csv")
    money = money[money["preferred"] == 1]
    counties = table(facts, "fiscal/county_fiscal_series.csv")
    known = set(zip(money["region_code"], money["measure"], money["year"], strict=True))
    more = counties[[key not in known for key in zip(counties["region_code"], counties["measure"], counties["year"], strict=True)]]
    found = pd.concat([money, more], ignore_index=True)
    found = found[found["region_code"].isin(codes) & found["measure"].isin(LINES) & found["year"].between(base_year, LATEST)]
    found = found[(found["status"] != "budget") & ((found["confidence"] != "low") | (found["region_code"] == CONFIRMED))]
    rows: list[tuple[object, ...]] = []
    for row in found.to_dict("records"):
        source, grade = marks_of(str(row["source_title"]), row["how_known"] == "recalled")
        status = {"quick": "快报数", "execution": "执行数"}.get(str(row["status"]), "")
        note = "；".join(filter(None, (str(row["source_title"]), status)))
        rows.append((row["region_code"], LINES[str(row["measure"])], int(row["year"]), f"{row['value']:.4f}", "亿元", grade, source, note))
    rows += gross_products(codes, base_year, facts)
    lines = [*LINES.values(), TAX_BASE]
    rows.sort(key=lambda cells: (codes.index(str(cells[0])), lines.index(str(cells[1])), int(str(cells[2]))))
    write(folder / "published.csv", "region,item,year,value,unit,grade,source,note", rows)
    print(f"published.csv: {len(rows)} lines of budgets")


def gross_products(codes: list[str], year: int, facts: Path) -> list[tuple[object, ...]]:
    """Rows of the base year's gross product of every region that has one; of a league without its own, the sum of its banners in the county yearbook.

    A pack whose base year has none gets no row: its standard revenue is then its own revenue.
    """
    series = pd.concat([table(facts, "fiscal/macro_series.csv"), table(facts, "fiscal/county_fiscal_series.csv")], ignore_index=True)
    series = series[(series["measure"] == TAX_BASE) & (series["year"] == year) & (series["confidence"] != "low")].drop_duplicates("region_code")
    known = series.set_index("region_code")
    rows: list[tuple[object, ...]] = []
    for code in codes:
        if code in known.index and known.loc[code, "how_known"] != "recalled":
            title = str(known.loc[code, "source_title"])
            if any(words in title for words, _, _ in SOURCES[:1]) or "城市统计年鉴" in title:
                source, grade = marks_of(title, False)
                rows.append((code, TAX_BASE, year, f"{float(known.loc[code, 'value']):.4f}", "亿元", grade, source, title))
        elif not code.endswith("0000") and code.endswith("00"):
            within = known[known.index.str.startswith(code[:4]) & ~known.index.str.endswith(("00", "ZC", "ZD"))]
            if len(within):
                note = f"县域统计年鉴所列{len(within)}个旗县市之和"
                rows.append((code, TAX_BASE, year, f"{within['value'].astype(float).sum():.4f}", "亿元", "C", "county-yearbook", note))
    return rows
