"""Telling somebody of a change that they did not make themselves."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

TELL = text("""
    insert into notice (addressee, work_date, kind, sentence, detail, at)
    values (:addressee, :work_date, :kind, :sentence, :detail, :now)
""")


def notify(
    connection: Connection,
    addressee: str,
    work_date: date | None,
    kind: str,
    sentence: str,
    now: datetime,
    **detail: Any,
) -> None:
    """Part of the transaction that changes what the notice is about; whoever listens hears of it afterwards.

    `addressee` is `auditor:ID`, `team:NAME` (its leads), `wellbeing` or `operations`. `sentence` says what
    changed and why, `detail` which slots or item; neither ever holds another person's exposure, opt-outs or
    absence.
    """
    row = {
        "addressee": addressee,
        "work_date": work_date,
        "kind": kind,
        "sentence": sentence,
        "detail": Jsonb(detail),
        "now": now,
    }
    connection.execute(TELL, row)
