"""What we believe about a place: reads a pack on top of national, demands a source for every number, applies a scenario, hands out stage inputs.

The only module that reads assumptions/. Must not know demography's, demand's or the allocation's mathematics.
"""

from fiscalsim.assumptions.catalogue import item_table, plan_item_table
from fiscalsim.assumptions.evidence import evidence, values_by_grade
from fiscalsim.assumptions.pack import Pack, check_pack, load_pack, packs
from fiscalsim.assumptions.staging import Graduate, published_margins, stage_inputs
from fiscalsim.assumptions.zones import zone_table, zones

__all__ = [
    "Graduate",
    "Pack",
    "check_pack",
    "evidence",
    "item_table",
    "load_pack",
    "packs",
    "plan_item_table",
    "published_margins",
    "stage_inputs",
    "values_by_grade",
    "zone_table",
    "zones",
]
