"""The affordability assessment (财政承受能力评估): what a proposal costs, who can pay it, from when not, and at which level it lasts.

Knows scenarios, proposals and the pipeline's question; must not know words, charts or pages.
"""

from fiscalsim.assess.assessment import Assessment, assess
from fiscalsim.assess.cases import CASES, settings_of
from fiscalsim.assess.cost import LEVELS, NEW
from fiscalsim.assess.judge import ABOVE, AMBER, GREEN, RED
from fiscalsim.assess.proposal import Bears, Proposal, from_json, load_proposal, proposal_ids, to_json

__all__ = [
    "ABOVE",
    "AMBER",
    "CASES",
    "GREEN",
    "LEVELS",
    "NEW",
    "RED",
    "Assessment",
    "Bears",
    "Proposal",
    "assess",
    "from_json",
    "load_proposal",
    "proposal_ids",
    "settings_of",
    "to_json",
]
