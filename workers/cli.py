"""The verbs `worker` and `clock`."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import TYPE_CHECKING

from config.clock import clock_of
from config.logging import configure
from config.settings import Settings, SettingsRefused, refuse, settings

if TYPE_CHECKING:
    from sqlalchemy import Engine  # takes a moment to load, and --help does without

OK = 0


def worker(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="breakwater worker",
        description="Makes and publishes the plans that were asked for or, with --urgent, finds escalations "
        "their place in the day. Run as many of each as you like, and at least one: each does one task at a "
        "time. On SIGTERM or Ctrl-C it ends once the task in hand is done or, after a while, given back.",
    )
    parser.add_argument(
        "--urgent", action="store_true", help="place escalations, which plans would keep waiting"
    )
    urgent = parser.parse_args(arguments).urgent
    try:
        configured = prepared()
    except SettingsRefused as refused:
        return refuse(refused)
    from workers.preload import preload

    preload(urgent)
    from models.doorbell import queue_of
    from workers.worker import work

    queue = queue_of("place" if urgent else "plan", configured.queue)

    def waiting() -> None:
        print(f"breakwater worker: waiting for tasks in the queue '{queue}'", flush=True)

    work(configured, waiting, urgent=urgent)
    print("breakwater worker: stopped; nothing is left half done", flush=True)
    return OK


def clock(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="breakwater clock",
        description="Asks for each work date's plan in time before its first shift. One is enough, two do no "
        "harm.",
    )
    parser.add_argument("--once", action="store_true", help="look once, say what was asked for, and end")
    options = parser.parse_args(arguments)
    try:
        configured = prepared()
    except SettingsRefused as refused:
        return refuse(refused)
    if options.once:
        return look_once(configured)
    from workers.clock import keep_time

    hours = f"{configured.plan_ahead_hours:g}"
    print(f"breakwater clock: has every date planned {hours} h before its first shift", flush=True)
    keep_time(configured)
    print("breakwater clock: stopped", flush=True)
    return OK


def look_once(configured: Settings) -> int:
    from models.doorbell import connect, ring_what_is_filed
    from models.with_database import with_database
    from workers.clock import tick

    redis = connect(configured.need("redis_url"))
    ahead = timedelta(hours=configured.plan_ahead_hours)

    def look(engine: Engine, _: Settings) -> int:
        ring_what_is_filed(engine, redis, configured.queue)
        for work_date in tick(engine, ahead, clock_of(configured)()):
            print(f"asked for a plan of {work_date.isoformat()}")
        return OK

    return with_database("clock", look)


def prepared() -> Settings:
    """The settings, complete, and the log set up.

    Raises:
        SettingsRefused: something is missing or malformed.
    """
    configured = settings()
    configured.connections()
    configure(configured.log_level)
    return configured
