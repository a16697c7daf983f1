"""The plan meets reality: money by the legal calendar, projects that finish late, waiting lists; the only home of SimPy.

Receives a neutral description of the plan and the facts of execution, returns tables; never reads files, never knows how a plan was made.
"""

from fiscalsim.execution.answers import late_projects, precision, split_gap
from fiscalsim.execution.plan import CAUSES, Plan
from fiscalsim.execution.queues import queue
from fiscalsim.execution.results import Replay, replay

__all__ = ["CAUSES", "Plan", "Replay", "late_projects", "precision", "queue", "replay", "split_gap"]
