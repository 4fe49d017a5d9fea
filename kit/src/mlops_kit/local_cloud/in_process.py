"""Requests of this process to its own local cloud: handled in the thread that sends them, without a connection.

A request over HTTP costs this process twice: one thread writes, waits and parses while another one accepts, parses,
answers and writes. Both need the interpreter's lock, and so do the steps that run at the same time. Everything behind
the socket stays the same: the gateway, its handlers and moto get the same WSGI request, one at a time.
"""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from urllib3 import HTTPHeaderDict, HTTPResponse
from werkzeug.exceptions import InternalServerError

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

EVENT = "before-send"  # botocore: a response that a handler returns replaces the one from the network
BETWEEN_HOSTS = {"HTTP_TRANSFER_ENCODING", "HTTP_EXPECT", "HTTP_CONNECTION"}  # they describe a connection


@contextmanager
def handled_in_process(url: str, application: Application) -> Iterator[None]:
    """Within this block, boto3 clients of this process hand their requests for a URL to an application.

    That applies to the clients that are created within the block.

    Args:
        url: of the server of this application, as in http://127.0.0.1:4566.
        application: WSGI.
    """
    transport = _Transport(url, application)
    events = (boto3.DEFAULT_SESSION or _default_session()).events
    events.register(EVENT, transport)
    try:
        yield
    finally:
        transport.close()
        events.unregister(EVENT, transport)


def _default_session() -> boto3.Session:
    """Create the session that `boto3.client` uses."""
    boto3.setup_default_session()
    return boto3.DEFAULT_SESSION


class _Transport:
    """botocore's handler of a request that is about to be sent."""

    def __init__(self, url: str, application: Application) -> None:
        self._base = f"{url}/"
        self._application: Application | None = application

    def __call__(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        """Answer a request; None for one to another server, which botocore then sends."""
        application = self._application
        if application is None or not request.url.startswith(self._base):
            return None
        status, headers, body = _respond(application, _environ(request))
        raw = HTTPResponse(
            io.BytesIO(body), HTTPHeaderDict(headers), status, preload_content=False, request_method=request.method
        )
        return AWSResponse(request.url, status, raw.headers, raw)

    def close(self) -> None:
        """Handle no more requests: clients outlive the block, and their requests fail as at any closed port."""
        self._application = None


def _respond(application: Application, environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body of an application's response; an exception is status 500, as from a server."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
        started.append((status, headers))

    try:
        body = b"".join(application(environ, start_response))
    except Exception:
        traceback.print_exc()
        error = InternalServerError()
        return 500, error.get_headers(), error.get_body().encode()
    status, headers = started[-1]
    return int(status.split()[0]), headers, body


def _environ(request: AWSPreparedRequest) -> dict[str, Any]:
    """A request as moto's server passes it to its application."""
    url = urlsplit(request.url)
    target = f"{url.path}?{url.query}" if url.query else url.path
    return {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": _stream(request.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(url.path).decode("latin-1"),
        "QUERY_STRING": url.query,
        "REQUEST_URI": target,
        "RAW_URI": target,
        **_server(url),
        **_headers(request.headers),
    }


def _server(url: SplitResult) -> dict[str, str]:
    host = url.hostname or ""
    return {
        "SERVER_NAME": host,
        "SERVER_PORT": str(url.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": host,
        "HTTP_HOST": url.netloc,
    }


def _headers(headers: Mapping[str, str | bytes]) -> dict[str, Any]:
    """Headers by their WSGI keys, and the spelling of those of which moto keeps it."""
    texts = [(name, value.decode() if isinstance(value, bytes) else str(value)) for name, value in headers.items()]
    by_key = {environ_key_for_header(name): value for name, value in texts}
    preserved = {environ_key_for_header(name): name for name, _ in texts if should_preserve_original_header_name(name)}
    return {
        **{key: value for key, value in by_key.items() if key not in BETWEEN_HOSTS},
        PRESERVED_HEADER_NAMES_ENVIRON_KEY: preserved,
    }


def _stream(body: Any) -> Any:
    """A request's body as a file."""
    if hasattr(body, "read"):
        return body
    return io.BytesIO(body.encode() if isinstance(body, str) else body or b"")
