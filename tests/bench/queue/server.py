"""The real server as `breakwater serve` runs it, with three more addresses to compare with.

DATABASE_URL=... REDIS_URL=... python -m tests.bench.queue.server
"""

from __future__ import annotations

import uvicorn
from fastapi import Depends, FastAPI, Response

from api.access import public
from api.app import create_app
from api.cli import address, listen
from api.dependencies import Database, ReadersPool
from config.logging import configure
from config.settings import settings

ROW = "select timezone from auditor where id = %s"


def application() -> FastAPI:
    here = settings()
    configure(here.log_level)
    app = create_app(here)
    anybody = [Depends(public)]

    @app.get("/bench/constant", dependencies=anybody)
    async def constant() -> Response:
        return Response(b"{}", media_type="application/json")

    @app.get("/bench/row/{auditor}", dependencies=anybody)
    def row(auditor: str, readers: ReadersPool) -> Response:
        """One row by its key, asked for as the queue is: the same pool, a prepared statement."""
        readers.open()
        with readers.connection() as connection:
            found = connection.execute(ROW, [auditor], prepare=True, binary=True).fetchone()
        assert found is not None
        return Response(found[0].encode())

    @app.get("/bench/row-by-engine/{auditor}", dependencies=anybody)
    def row_by_engine(auditor: str, engine: Database) -> Response:
        """The same, asked for as other routes ask."""
        with engine.connect() as connection:
            found = connection.exec_driver_sql(ROW, (auditor,)).scalar_one()
        return Response(str(found).encode())

    return app


if __name__ == "__main__":
    listening = listen("127.0.0.1", 0)
    print(address(listening), flush=True)
    uvicorn.Server(
        uvicorn.Config(
            "tests.bench.queue.server:application",
            factory=True,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
    ).run(sockets=[listening])
