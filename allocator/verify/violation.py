"""What the verifier finds: a rule broken or a claim that is not true, in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

HARD_RULES = ("H1", "H2", "H3", "H4", "H5", "H6", "H7")
CLAIMS = ("goals", "counts", "certificate", "bounds", "unplanned")
KINDS = ("plan", "fixed", *HARD_RULES, *CLAIMS)
"""Every rule a violation can name, in the order of the report. `plan`: a slot or a heading that makes no
sense for this instance. `fixed`: a slot that stands is missing, or only a fixed slot may be so."""


@dataclass(frozen=True, slots=True)
class Violation:
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.message}"


def instant(seconds: int) -> str:
    """Seconds since 1970 as an RFC 3339 instant; as a plain number where no calendar reaches."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"second {seconds}"


def interval(start: int, end: int) -> str:
    return f"{instant(start)} to {instant(end)}"
