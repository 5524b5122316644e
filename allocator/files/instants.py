"""Instants and dates in text: RFC 3339 with an offset and whole seconds, and ISO dates.

In memory an instant is a count of seconds since 1970-01-01T00:00:00Z; it is written with `Z`.
"""

from __future__ import annotations

import re
from datetime import date

import polars as pl

INSTANT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([Zz]|[+-][0-9]{2}:[0-9]{2})"
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
EARLIEST, LATEST = -62_135_596_800, 253_402_300_799
"""The years 1 to 9999: what RFC 3339 can write."""


def instants_from_text(texts: pl.Series) -> pl.Series:
    """Seconds since 1970 (Int64) for each text; null where the text is no instant."""
    text = pl.col("text")
    wall = text.str.slice(0, 19).str.to_uppercase().str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False)
    zulu = text.str.slice(19, 1).is_in(["Z", "z"])
    sign = pl.when(text.str.slice(19, 1) == "-").then(-1).otherwise(1)
    hours = text.str.slice(20, 2).cast(pl.Int64, strict=False)
    minutes = text.str.slice(23, 2).cast(pl.Int64, strict=False)
    ahead = pl.when((hours <= 23) & (minutes <= 59)).then(sign * (hours * 3600 + minutes * 60))
    seconds = wall.dt.timestamp("us") // 1_000_000 - pl.when(zulu).then(0).otherwise(ahead)
    # A leap second (":60") has no place of its own in the count, so it is refused rather than moved.
    sound = text.str.contains(f"^{INSTANT}$") & (text.str.slice(17, 2) != "60")
    sound &= seconds.is_between(EARLIEST, LATEST)
    frame = texts.cast(pl.String).to_frame("text")
    return frame.select(pl.when(sound).then(seconds).cast(pl.Int64)).to_series()


def instant_from_text(text: str) -> int | None:
    """Seconds since 1970, or None where the text is no instant."""
    seconds: int | None = instants_from_text(pl.Series([text], dtype=pl.String))[0]
    return seconds


def text_from_instants(seconds: pl.Series) -> pl.Series:
    """RFC 3339 with `Z`; null stays null."""
    return (seconds.cast(pl.Int64) * 1_000_000).cast(pl.Datetime("us")).dt.strftime("%Y-%m-%dT%H:%M:%SZ")


def text_from_instant(seconds: int) -> str:
    text: str = text_from_instants(pl.Series([seconds], dtype=pl.Int64))[0]
    return text


def why_no_instant(text: str) -> str:
    """What a text that is no instant should have been."""
    if re.fullmatch(r"[0-9-]{10}[Tt][0-9:]{8}[.,][0-9]+.*", text):
        return "must be in whole seconds; a fraction of a second is refused"
    if re.fullmatch(r"[0-9-]{10}[Tt ][0-9:]{5,8}", text):
        return "must say its offset from UTC, as in 2026-11-23T08:00:00Z"
    return "must be an instant such as 2026-11-23T08:00:00Z"


def dates_from_text(texts: pl.Series) -> pl.Series:
    """A Date for each text; null where the text is no ISO date."""
    days = texts.cast(pl.String).str.to_date("%Y-%m-%d", strict=False)
    sound = texts.cast(pl.String).str.contains(f"^{DATE}$") & (days.dt.year() >= 1)
    return pl.select(pl.when(sound).then(days)).to_series()


def date_from_text(text: str) -> date | None:
    day: date | None = dates_from_text(pl.Series([text], dtype=pl.String))[0]
    return day
