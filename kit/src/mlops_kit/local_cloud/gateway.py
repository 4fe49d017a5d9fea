"""A WSGI application in front of moto's."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from typing import Any

from botocore.exceptions import ClientError

from mlops_kit.local_cloud.handlers.api import Addition, Answer, ApiError, Request
from mlops_kit.local_cloud.server import Wsgi

StartResponse = Callable[..., Any]

OF_BROWSERS = ("HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE")  # headers that they send for a page, and no SDK sends


class Additions:
    """A WSGI application: answers some operations itself, and hands everything else to moto.

    Args:
        moto: moto's application.
        pages: answers to requests for paths of this cloud's own, by method and path.
    """

    def __init__(self, moto: Wsgi, pages: dict[tuple[str, str], Callable[[], Answer]]) -> None:
        self._moto = moto
        self._pages = pages
        self._answers: dict[str, Callable[[Request], Answer]] = {}
        self._changes: dict[str, Callable[[Request], Request]] = {}
        self._afterwards: dict[str, Callable[[Request], None]] = {}
        self._object_changed: Callable[[str, str], None] = lambda bucket, key: None

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, unless it comes from a page in a browser: moto itself would let any page do anything."""
        if not _is_of_this_machine(environ):
            return _respond(start_response, "403 Forbidden", {"__type": "AccessDenied", "message": "not for browsers"})
        page = self._pages.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        if page:
            return _respond(start_response, "200 OK", page())
        operation = environ.get("HTTP_X_AMZ_TARGET", "")
        if operation not in {*self._answers, *self._changes, *self._afterwards}:
            return self._from_moto(environ, start_response)
        request = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        try:
            if operation in self._answers:
                return _respond(start_response, "200 OK", self._answers[operation](request))
            return self._with_moto(operation, request, environ, start_response)
        except (ApiError, ClientError) as error:
            code = error.code if isinstance(error, ApiError) else error.response["Error"]["Code"]
            message = str(error) if isinstance(error, ApiError) else error.response["Error"]["Message"]
            return _respond(start_response, "400 Bad Request", {"__type": code, "message": message})

    def add(self, *additions: Addition) -> None:
        """Put these in front of moto from now on."""
        for addition in additions:
            self._answers.update(addition.answers)
            self._changes.update(addition.changes)
            self._afterwards.update(addition.afterwards)

    def tell_changes(self, object_changed: Callable[[str, str], None]) -> None:
        """Have something told bucket and key of each object in S3 that comes, changes or goes."""
        self._object_changed = object_changed

    def _from_moto(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        answer = self._moto(environ, start_response)
        if environ["REQUEST_METHOD"] in ("PUT", "POST", "DELETE") and "HTTP_X_AMZ_TARGET" not in environ:
            path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")  # as WSGI hands over bytes
            bucket, _, key = path.lstrip("/").partition("/")
            self._object_changed(bucket, key)
        return answer

    def _with_moto(
        self, operation: str, request: Request, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        """Hand a request to moto, changed where it has to be, and do what has to follow when moto took it."""
        changed = self._changes[operation](request) if operation in self._changes else request
        body = json.dumps(changed).encode()
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
        statuses: list[str] = []

        def noting(status: str, *more: Any) -> Any:
            statuses.append(status)
            return start_response(status, *more)

        answer = b"".join(self._moto(environ, noting))
        if statuses and statuses[-1].startswith("200") and operation in self._afterwards:
            self._afterwards[operation]({**request, **json.loads(answer or b"{}")})
        return [answer]


def _is_of_this_machine(environ: dict[str, Any]) -> bool:
    """Whether a program asked this server under its own name: a page may have a name of its own point here."""
    names = {f"{name}:{environ['SERVER_PORT']}" for name in ("127.0.0.1", "localhost")}
    return environ.get("HTTP_HOST") in names and not any(header in environ for header in OF_BROWSERS)


def _respond(start_response: StartResponse, status: str, answer: Answer) -> Iterable[bytes]:
    body = json.dumps(answer).encode()
    start_response(status, [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(body)))])
    return [body]
