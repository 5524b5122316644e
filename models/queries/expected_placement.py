"""Where an escalation that is only asked about would go, and when: the worker's decision, without writing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from models.connection import snapshot_transaction
from models.queries.placing import AT_A_TIME, MOST_LOOKED_AT, Asked, find_places

log = structlog.get_logger()

IN_PASSING = 250
"""Milliseconds that a statement may take while somebody waits for something else."""
MOST_BEFORE = 5
"""Escalations that wait to be placed; behind more of them nobody can say in passing."""
WITHIN = text("select set_config('statement_timeout', :milliseconds, true)")
BEFORE = text("""
    select count(*) from (
        select from task where kind = 'place' and state in ('waiting', 'claimed') limit :most
    ) live
""")
NOT_YET = "Where it goes is not known yet; ask for it again in a moment."
NEXT_PLAN = "No plan is in force that it could go into; the next plan can take it up."
WOULD_WAIT = (
    "Nobody who could take it is free for it at present; sent now, it waits, and is tried again by itself."
)
NOT_FORETOLD = (
    "Where people are excluded no place is foretold; ask for the escalation to learn when it has one."
)


@dataclass(frozen=True, slots=True)
class Expected:
    """The first of its reviews would be from `start` to `end`. None: `sentence` says why. `ruled_out` counts
    everybody on shift by reason, as the rule book does: for leads only, and only as `left_out` tells it."""

    start: datetime | None
    end: datetime | None
    late: bool
    sentence: str | None
    ruled_out: dict[str, int] | None = None
    earliest: datetime | None = None


def expected_placement(engine: Engine, asked: Asked, now: datetime, *, in_passing: bool = False) -> Expected:
    """Where it would go if it were placed now; `in_passing`, for one that is being accepted: only as far as
    that is quickly said.

    Not said where anybody is excluded: whoever leaves out all but one would learn what that one takes, and
    how much room they have.
    """
    if asked.kept_away:
        return Expected(None, None, False, NOT_FORETOLD)
    try:
        with snapshot_transaction(engine) as connection:
            if in_passing:
                connection.execute(WITHIN, {"milliseconds": str(IN_PASSING)})
                if connection.execute(BEFORE, {"most": MOST_BEFORE}).scalar_one() >= MOST_BEFORE:
                    return Expected(None, None, False, NOT_YET)
            found = find_places(connection, asked, now, most=AT_A_TIME if in_passing else MOST_LOOKED_AT)
    except OperationalError as error:
        if not in_passing:
            raise
        log.warning("an expected placement could not be said in passing", exc_info=error)
        return Expected(None, None, False, NOT_YET)
    if found.left:
        return Expected(None, None, False, NEXT_PLAN)
    if found.places:
        first = min((one.placement for one in found.places), key=lambda placement: placement.start)
        start, end = (datetime.fromtimestamp(at, UTC) for at in (first.start, first.end))
        return Expected(start, end, first.late, None)
    if in_passing:
        return Expected(None, None, False, NOT_YET)
    assert found.no_place is not None
    return Expected(None, None, False, WOULD_WAIT, found.no_place.ruled_out, found.no_place.earliest)
