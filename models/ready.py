"""The verb `ready`: whether what runs here could work, for a container's health check."""

from __future__ import annotations

import argparse
import sys

from redis import Redis
from redis.exceptions import RedisError

from config.settings import SettingsRefused, refuse, settings
from models.doorbell import SILENT
from models.with_database import database_fault

ANSWERS_IN = 5.0
"""Seconds that Redis has for an answer."""


def ready(arguments: list[str]) -> int:
    """`breakwater ready`"""
    argparse.ArgumentParser(
        prog="breakwater ready",
        description="Ask the database and Redis of the settings whether they answer, and the database "
        "whether it is at this version's revision.",
        epilog="Exit code 0: both are well. 1: one is not, and which. 2: the settings were refused.",
    ).parse_args(arguments)
    try:
        here = settings().connections()
    except SettingsRefused as refused:
        return refuse(refused)
    found = (database_fault(here.database_url), redis_fault(here.redis_url))
    faults = [fault for fault in found if fault is not None]
    for fault in faults:
        print(f"breakwater ready: {fault}", file=sys.stderr)
    if not faults:
        print("The database is at the newest revision, and Redis answers.")
    return 1 if faults else 0


def redis_fault(url: str) -> str | None:
    redis = Redis.from_url(url, socket_timeout=ANSWERS_IN, socket_connect_timeout=ANSWERS_IN)
    try:
        redis.ping()
    except RedisError:
        return SILENT  # the error's own text may hold the address with its password
    finally:
        redis.close()
    return None
