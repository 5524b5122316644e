"""PostgreSQL and Valkey of one's own: real servers, in a folder, on Unix sockets, for as long as wanted.

    with servers() as own:                 # a folder under /tmp, removed at the end
        psycopg.connect(own.database_url)

`start.py` is the part in the program that wants the servers; `keeper.py` is a process of its own that starts
them, watches the program and ends them when it has ended, however that was.
"""

from __future__ import annotations

from config.embedded.answers import ServersRefused
from config.embedded.start import Servers, redis_server, servers

__all__ = ["Servers", "ServersRefused", "redis_server", "servers"]
