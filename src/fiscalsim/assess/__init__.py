"""The affordability assessment (财政承受能力评估): what a proposal costs, who can pay it, from when not, and at which level it lasts.

Knows scenarios, proposals and the pipeline's question; must not know words, charts or pages.
"""

from fiscalsim.assess.assessment import Assessment, assess
from fiscalsim.assess.cases import CASES, settings_of
from fiscalsim.assess.cost import LEVELS, NEW
from fiscalsim.assess.judge import ABOVE, AMBER, GREEN, RED
from fiscalsim.assess.proposal import Bears, Proposal, from_json, load_proposal, proposal_ids, to_json
from fiscalsim.assess.record import ASSESSMENTS, RECORD, SavedAssessment, assessments, check_assessment, open_assessment, save

__all__ = [
    "ABOVE",
    "AMBER",
    "ASSESSMENTS",
    "CASES",
    "GREEN",
    "LEVELS",
    "NEW",
    "RECORD",
    "RED",
    "Assessment",
    "Bears",
    "Proposal",
    "SavedAssessment",
    "assess",
    "assessments",
    "check_assessment",
    "from_json",
    "load_proposal",
    "open_assessment",
    "proposal_ids",
    "save",
    "settings_of",
    "to_json",
]
