"""What teams were shown, for those who lead them: figures of eleven people or more, and nothing that fewer
could be computed from.

Two answers must not differ by one person either. So an answer is made of whole ISO weeks, each with figures
of its own whatever else is asked for; a week is shown once it is closed, and is then as it was at its close;
and a team is who was on it in their shifts, not who is on it today.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import Connection, text

from allocator.rules.policy import UNITS_PER_POINT
from models.actor import Actor
from models.queries.disclosure import FEWEST, Cell, disclosed, sums
from models.refusal import Refusal

CLOSES_AFTER = 9
"""Days from a week's Monday to its close, a Wednesday in UTC: by then its last shift is over everywhere."""
MOST_WEEKS = 26

# Somebody's team on a date without a shift, such as history from before this was installed, is that of the
# next shift: it stays the same when the person moves on.
CELLS = text("""
    select team, category, work_date, array_agg(auditor) as people,
           sum(seconds)::bigint as seconds, sum(items)::bigint as items, sum(units)::bigint as units
    from (
        select l.auditor, l.work_date, l.category,
               (select s.team from shift s where s.auditor = l.auditor and s.work_date >= l.work_date
                order by s.work_date limit 1) as team,
               sum(l.seconds) as seconds, sum(l.items) as items,
               sum(l.seconds * coalesce(w.units_per_second, 0)) as units
        from ledger l left join dose_weight w using (severity, modality)
        where l.work_date between :monday and :sunday
          and l.auditor in (select auditor from shift where team = any (:teams))
          and l.entry in ('history', 'post', 'incident') and l.at < :close
        group by l.auditor, l.work_date, l.category
        having sum(l.seconds) > 0 or sum(l.items) > 0
    ) seen
    where team = any (:teams)
    group by team, category, work_date
""")
# Breaks as they were taken, pauses of reviews among them: as the shift's team has them.
BREAKS = text("""
    select team, array_agg(distinct auditor) as people, count(*) as taken,
           coalesce(sum(floor(extract(epoch from ended - started))), 0)::bigint as seconds
    from (
        select shift.team, slot.auditor, slot.started_at as started, slot.ended_at as ended
        from shift join slot on slot.auditor = shift.auditor and slot.work_date = shift.work_date
        where shift.work_date between :monday and :sunday and shift.team = any (:teams)
          and slot.kind = 'break' and slot.state = 'done' and slot.started_at is not null
          and slot.ended_at < :close
        union all
        select shift.team, slot.auditor, lower(pause), upper(pause)
        from shift join slot on slot.auditor = shift.auditor and slot.work_date = shift.work_date
        cross join lateral unnest(slot.pauses) pause
        where shift.work_date between :monday and :sunday and shift.team = any (:teams)
          and slot.started_at is not null and slot.ended_at < :close
    ) taken
    group by team
""")


class Place(NamedTuple):
    """A cell of a team's week."""

    work_date: date
    category: str


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """Of `people` people together."""

    people: int
    seconds: int
    items: int
    points: Decimal


@dataclass(frozen=True, slots=True)
class GroupBreaks:
    """What `people` people together took in a week: how many breaks, and how long."""

    people: int
    taken: int
    seconds: int


@dataclass(frozen=True, slots=True)
class TeamWeek:
    """`total` is absent for fewer than eleven people and where it would tell of fewer; `cells` are those that
    may be shown. `complete` if that is all there is. `breaks` is absent for fewer than eleven people."""

    team: str
    total: GroupFigures | None
    cells: dict[Place, GroupFigures]
    complete: bool
    breaks: GroupBreaks | None


@dataclass(frozen=True, slots=True)
class GroupWeek:
    monday: date
    teams: tuple[TeamWeek, ...]

    @property
    def sunday(self) -> date:
        return self.monday + timedelta(days=6)


def exposure_groups(
    connection: Connection, actor: Actor, first: date | None, last: date | None, now: datetime
) -> list[GroupWeek]:
    """The closed weeks from `first` to `last`, of the asker's own teams. Without dates: the last closed week.

    Raises:
        Refusal: `invalid` with the field, if these are not a Monday and a Sunday, or the last week is open.
    """
    weeks = closed_weeks(first, last, now)
    return [GroupWeek(monday, week_of_teams(connection, actor.teams, monday)) for monday in weeks]


def closed_weeks(first: date | None, last: date | None, now: datetime) -> list[date]:
    """The Mondays of the weeks asked for."""
    latest = last_closed(now)
    monday = latest if first is None else first
    sunday = (latest if first is None else monday) + timedelta(days=6) if last is None else last
    if monday.weekday() != 0:
        raise Refusal("invalid", "Groups are shown by whole weeks: the first date is a Monday.", "from")
    if sunday.weekday() != 6 or sunday < monday:
        raise Refusal("invalid", "Groups are shown by whole weeks: the last date is a Sunday.", "to")
    if sunday > latest + timedelta(days=6):
        close = closed_at(sunday - timedelta(days=6)).date()
        raise Refusal("invalid", f"A week is shown once it is closed, this one on {close}.", "to")
    count = ((sunday - monday).days + 1) // 7
    if count > MOST_WEEKS:
        raise Refusal("invalid", f"At most {MOST_WEEKS} weeks are shown at once.", "to")
    return [monday + timedelta(weeks=number) for number in range(count)]


def closed_at(monday: date) -> datetime:
    return datetime.combine(monday + timedelta(days=CLOSES_AFTER), time(), UTC)


def last_closed(now: datetime) -> date:
    """The Monday of the last week that is closed."""
    day = now.astimezone(UTC).date() - timedelta(days=CLOSES_AFTER)
    return day - timedelta(days=day.weekday())


def week_of_teams(connection: Connection, teams: tuple[str, ...], monday: date) -> tuple[TeamWeek, ...]:
    asked = {
        "teams": list(teams),
        "monday": monday,
        "sunday": monday + timedelta(days=6),
        "close": closed_at(monday),
    }
    cells: dict[str, dict[Place, Cell]] = defaultdict(dict)
    for row in connection.execute(CELLS, asked):
        amounts = (row.seconds, row.items, row.units)
        cells[row.team][Place(row.work_date, row.category)] = Cell(frozenset(row.people), amounts)
    breaks = {
        row.team: GroupBreaks(len(row.people), row.taken, row.seconds)
        for row in connection.execute(BREAKS, asked)
        if len(row.people) >= FEWEST
    }
    return tuple(team_week(team, cells[team], breaks.get(team)) for team in sorted(teams))


def team_week(team: str, cells: Mapping[Place, Cell], breaks: GroupBreaks | None) -> TeamWeek:
    may = disclosed(cells)
    shown = {place: figures(cells[place]) for place in sorted(cells) if place in may.cells}
    total = None
    if may.total:
        people = frozenset[str]().union(*(cell.people for cell in cells.values()))
        total = figures(Cell(people, sums(cells.values())))
    return TeamWeek(team, total, shown, may.total and len(shown) == len(cells), breaks)


def figures(cell: Cell) -> GroupFigures:
    seconds, items, units = cell.amounts
    points = round(Decimal(units) / UNITS_PER_POINT, 2)
    return GroupFigures(len(cell.people), seconds, items, points)
