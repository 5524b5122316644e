"""The verb `serve`: the HTTP server, in one process or several, until it is told to stop."""

from __future__ import annotations

import argparse
import signal
import socket
import sys
from collections.abc import Callable
from multiprocessing import parent_process
from types import FrameType

from config.parent import end_with_parent
from config.settings import Settings, SettingsRefused, refuse, settings

REFUSED = 2
WAITING = 2048
"""Connections that the system holds until the server takes them."""
STOP_SECONDS = 20
"""How long requests that are being answered have when the server is told to stop."""
TAKEN_WITHIN = 30_000
"""Milliseconds in which a client takes what it was sent, or is taken for gone; streams can last for hours."""
MOST_PROCESSES = 64


def serve(arguments: list[str]) -> int:
    """`breakwater serve [--host H] [--port P] [--processes N]`"""
    parser = argparse.ArgumentParser(
        prog="breakwater serve",
        description="Answer auditors, leads, wellbeing staff and tools over HTTP. GET /readyz says whether "
        "it can work, GET /openapi.json what there is. TLS is for a proxy in front of it.",
    )
    parser.add_argument(
        "--host", help="name or address to listen on (default: BREAKWATER_HOST, else 127.0.0.1)"
    )
    parser.add_argument(
        "--port", type=int, help="0 takes one that is free (default: BREAKWATER_PORT, else 8000)"
    )
    parser.add_argument(
        "--processes", type=int, default=1, metavar="N", help="how many processes answer (default: 1)"
    )
    given = parser.parse_args(arguments)
    try:
        here = settings()
        here.connections()
    except SettingsRefused as refused:
        return refuse(refused)
    host = here.host if given.host is None else given.host
    port = here.port if given.port is None else given.port
    if not 0 <= port <= 65535:
        parser.error("argument --port: is not between 0 and 65535")
    if not 1 <= given.processes <= MOST_PROCESSES:
        parser.error(f"argument --processes: is not between 1 and {MOST_PROCESSES}")
    try:
        listening = listen(host, port)
    except OSError as error:
        print(f"breakwater serve: {host}:{port} cannot be had: {reason(error)}", file=sys.stderr)
        return REFUSED
    # Whoever has read the address may already want it to stop, and nothing is being answered yet.
    signal.signal(signal.SIGTERM, end_at_once)
    with listening:
        print(f"Breakwater answers at {address(listening)}", flush=True)
        run(here, listening, given.processes)
    return 0


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens already: whoever has read the address can connect.

    Raises:
        OSError: the host is unknown, or the port taken or reserved.
    """
    family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections have it from here.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TAKEN_WITHIN)
        listening.bind(place)
        listening.listen(WAITING)
        listening.set_inheritable(True)
    except OSError:
        listening.close()
        raise
    return listening


def address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def reason(error: OSError) -> str:
    return (error.strerror or "no such host").lower()


def end_at_once(*_: object) -> None:
    raise SystemExit(0)


def run(here: Settings, listening: socket.socket, processes: int) -> None:
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from config.logging import configure

    configure(here.log_level)
    warn(here)
    config = uvicorn.Config(
        "api.cli:application",
        factory=True,
        workers=processes,
        log_config=None,  # ours, which cannot tell who saw what
        access_log=False,  # the envelope's has no addresses and no queries
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=STOP_SECONDS,
        backlog=WAITING,
    )
    server = uvicorn.Server(config)
    if processes > 1:
        Multiprocess(config, sockets=[listening]).run()
        return

    def stop(*_: object) -> None:
        """The server hears by itself only when it has loaded; and it raises what stopped it once more when it
        has stopped, which is its end and no failure."""
        server.should_exit = True

    signal.signal(signal.SIGTERM, stop)
    server.run(sockets=[listening])


def warn(here: Settings) -> None:
    """Say in the log if the database cannot be used yet; the server starts, and /readyz says when it can."""
    import structlog

    from models.with_database import database_fault

    if (fault := database_fault(here.need("database_url"))) is not None:
        log = structlog.get_logger("api")
        log.warning("nothing can be answered yet; see /readyz", kind=fault)


def application() -> object:
    """The application of this process, from its environment."""
    from api.app import create_app
    from config.logging import configure

    if (parent := parent_process()) is not None and parent.pid is not None:
        # One of several processes: without the one that started it, nobody could stop it.
        end_with_parent(parent.pid, signal.SIGTERM)
    here = settings()
    configure(here.log_level)
    app = create_app(here)
    for number in (signal.SIGTERM, signal.SIGINT):
        end_streams_first(number, app.state.parts.events.stop_soon)
    return app


def end_streams_first(number: int, end: Callable[[], None]) -> None:
    """Streams would go on for as long as somebody listens, and the server waits for what it is answering; of
    being told to stop it tells nobody. What it does on this signal itself it does as before."""
    before = signal.getsignal(number)

    def stop(number: int, frame: FrameType | None) -> None:
        end()
        if callable(before):
            before(number, frame)

    if callable(before):
        signal.signal(number, stop)
