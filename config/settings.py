"""What this installation is told by its environment: read once at start, refused whole where it is wrong.

`DATABASE_URL`, `OWNER_DATABASE_URL` and `REDIS_URL` have the names that hosting services give them. All
others begin with `BREAKWATER_`, and one that does but is not known is a fault: a misspelt limit would
otherwise be a limit that is not there.

No fault repeats a value. What stands in the wrong variable may be a password.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, NamedTuple
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, AliasGenerator, BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "BREAKWATER_"
LONGEST_SECONDS = 86_400
UrlName = Literal["database_url", "owner_database_url", "redis_url"]
URLS: tuple[UrlName, ...] = ("database_url", "owner_database_url", "redis_url")


class SettingsRefused(Exception):  # noqa: N818
    """The environment is not usable; `faults` are lines, each of which names its variable."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def refuse(refused: SettingsRefused) -> int:
    """Say what is wrong, one line a fault, and give the exit code of a refusal. For verbs."""
    for fault in refused.faults:
        print(fault, file=sys.stderr)
    return 2


def wrong(text: str) -> PydanticCustomError:
    # A code of its own marks texts that were written here and hold no value.
    return PydanticCustomError("breakwater", "{text}", {"text": text})


def whole(lowest: int, highest: int) -> BeforeValidator:
    """Digits and nothing else: pydantic would take `8000.0`, ` 8000 ` and `8_000` as well."""

    def check(value: object) -> object:
        if isinstance(value, str):
            if not re.fullmatch(r"-?[0-9]{1,9}", value):
                raise wrong(f"must be a whole number from {lowest} to {highest}")
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise wrong(f"must be a whole number from {lowest} to {highest}")
        return value

    return BeforeValidator(check)


def some_seconds(value: object) -> object:
    """Seconds above 0, with decimals if wanted, a day at most."""
    said = f"must be a number of seconds above 0 and up to {LONGEST_SECONDS}"
    if isinstance(value, str):
        if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", value):
            raise wrong(said)
        value = float(value)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= LONGEST_SECONDS:
        raise wrong(said)
    return float(value)


