"""Faults: what is wrong with a file, where, and in words for the person who has to mend it."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_SHOWN = 40
"""Characters of a value that a message repeats. Files may hold personal data; a message need not."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `row` counts from 1: the line of an ndjson file, the row of a Parquet file.

    `row` is None where a whole file or column is meant. `field` is a column, or a path into a document such
    as `policy.limits[2].amount`.
    """

    file: str
    row: int | None
    field: str | None
    message: str

    def __str__(self) -> str:
        row = "" if self.row is None else f" row {self.row}"
        name = "" if self.field is None else f" field {self.field}"
        return f"{self.file}{row}{name}: {self.message}"


class Refused(Exception):  # noqa: N818 - an answer, not a slip
    """The files cannot be taken as they are. Holds every fault that was found, in the order of the files."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


def show(value: object) -> str:
    """A value in a message: on one line, and never more than the beginning of a long one."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return repr(value) if len(value) <= LONGEST_SHOWN else repr(value[:LONGEST_SHOWN]) + "…"
    text = str(value)
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"


def key_path(path: str, key: str) -> str:
    """The field of a fault for a key below a path; a key with odd characters is quoted, so that a fault
    stays on one line."""
    name = key if re.fullmatch(r"[\w.:*-]{1,60}", key) else show(key)
    return f"{path}.{name}" if path else name
