"""A page for each kind of problem: what its `type` stands for."""

from __future__ import annotations

from html import escape
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.responses import HTMLResponse

from api.access import public
from api.problems import BY_NAME, PROBLEMS, Kind, described
from models.refusal import Refusal

router = APIRouter(tags=["problems"])

PAGE = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title} – Breakwater</title></head>
<body>
<h1>{title}</h1>
<p><code>{type}</code>, HTTP status {status}</p>
<p>{meaning}</p>
<p>{advice}</p>
<h2>All problems</h2>
<ul>
{others}
</ul>
</body>
</html>
"""


@router.get(
    "/problems/{kind}",
    summary="What a problem means and what to do",
    dependencies=[Depends(public)],
    response_class=HTMLResponse,
    responses={
        200: {"content": {"text/html": {"example": "<!doctype html>…<h1>A limit would be passed</h1>…"}}},
        **described("not-found"),
    },
)
async def problem(kind: Annotated[str, Path(examples=["limit-reached"])]) -> HTMLResponse:
    """Every error names one of these as its `type`."""
    found = BY_NAME.get(kind)
    if found is None:
        raise Refusal("not-found", "There is no problem of this kind.")
    return HTMLResponse(page(found), headers={"Cache-Control": "public, max-age=3600"})


def page(kind: Kind) -> str:
    others = "\n".join(f'<li><a href="{other.type}">{escape(other.title)}</a></li>' for other in PROBLEMS)
    return PAGE.format(
        title=escape(kind.title),
        type=kind.type,
        status=kind.status,
        meaning=escape(kind.meaning),
        advice=escape(kind.advice),
        others=others,
    )
