"""What somebody who can write to Redis might leave there, each to leave a mark if a worker falls for it."""

from __future__ import annotations

import json
import os
import pickle
import zlib
from pathlib import Path
from typing import Any

from redis import Redis
from rq import Queue
from rq.callbacks import Callback
from rq.group import Group
from rq.serializers import JSONSerializer

from models.doorbell import FUNCTION


def leave_a_mark(*_: Any) -> None:
    """Called by name: the folder for marks is in the environment."""
    Path(os.environ["MARKS"], "called").touch()


class Mine:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.mark}",)


TIME = "2026-11-22T20:00:00.000000Z"
NOT_RINGS: tuple[tuple[Any, ...], ...] = (
    ("os.system", None, ["touch /tmp/mark"], {}),
    ("workers.jobs.do_claimed", None, [1], {}),
    ("workers.jobs.do_task.__globals__", None, [1], {}),
    (FUNCTION, None, [], {}),
    (FUNCTION, None, [1, 2], {}),
    (FUNCTION, None, [1], {"task": 1}),
    (FUNCTION, None, ["1"], {}),
    (FUNCTION, None, [True], {}),
    (FUNCTION, None, [1.0], {}),
    (FUNCTION, None, [0], {}),
    (FUNCTION, None, [2**63], {}),
    (FUNCTION, None, [[1]], {}),
    (FUNCTION, None, {"0": 1}, {}),
    (FUNCTION, "os", [1], {}),
    ([FUNCTION], None, [1], {}),
    (FUNCTION, None, [1]),
)


def fill(redis: Redis, queue: str, marks: Path, task: int) -> int:
    """Fill the queue with hostile jobs. Gives how many a worker must refuse; the others are rings for `task`
    with something beside them, which must be ignored."""
    refused = 0

    def raw(name: bytes | str, fields: dict[str, Any] | None = None) -> None:
        if fields is not None:
            key = name.encode() if isinstance(name, str) else name
            common: dict[str, Any] = {"created_at": TIME, "origin": queue, "status": "queued"}
            redis.hset(b"rq:job:" + key, mapping=common | fields)
        redis.rpush(f"rq:queue:{queue}", name)

    pickled = Queue(queue, connection=redis)
    pickled.enqueue(os.system, f"touch {marks}/pickled-job")
    pickled.enqueue(leave_a_mark, Mine(marks / "pickled-argument"))
    plain = Queue(queue, connection=redis, serializer=JSONSerializer)
    plain.enqueue("os.system", f"touch {marks}/json-job")
    refused += 3
    for number, job in enumerate(NOT_RINGS):
        raw(f"not-a-ring-{number}", {"data": zlib.compress(json.dumps(job).encode())})
        refused += 1
    mine = pickle.dumps(Mine(marks / "raw-pickle"))
    for name, data in {"raw": mine, "packed": zlib.compress(mine), "none": b"", "bomb": b"[" * 10**6}.items():
        raw(name, {"data": data})
        refused += 1
    raw("no-data-at-all", {"meta": mine})
    raw("a-time-that-is-none", {"data": ring(task), "created_at": "yesterday"})
    raw("a-state-that-is-none", {"data": ring(task), "status": "hostile"})
    raw("not text \xff", {"data": ring(task)})
    raw(b"\xff\xfe", {"data": ring(task)})
    redis.set("rq:job:no-hash", "text")
    raw("no-hash")
    refused += 6
    # Rings, with company.
    raw("with-pickles", {"data": ring(task), "meta": mine, "result": mine})
    mark = f"{leave_a_mark.__module__}.{leave_a_mark.__name__}"
    callback = Callback(mark)
    plain.enqueue(FUNCTION, task, on_success=callback, on_failure=callback, on_stopped=callback)
    waiting = plain.enqueue(FUNCTION, task)
    plain.enqueue("os.system", f"touch {marks}/dependent", depends_on=waiting)
    # In a group, whose members RQ would fetch with its own serializer, pickle.
    group = Group.create(redis, "hostile")
    redis.sadd(group.key, "raw")
    redis.sadd(Group.REDIS_GROUP_KEY, "hostile")
    for command in ("shutdown", "kill-horse"):
        for worker in redis.smembers("rq:workers"):
            name = str(worker).rstrip("'").rpartition(":")[2]
            redis.publish(f"rq:pubsub:{name}", json.dumps({"command": command}))
    return refused


def ring(task: int) -> bytes:
    return zlib.compress(json.dumps((FUNCTION, None, [task], {})).encode())
