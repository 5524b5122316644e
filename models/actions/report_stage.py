"""How far the making of a plan has come. No audit entry: nothing is decided."""

from __future__ import annotations

from sqlalchemy import Engine, text

from models.actions.claim_task import Claim

STAGE = text("""
    update plan set stage = :stage, input_version = coalesce(:input_version, input_version)
    where id = :plan and state = 'planning'
      and exists (select from task where id = :task and fence = :fence and state = 'claimed')
""")


def report_stage(engine: Engine, claim: Claim, stage: str, input_version: int | None = None) -> None:
    """Nothing is written once the claim is lost. `input_version` is that of the day being planned."""
    row = {
        "stage": stage,
        "input_version": input_version,
        "plan": claim.payload["plan"],
        "task": claim.task,
        "fence": claim.fence,
    }
    with engine.begin() as connection:
        connection.execute(STAGE, row)
