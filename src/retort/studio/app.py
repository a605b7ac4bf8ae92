"""The studio's routes. They hold no mathematics: a request is checked, a run is started, its record is handed out."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from retort import __version__
from retort.errors import InputError
from retort.report.standalone import TOUR, page_data, page_html, tour
from retort.studio.guard import App, Guard
from retort.studio.models import Models
from retort.studio.openapi import document
from retort.studio.runs import GRACE_SECONDS, Busy, Run, Runs
from retort.studio.work import KINDS, RECIPES, TASKS, Kind, checked
from retort.studio.work import Request as Body

LOG = logging.getLogger("retort.studio")
STATIC = Path(__file__).parent / "static"
TYPES = {"page.js": "text/javascript; charset=utf-8", "page.css": "text/css; charset=utf-8"}

FIRST_PROMPTS = {
    "embedded:base": "A pear is a kind of",
    "embedded:small": "A pear is a kind of",
    "embedded:english": "A pear is a kind of",
}
"""Of the small models, which know the world of their own training text only."""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>retort studio</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/page.css">
</head>
<body>
<div id="retort-page"><noscript>The studio needs JavaScript.</noscript></div>
<script type="application/json" id="retort-data">DATA</script>
<script type="module" src="/static/page.js"></script>
</body>
</html>
"""


class PageRequest(Body):
    """Which runs' results a saved page holds, by view, and what it shows first."""

    runs: dict[Literal[tuple(KINDS)], Annotated[str, Field(max_length=64)]]  # type: ignore[valid-type]
    state: Annotated[str, Field(max_length=60_000)] = ""


def first_prompt(model: str) -> str:
    """What the page asks a model first."""
    return FIRST_PROMPTS.get(model, "The capital of Australia is")


def create_app(models: Models, token: str, port: int, *, grace: float = GRACE_SECONDS) -> App:
    """The studio as an ASGI app, its guard around it."""
    runs = Runs(grace=grace)
    files = {name: (STATIC / name).read_bytes() for name in TYPES}
    files[TOUR.name] = TOUR.read_bytes()
    data = {"version": __version__, "title": "retort studio", "studio": True}
    page = PAGE.replace("DATA", page_data(data)).encode("utf-8")
    described = document(models, PageRequest)

    async def index(request: Request) -> Response:
        return Response(page, media_type="text/html; charset=utf-8", headers={"cache-control": "no-store"})

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in files:
            raise HTTPException(404, "there is no such file")
        return Response(
            files[name], media_type=TYPES.get(name, "application/json"), headers={"cache-control": "no-cache"}
        )

    async def openapi(request: Request) -> Response:
        return JSONResponse(described)

    async def about(request: Request) -> Response:
        offer = {
            "models": models.names,
            "prompts": {name: first_prompt(name) for name in models.names},
            "tasks": TASKS,
            "recipes": RECIPES,
            "kinds": list(KINDS),
        }
        return JSONResponse({**offer, "working": runs.working()})

    def start(kind: Kind) -> Any:
        body = kind.body(models)

        async def route(request: Request) -> Response:
            asked = checked(body, _parsed(await request.body()))
            key = f"{kind.name} {asked.model_dump_json()}"
            try:
                run = runs.start(kind.name, lambda run: kind.work(run, models, asked), key)
            except Busy:
                raise HTTPException(429, "too many runs are waiting; stop one, or wait") from None
            return JSONResponse(_state(run), 202)

        return route

    def found(request: Request) -> Run:
        run = runs.get(request.path_params["run"])
        if run is None:
            raise HTTPException(404, "there is no such run, or it has expired; start it again")
        return run

    async def state(request: Request) -> Response:
        return JSONResponse(_state(found(request)))

    async def stop(request: Request) -> Response:
        run = found(request)
        run.stop()
        return JSONResponse(_state(run), 202)

    async def result(request: Request) -> Response:
        run = found(request)
        if run.result is None:
            raise HTTPException(409, run.error or f"the run has no result: it is {run.state}")
        return Response(run.result, media_type="application/json", headers={"cache-control": "no-store"})

    async def saved(request: Request) -> Response:
        """What runs found as one standalone file: the page with these views."""
        asked: PageRequest = checked(PageRequest, _parsed(await request.body()))
        views: dict[str, Any] = {"tour": tour(), "state": asked.state}
        for view, name in asked.runs.items():
            run = runs.get(name)
            if run is None or run.result is None or run.kind != view:
                raise HTTPException(404, f"the result of {view} is not there any more; run it again")
            views[view] = json.loads(run.result)
        text = await run_in_threadpool(page_html, "retort studio", views, __version__)
        return Response(text, media_type="text/html; charset=utf-8", headers={"cache-control": "no-store"})

    async def events(request: Request) -> Response:
        run = found(request)
        last = request.headers.get("last-event-id", "0")
        after = int(last) if last.isascii() and last.isdigit() and len(last) < 12 else 0
        return StreamingResponse(
            _stream(runs, run, after), media_type="text/event-stream", headers={"cache-control": "no-store"}
        )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        runs.close()

    routes = [
        Route("/", index),
        Route("/static/{name}", static),
        Route("/openapi.json", openapi),
        Route("/api/models", about),
        *(Route(f"/api/{kind.name}", start(kind), methods=["POST"]) for kind in KINDS.values()),
        Route("/api/page", saved, methods=["POST"]),
        Route("/api/runs/{run}", state, methods=["GET"]),
        Route("/api/runs/{run}", stop, methods=["DELETE"]),
        Route("/api/runs/{run}/result", result),
        Route("/api/runs/{run}/events", events),
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers={HTTPException: _http_error, InputError: _input_error, Exception: _our_error},
    )
    app.state.runs = runs
    return Guard(app, token, port)


async def _stream(runs: Runs, run: Run, after: int) -> AsyncIterator[bytes]:
    yield b": retort\n\n"
    async for number, name, data in runs.listen(run, after):
        yield f"id: {number}\nevent: {name}\ndata: {json.dumps(data, allow_nan=False)}\n\n".encode()


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as problem:
        raise InputError(f"the body is not JSON: {problem}") from None


def _state(run: Run) -> dict[str, Any]:
    return {"id": run.id, "kind": run.kind, "state": run.state, "error": run.error}


CODES = {404: "not_found", 405: "wrong_method", 409: "no_result", 429: "busy"}


def _error(status: int, code: str, message: str, headers: Any = None) -> Response:
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers=headers)


async def _http_error(request: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)
    return _error(
        problem.status_code, CODES.get(problem.status_code, "error"), problem.detail, problem.headers
    )


async def _input_error(request: Request, problem: Exception) -> Response:
    return _error(422, "bad_request", str(problem))


async def _our_error(request: Request, problem: Exception) -> Response:
    LOG.error("the studio failed at %s", request.url.path, exc_info=problem)
    return _error(500, "our_mistake", f"internal error: {type(problem).__name__}")
