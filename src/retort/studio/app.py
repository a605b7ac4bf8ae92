"""The studio's routes and the OpenAPI document of them, from one table.

They hold no mathematics: a request is checked, a run is started, its record is handed out.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
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
from retort.studio.runs import GRACE_SECONDS, Busy, Models, Run, Runs
from retort.studio.work import KINDS, RECIPES, TASKS, Kind, checked
from retort.studio.work import Request as Body

LOG = logging.getLogger("retort.studio")
STATIC = Path(__file__).parent / "static"
NO_STORE = {"cache-control": "no-store"}
TYPES = {"page.js": "text/javascript; charset=utf-8", "page.css": "text/css; charset=utf-8"}

SMALL_MODELS = ("embedded:base", "embedded:small", "embedded:english")
"""They know the world of their own training text only."""

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


ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        }
    },
}
STATE = {
    "type": "object",
    "required": ["id", "kind", "state"],
    "properties": {
        "id": {"type": "string"},
        "kind": {"type": "string"},
        "state": {"enum": ["waiting", "running", "done", "failed", "stopped"]},
        "error": {"type": ["string", "null"]},
    },
}
REASONS = {
    401: "the token is missing or wrong",
    403: "the Host or Origin is not this studio's",
    404: "there is no such run",
    405: "another method",
    409: "the run has no result yet, or ended without one",
    413: "the request is too long",
    415: "the body is not JSON",
    422: "the body does not fit, or names another model",
    429: "too many runs wait already",
}
RUN = {
    "name": "run",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
}


@dataclass(frozen=True)
class Endpoint:
    """A route under /api with what the OpenAPI document says of it.

    `answer`: status, description, schema and kind of what is sent; `refused`: statuses besides those that its method
    and its path bring along.
    """

    method: str
    path: str
    name: str
    summary: str
    handle: Callable[[Request], Awaitable[Response]]
    answer: tuple[int, str, dict[str, Any], str]
    refused: tuple[int, ...] = ()
    body: type[Body] | None = None

    def operation(self) -> dict[str, Any]:
        """Its part of the document."""
        status, description, schema, kind = self.answer
        refused = {403, *self.refused}
        found: dict[str, Any] = {"operationId": self.name, "summary": self.summary}
        if self.method != "GET":
            refused.add(401)
            found["security"] = [{"token": []}]
        if "{run}" in self.path:
            refused.add(404)
        if self.body is not None:
            refused |= {413, 415, 422}
            found["requestBody"] = {
                "required": True,
                "content": {"application/json": {"schema": _schema(self.body)}},
            }
        found["responses"] = {
            str(status): {"description": description, "content": {kind: {"schema": schema}}}
        }
        for one in sorted(refused):
            said = {"description": REASONS[one], "content": {"application/json": {"schema": ERROR}}}
            found["responses"][str(one)] = said
        return found


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The whole interface as OpenAPI."""
    paths: dict[str, Any] = {}
    for one in endpoints:
        path = paths.setdefault(one.path, {"parameters": [RUN]} if "{run}" in one.path else {})
        path[one.method.lower()] = one.operation()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "retort studio",
            "version": __version__,
            "description": "The studio's own interface, on loopback. Numbers are in nats unless named otherwise.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Retort-Token"}}
        },
    }


def _schema(body: type[Body]) -> dict[str, Any]:
    """A request's JSON schema, its own definitions inside it.

    pydantic refers to `#/$defs/…`, which in the document would be sought at its root. No request contains itself.
    """
    found = body.model_json_schema()
    inner = found.pop("$defs", {})

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                return put(inner[value["$ref"].rsplit("/", 1)[-1]])
            made = {key: put(one) for key, one in value.items()}
            if "const" in made:  # one choice is a list of one, as with several
                made["enum"] = [made.pop("const")]
            return made
        return [put(one) for one in value] if isinstance(value, list) else value

    whole: dict[str, Any] = put(found)
    return whole


def first_prompt(model: str) -> str:
    """What the page asks a model first."""
    return "A pear is a kind of" if model in SMALL_MODELS else "The capital of Australia is"


