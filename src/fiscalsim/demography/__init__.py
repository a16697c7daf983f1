"""Demography: the starting population, life tables, the cohort-component engine and what follows from it.

Arrays in, arrays out; reads no pack and no scenario. See docs/demography.md for every method and its size.
"""

from fiscalsim.demography.cohort import advance, identities, missed_urban_share, moves, simulate, vital_rates
from fiscalsim.demography.derived import Schooling, against_published, derived, schooling_years
from fiscalsim.demography.graduation import WHOLE, base_population, base_population_steps, graduate, rake
from fiscalsim.demography.lifetable import life_expectancy, life_table, shift_to_life_expectancy, survivorship_ratio
from fiscalsim.demography.project import project, project_files, read_project_tables

__all__ = [
    "WHOLE",
    "Schooling",
    "advance",
    "against_published",
    "base_population",
    "base_population_steps",
    "derived",
    "graduate",
    "identities",
    "life_expectancy",
    "life_table",
    "missed_urban_share",
    "moves",
    "project",
    "project_files",
    "rake",
    "read_project_tables",
    "schooling_years",
    "shift_to_life_expectancy",
    "simulate",
    "survivorship_ratio",
    "vital_rates",
]
