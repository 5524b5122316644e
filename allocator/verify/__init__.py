"""The verifier: checks a plan against an instance from the files alone, written apart from the planner.

It shares with the planner the readers and the declarations, and nothing else.
"""

from allocator.verify.report import Figures, bound_coverage, bound_escalations, recompute, verify
from allocator.verify.violation import Violation

__all__ = ["Figures", "Violation", "bound_coverage", "bound_escalations", "recompute", "verify"]
