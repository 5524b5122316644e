"""Types of what comes in: strict, bounded, and with words for what is wrong.

pydantic alone would take `0` for a date, `1.0` for a whole number and any text for a name that PostgreSQL
cannot hold. The shapes are those of the day's files.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

from allocator.files.shapes import KEY, LANGUAGE, MARKET, Shape

DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
INSTANT = rf"{DATE}[Tt][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}([Zz]|[+-][0-9]{{2}}:[0-9]{{2}})"
FIRST_YEAR, LAST_YEAR = 2000, 2099
"""Of dates and instants; beyond, reckoning with days and limits has no meaning."""
MOST_ID = 2**63 - 1


class Form(BaseModel):
    """A request's body: each field as described, and no other."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, frozen=True)


class Answer(BaseModel):
    """A response's body; built by us, so it is described and not checked twice."""

    model_config = ConfigDict(frozen=True)


def to_date(value: object) -> date:
    if type(value) is date:  # from the database; JSON has none
        return value
    if isinstance(value, str) and re.fullmatch(DATE, value, re.ASCII):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise ValueError("is no day of the calendar") from None
        if FIRST_YEAR <= day.year <= LAST_YEAR:
            return day
        raise ValueError(f"is not between the years {FIRST_YEAR} and {LAST_YEAR}")
    raise ValueError("is no date such as 2026-11-23")


def to_instant(value: object) -> datetime | None:
    """RFC 3339 in whole seconds, with its offset; kept in UTC."""
    if value is None:
        return None
    if isinstance(value, str) and re.fullmatch(INSTANT, value, re.ASCII):
        try:
            instant = datetime.fromisoformat(value.upper())
        except ValueError:
            raise ValueError("is no instant of the calendar") from None
        if FIRST_YEAR < instant.year < LAST_YEAR:  # a year of room on both sides, for the offset
            return instant.astimezone(UTC)
        raise ValueError(f"is not between the years {FIRST_YEAR + 1} and {LAST_YEAR - 1}")
    raise ValueError("is no instant in whole seconds with its offset, such as 2026-11-23T08:00:00Z")


def shaped(shape: Shape) -> AfterValidator:
    def check(text: str) -> str:
        if not shape.fits(text):
            raise ValueError(f"is not {shape.words}")
        return text

    return AfterValidator(check)


def printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds signs that cannot be printed")
    if text != text.strip():
        raise ValueError("begins or ends with a blank")
    return text


def distinct(entries: list[Any]) -> list[Any]:
    if len(set(entries)) != len(entries):
        raise ValueError("holds an entry twice")
    return entries


WorkDate = Annotated[
    date,
    BeforeValidator(to_date),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-11-23"]}),
]
Instant = Annotated[
    datetime,
    BeforeValidator(to_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-23T08:00:00Z"]}),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(printable)]
"""An id or a name: any printable text."""
Key = Annotated[str, StringConstraints(max_length=100), shaped(KEY)]
Market = Annotated[str, StringConstraints(max_length=2), shaped(MARKET)]
Language = Annotated[str, StringConstraints(max_length=100), shaped(LANGUAGE)]

DateQuery = Annotated[WorkDate, Query(description="a work date, such as 2026-11-23")]
IdPath = Annotated[int, Path(ge=1, le=MOST_ID)]


def text_of(instant: datetime) -> str:
    """RFC 3339 in UTC; a part of a second is cut off."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Told = Annotated[
    datetime,
    PlainSerializer(text_of, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""An instant that goes out."""
