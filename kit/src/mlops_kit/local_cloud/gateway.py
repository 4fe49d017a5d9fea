"""The WSGI application in front of moto: it checks where a request comes from, and applies the handlers."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from mlops_kit.local_cloud.api import Answer, ApiError, Handler, Request
from mlops_kit.local_cloud.parsed_requests import parse, service_of
from mlops_kit.local_cloud.server import Wsgi
from mlops_kit.local_cloud.service_limits import SERVICES, InlinePolicies, check_limits, error_response

StartResponse = Callable[..., Any]

BROWSER_HEADERS = ("HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE")  # a browser sends them for a page, an SDK never does


class Gateway:
    """Answers some operations with handlers, and passes all others to moto.

    Args:
        moto: moto's application.
        handlers: what replaces, precedes or follows moto's operations.
        pages: answers by method and path, for paths outside AWS's API.
        inline_policies: returns the inline policies of a role by name.
    """

    def __init__(
        self,
        moto: Wsgi,
        handlers: Sequence[Handler],
        pages: Mapping[tuple[str, str], Callable[[], Answer]],
        inline_policies: InlinePolicies,
    ) -> None:
        self._moto = moto
        self._pages = pages
        self._inline_policies = inline_policies
        self._instead = {name: action for handler in handlers for name, action in handler.instead.items()}
        self._before = {name: action for handler in handlers for name, action in handler.before.items()}
        self._after = {name: action for handler in handlers for name, action in handler.after.items()}
        self._handled = {*self._instead, *self._before, *self._after}

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, unless a page in a browser sent it: moto alone would accept requests of any website."""
        if not _is_local_program(environ):
            return _respond(start_response, "403 Forbidden", {"__type": "AccessDenied", "message": "not for browsers"})
        page = self._pages.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if page:
            return _respond(start_response, "200 OK", page())
        if refusal := self._refusal(environ):
            body, headers = refusal
            start_response("400 Bad Request", [*headers, ("Content-Length", str(len(body)))])
            return [body]
        operation = environ.get("HTTP_X_AMZ_TARGET", "")
        if operation not in self._handled:
            return self._moto(environ, start_response)
        request = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        try:
            if operation in self._instead:
                return _respond(start_response, "200 OK", self._instead[operation](request))
            return self._handle_with_moto(operation, request, environ, start_response)
        except (ApiError, ClientError) as error:
            code = error.code if isinstance(error, ApiError) else error.response["Error"]["Code"]
            message = str(error) if isinstance(error, ApiError) else error.response["Error"]["Message"]
            return _respond(start_response, "400 Bad Request", {"__type": code, "message": message})

    def _refusal(self, environ: dict[str, Any]) -> tuple[bytes, list[tuple[str, str]]] | None:
        """The body and the headers of AWS's error, where a request is outside of a service's limits."""
        service = service_of(environ)
        request = parse(environ, service) if service in SERVICES else None
        try:
            if request:
                check_limits(request, self._inline_policies)
        except ApiError as error:
            return error_response(error, request.protocol if request else "json")
        return None

    def _handle_with_moto(
        self, operation: str, request: Request, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        """Pass a request to moto between the handlers that precede and follow it."""
        changed = self._before[operation](request) if operation in self._before else request
        body = json.dumps(changed).encode()
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
        statuses: list[str] = []

        def start(status: str, *more: Any) -> Any:
            statuses.append(status)
            return start_response(status, *more)

        answer = b"".join(self._moto(environ, start))
        if statuses and statuses[-1].startswith("200") and operation in self._after:
            self._after[operation]({**request, **json.loads(answer or b"{}")})
        return [answer]


def _is_local_program(environ: dict[str, Any]) -> bool:
    """Whether a program on this machine sent a request: a website's own host name may point to 127.0.0.1, too."""
    names = {f"{name}:{environ['SERVER_PORT']}" for name in ("127.0.0.1", "localhost")}
    return environ.get("HTTP_HOST") in names and not any(header in environ for header in BROWSER_HEADERS)


def _respond(start_response: StartResponse, status: str, answer: Answer) -> Iterable[bytes]:
    body = json.dumps(answer).encode()
    start_response(status, [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))])
    return [body]