def pattern(allowed: str, said: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(allowed, value):
            raise wrong(said)
        return value

    return AfterValidator(check)


def database(value: str) -> str:
    """A database's URL in the form that libpq, psycopg and SQLAlchemy share."""
    said = "must be a URL such as postgresql://account:password@host/database"
    scheme, _, rest = value.partition("://")
    if scheme not in ("postgresql", "postgresql+psycopg"):
        raise wrong(said)
    from psycopg import ProgrammingError  # which takes a moment to load and is not always needed
    from psycopg.conninfo import conninfo_to_dict

    url = f"postgresql://{rest}"
    try:
        parts = conninfo_to_dict(url)
    except (ProgrammingError, ValueError):  # whose text may repeat what was given
        raise wrong(said) from None
    if not parts.get("dbname"):
        raise wrong("names no database: postgresql://account:password@host/database")
    if re.fullmatch(r"[0-9]+(,[0-9]+)*", str(parts.get("port", "5432"))) is None:
        raise wrong("has a port that is no number")
    return url


def redis(value: str) -> str:
    from redis.connection import parse_url

    said = "must be a URL such as redis://host:6379/0, rediss://… or unix:///path"
    if value.partition("://")[0] not in ("redis", "rediss", "unix"):
        raise wrong(said)
    try:
        parts = parse_url(value)  # type: ignore[no-untyped-call]
        split = urlsplit(value)
        path = "" if split.scheme == "unix" else split.path.strip("/")
    except ValueError:
        raise wrong(said) from None
    if not (parts.get("path") or parts.get("host")):
        raise wrong(said)
    if path and not path.isdecimal():
        raise wrong("has a database that is no number: redis://host:6379/0")
    return value


def review_address(value: str) -> str:
    """A web address with `{item}` in it once, and no other brace."""
    said = "must be a web address with {item} in it once, such as https://review.example/items/{item}"
    try:
        parts = urlsplit(value.replace("{item}", "1"))
    except ValueError:
        raise wrong(said) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise wrong(said)
    if value.count("{item}") != 1 or re.search(r"[{}\s]", value.replace("{item}", "")):
        raise wrong(said)
    return value


def folder(value: object) -> object:
    if value == "":
        raise wrong("is empty: give a folder, or leave the variable out")
    return value


def level(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def variable(name: str) -> str:
    """The environment's name of a setting."""
    return name.upper() if name in URLS else PREFIX + name.upper()


Seconds = Annotated[float, BeforeValidator(some_seconds)]
DatabaseUrl = Annotated[str, AfterValidator(database)]
RedisUrl = Annotated[str, AfterValidator(redis)]
LogLevel = Literal["debug", "info", "warning", "error"]


class Settings(BaseSettings):
    """The settings. A variable is the setting's name in capitals, behind `BREAKWATER_` but for the URLs.

    The URLs do not show in the object's text: they hold passwords.
    """

    model_config = SettingsConfigDict(
        alias_generator=AliasGenerator(validation_alias=variable),
        case_sensitive=True,
        populate_by_name=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_default=True,
    )

    database_url: DatabaseUrl | None = Field(default=None, repr=False)
    """The application's account. `need` gives it, or says what to do where it is missing."""
    owner_database_url: DatabaseUrl | None = Field(default=None, repr=False)
    """The owner's account, under which migrations run. Without it that is the application's."""
    redis_url: RedisUrl | None = Field(default=None, repr=False)

    host: Annotated[str, pattern(r"[0-9A-Za-z.:_-]{1,253}", "must be a host's name or address")] = "127.0.0.1"
    port: Annotated[int, whole(1, 65535)] = 8000
    data: Annotated[Path, BeforeValidator(folder)] | None = None
    """Where `breakwater servers` keeps its database; without it that goes when it ends."""
    review_tool_url: Annotated[str, AfterValidator(review_address)] = "https://review.example/items/{item}"
    """Where an item can be looked at: `review_url` fills it in."""
    queue: Annotated[str, pattern(r"[a-z0-9][a-z0-9_-]{0,63}", "must be small letters, digits, - and _")] = (
        "breakwater"
    )
    lease_seconds: Seconds = 8.0
    """How long a worker may be silent before its task is given to another. It says so every third of that."""
    solve_seconds: Seconds = 900.0
    """How long one plan may take."""
    reconcile_seconds: Seconds = 2.0
    """How often tasks that the queue lost are looked for."""
    plan_ahead_hours: Annotated[int, whole(0, 168)] = 12
    """How long before a work date's first shift its plan is asked for."""
    most_waiting: Annotated[int, whole(1, 10_000_000)] = 10_000
    """Tasks that may wait or be under way before no more escalations are accepted."""
    log_level: Annotated[LogLevel, BeforeValidator(level)] = "info"
    clock_ahead: Annotated[int, whole(-999_999_999, 999_999_999)] = 0
    """Seconds by which the clock runs ahead of the machine's. For demonstrations and rehearsals only."""
    pool_max: Annotated[int, whole(1, 200)] = 10
    """Connections to the database that one process has at most."""

    def need(self, name: UrlName) -> str:
        """One of the URLs; the owner's is the application's where it is not given.

        Raises:
            SettingsRefused: it is not set; says what to do.
        """
        value = self.found(name)
        if value is None:
            raise SettingsRefused([missing(name)])
        return value

    def connections(self) -> Connections:
        """All three URLs.

        Raises:
            SettingsRefused: a line for each that is not set.
        """
        faults = [missing(name) for name in ("database_url", "redis_url") if self.found(name) is None]
        if faults:
            raise SettingsRefused(faults)
        return Connections(*(self.need(name) for name in URLS))

    def found(self, name: UrlName) -> str | None:
        if name == "redis_url":
            return self.redis_url
        if name == "owner_database_url":
            return self.owner_database_url or self.database_url
        return self.database_url

    def review_url(self, item: str) -> str:
        """Where a person looks at this item, in the organisation's own tool."""
        return self.review_tool_url.replace("{item}", quote(item, safe=""))


class Connections(NamedTuple):
    """Where the database and the queue are. Secret: never print or log it."""

    database_url: str
    owner_database_url: str
    redis_url: str


VARIABLES = tuple(variable(name) for name in Settings.model_fields)


def missing(name: UrlName) -> str:
    advice = "set it, or start servers of your own with 'breakwater servers --data DIR'"
    return f"{variable(name)}: not set; {advice}"


def unknown(environment: Iterable[str]) -> list[str]:
    """A fault for each variable that begins like ours and is none."""
    faults = []
    for name in sorted(environment):
        if not name.upper().startswith(PREFIX) or name in VARIABLES:
            continue
        # Without what all of them begin with, which would make any two alike.
        ours = [known.removeprefix(PREFIX) for known in VARIABLES if known.startswith(PREFIX)]
        near = difflib.get_close_matches(name.upper().removeprefix(PREFIX), ours, n=1)
        advice = f"did you mean {PREFIX}{near[0]}?" if near else "the settings are in config/README.md"
        faults.append(f"{name}: there is no such setting; {advice}")
    return faults


def as_fault(error: ErrorDetails) -> str:
    """A line for what pydantic found, without the value."""
    if error["type"] == "breakwater":
        text = error["msg"]
    elif error["type"] == "literal_error":
        text = f"must be one of {error['ctx']['expected']}"
    else:
        text = "is malformed"
    return f"{error['loc'][0]}: {text}"


def settings() -> Settings:
    """The settings that the environment holds.

    Raises:
        SettingsRefused: a line for each variable that is unknown or malformed.
    """
    faults = unknown(os.environ)
    try:
        found = Settings()
    except ValidationError as error:
        raise SettingsRefused([*faults, *(as_fault(one) for one in error.errors())]) from None
    if faults:
        raise SettingsRefused(faults)
    return found
