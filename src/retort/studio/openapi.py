"""The OpenAPI document, made from the tables that the routes are made from."""

from __future__ import annotations

from typing import Any

from retort import __version__
from retort.studio.models import Models
from retort.studio.work import KINDS, Request

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


def document(models: Models, page: type[Request]) -> dict[str, Any]:
    """The whole interface of a studio with these models; `page` is what the route that saves a page takes."""
    run = {
        "name": "run",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
    }
    paths: dict[str, Any] = {
        f"/api/{kind.name}": {
            "post": {
                "operationId": f"start-{kind.name}",
                "summary": kind.help,
                "security": [{"token": []}],
                "requestBody": {"required": True, "content": _json(_schema(kind.body(models)))},
                "responses": {
                    "202": _is("the run", STATE),
                    **_refusals(401, 403, 413, 415, 422, 429),
                },
            }
        }
        for kind in KINDS.values()
    }
    paths["/api/page"] = {
        "post": {
            "operationId": "page",
            "summary": "What these runs found as one HTML file that needs no studio.",
            "security": [{"token": []}],
            "requestBody": {"required": True, "content": _json(_schema(page))},
            "responses": {
                "200": {"description": "the file", "content": {"text/html": {"schema": {"type": "string"}}}},
                **_refusals(401, 403, 404, 413, 415, 422),
            },
        }
    }
    paths["/api/models"] = {
        "get": {
            "operationId": "models",
            "summary": "The models this studio was started with, and what it can do.",
            "responses": {"200": _is("the models", {"type": "object"}), **_refusals(403)},
        }
    }
    paths["/api/runs/{run}"] = {
        "parameters": [run],
        "get": {
            "operationId": "run",
            "summary": "The state of a run.",
            "responses": {"200": _is("its state", STATE), **_refusals(403, 404)},
        },
        "delete": {
            "operationId": "stop",
            "summary": "Stop a run at its next step.",
            "security": [{"token": []}],
            "responses": {"202": _is("its state", STATE), **_refusals(401, 403, 404)},
        },
    }
    paths["/api/runs/{run}/result"] = {
        "parameters": [run],
        "get": {
            "operationId": "result",
            "summary": "The result of a run.",
            "responses": {"200": _is("its record", {"type": "object"}), **_refusals(403, 404, 409)},
        },
    }
    paths["/api/runs/{run}/events"] = {
        "parameters": [run],
        "get": {
            "operationId": "events",
            "summary": "Server-sent events: progress, then done, failed or stopped. Last-Event-ID resumes.",
            "responses": {
                "200": {
                    "description": "the stream",
                    "content": {"text/event-stream": {"schema": {"type": "string"}}},
                },
                **_refusals(403, 404),
            },
        },
    }
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


def _schema(body: type[Request]) -> dict[str, Any]:
    """A request's JSON schema, its own definitions inside it."""
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


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _is(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": _json(schema)}


def _refusals(*statuses: int) -> dict[str, Any]:
    return {str(status): _is(REASONS[status], ERROR) for status in statuses}