class Studio:
    """What each route does with the models and the runs on them."""

    def __init__(self, models: Models, grace: float = GRACE_SECONDS) -> None:
        self.models, self.runs = models, Runs(grace=grace)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The interface."""
        json_kind = "application/json"
        state, record = (202, "the run", STATE, json_kind), {"type": "object"}
        return (
            *(
                Endpoint(
                    "POST", f"/api/{kind.name}", f"start-{kind.name}", kind.help, self.start(kind), state, (429,),
                    kind.body(self.models),
                )
                for kind in KINDS.values()
            ),
            Endpoint(
                "POST", "/api/page", "page", "What these runs found as one HTML file that needs no studio.", self.page,
                (200, "the file", {"type": "string"}, "text/html"), (404,), PageRequest,
            ),
            Endpoint(
                "GET", "/api/models", "models", "The models this studio was started with, and what it can do.",
                self.about, (200, "the models", record, json_kind),
            ),
            Endpoint(
                "GET", "/api/runs/{run}", "run", "The state of a run.", self.state,
                (200, "its state", STATE, json_kind),
            ),
            Endpoint(
                "DELETE", "/api/runs/{run}", "stop", "Stop a run at its next step.", self.stop,
                (202, "its state", STATE, json_kind),
            ),
            Endpoint(
                "GET", "/api/runs/{run}/result", "result", "The result of a run.", self.result,
                (200, "its record", record, json_kind), (409,),
            ),
            Endpoint(
                "GET", "/api/runs/{run}/events", "events",
                "Server-sent events: progress, then done, failed or stopped. Last-Event-ID resumes.", self.events,
                (200, "the stream", {"type": "string"}, "text/event-stream"),
            ),
        )  # fmt: skip

    async def about(self, request: Request) -> Response:
        """What the page's forms offer."""
        names = self.models.names
        return JSONResponse(
            {
                "models": names,
                "prompts": {name: first_prompt(name) for name in names},
                "tasks": TASKS,
                "recipes": RECIPES,
                "kinds": list(KINDS),
                "working": self.runs.working(),
            }
        )

    def start(self, kind: Kind) -> Callable[[Request], Awaitable[Response]]:
        """The route that starts a run of one kind."""
        body = kind.body(self.models)

        async def route(request: Request) -> Response:
            asked = checked(body, _parsed(await request.body()))
            key = f"{kind.name} {asked.model_dump_json()}"
            try:
                run = self.runs.start(kind.name, lambda run: kind.work(run, self.models, asked), key)
            except Busy:
                raise HTTPException(429, "too many runs are waiting; stop one, or wait") from None
            return JSONResponse(_state(run), 202)

        return route

    def _run(self, request: Request) -> Run:
        run = self.runs.get(request.path_params["run"])
        if run is None:
            raise HTTPException(404, "there is no such run, or it has expired; start it again")
        return run

    async def state(self, request: Request) -> Response:
        return JSONResponse(_state(self._run(request)))

    async def stop(self, request: Request) -> Response:
        run = self._run(request)
        run.stop()
        return JSONResponse(_state(run), 202)

    async def result(self, request: Request) -> Response:
        run = self._run(request)
        if run.result is None:
            raise HTTPException(409, run.error or f"the run has no result: it is {run.state}")
        return Response(run.result, media_type="application/json", headers=NO_STORE)

    async def page(self, request: Request) -> Response:
        """What runs found as one standalone file: the page with these views."""
        asked: PageRequest = checked(PageRequest, _parsed(await request.body()))
        views: dict[str, Any] = {"tour": tour(), "state": asked.state}
        for view, name in asked.runs.items():
            run = self.runs.get(name)
            if run is None or run.result is None or run.kind != view:
                raise HTTPException(404, f"the result of {view} is not there any more; run it again")
            views[view] = json.loads(run.result)
        # In a thread: a page of several results takes long enough to hold up the progress of every run.
        text = await run_in_threadpool(page_html, "retort studio", views, __version__)
        return Response(text, media_type="text/html; charset=utf-8", headers=NO_STORE)

    async def events(self, request: Request) -> Response:
        run = self._run(request)
        last = request.headers.get("last-event-id", "0")
        # isdigit alone accepts ², which int refuses, as it does a number of thousands of digits.
        after = int(last) if last.isascii() and last.isdigit() and len(last) < 12 else 0
        return StreamingResponse(
            _stream(self.runs, run, after), media_type="text/event-stream", headers=NO_STORE
        )


def create_app(models: Models, token: str, port: int, *, grace: float = GRACE_SECONDS) -> App:
    """The studio as an ASGI app, its guard around it."""
    studio = Studio(models, grace)
    endpoints = studio.endpoints()
    described = document(endpoints)
    files = {name: (STATIC / name).read_bytes() for name in TYPES}
    files[TOUR.name] = TOUR.read_bytes()
    data = {"version": __version__, "title": "retort studio", "studio": True}
    page = PAGE.replace("DATA", page_data(data)).encode("utf-8")

    async def index(request: Request) -> Response:
        return Response(page, media_type="text/html; charset=utf-8", headers=NO_STORE)

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in files:
            raise HTTPException(404, "there is no such file")
        return Response(
            files[name], media_type=TYPES.get(name, "application/json"), headers={"cache-control": "no-cache"}
        )

    async def openapi(request: Request) -> Response:
        return JSONResponse(described)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        studio.runs.close()

    app = Starlette(
        routes=[
            Route("/", index),
            Route("/static/{name}", static),
            Route("/openapi.json", openapi),
            *(Route(one.path, one.handle, methods=[one.method]) for one in endpoints),
        ],
        lifespan=lifespan,
        exception_handlers={HTTPException: _http_error, InputError: _input_error, Exception: _our_error},
    )
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
