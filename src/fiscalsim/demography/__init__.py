"""Demography: the starting population, life tables, the cohort-component engine and what follows from it.

Arrays in, arrays out; reads no pack and no scenario. See docs/demography.md for every method and its size.
"""

from fiscalsim.demography.cohort import advance, identities, moves, simulate, vital_rates
from fiscalsim.demography.graduation import base_population, graduate, rake
from fiscalsim.demography.lifetable import life_expectancy, life_table, shift_to_life_expectancy, survivorship_ratio

__all__ = [
    "advance",
    "base_population",
    "graduate",
    "identities",
    "life_expectancy",
    "life_table",
    "moves",
    "rake",
    "shift_to_life_expectancy",
    "simulate",
    "survivorship_ratio",
    "vital_rates",
]
