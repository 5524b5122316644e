"""The signs that the pictures are drawn with: each kind of time has a shape and a colour of its own."""

from __future__ import annotations

from dataclasses import dataclass

from allocator.rules.policy import Policy

EVERYDAY, MEDIUM, SEVERE = "everyday", "medium", "severe"
SHORT, RECOVERY, MEAL, BUSY, FREE = "short break", "recovery", "meal", "busy", "free"
KINDS = (EVERYDAY, MEDIUM, SEVERE, SHORT, RECOVERY, MEAL, BUSY, FREE)
BREAKS = {"short": SHORT, "recovery": RECOVERY, "meal": MEAL}
STYLES = {
    EVERYDAY: "cyan",
    MEDIUM: "yellow",
    SEVERE: "bold magenta",
    SHORT: "green",
    RECOVERY: "bold green",
    MEAL: "bold green",
    BUSY: "blue",
    FREE: "dim",
}


@dataclass(frozen=True, slots=True)
class Signs:
    """A sign for each kind of time and for a bar's two parts, nine steps from nothing to full, and a line."""

    kind: dict[str, str]
    full: str
    empty: str
    steps: str
    rule: str


UNICODE = Signs(dict(zip(KINDS, "░▒█·rMx_", strict=True)), "█", "·", " ▁▂▃▄▅▆▇█", "─")
ASCII = Signs(dict(zip(KINDS, "-=#.rMx_", strict=True)), "#", ".", " 12345678", "-")


def severity_kind(policy: Policy, severity: int) -> str:
    if policy.is_severe(severity):
        return SEVERE
    return MEDIUM if severity >= 2 else EVERYDAY


def bar(part: float, whole: float, width: int, signs: Signs) -> str:
    """`width` signs, filled as far as `part` goes of `whole`; full only if nothing is missing."""
    filled = int(width * part / whole + 1e-9) if whole > 0 else 0
    filled = max(0, min(width, filled))
    return signs.full * filled + signs.empty * (width - filled)
