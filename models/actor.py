"""Who acts: a person or tool with a persona, as a token or a verb of the command line says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Persona = Literal["auditor", "lead", "wellbeing", "upstream", "operations"]
PERSONAS: tuple[Persona, ...] = get_args(Persona)


@dataclass(frozen=True, slots=True)
class Actor:
    """`subject` names who acts (an auditor's id for an auditor); `teams` are those that a lead leads."""

    persona: Persona
    subject: str
    teams: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As the audit trail has it."""
        return f"{self.persona}:{self.subject}"


SYSTEM = Actor("operations", "breakwater")
"""What the clock and the workers do of themselves."""
