"""An HTTP server on a port of this machine, and moto's application."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

HOST = "127.0.0.1"
POLL_INTERVAL = 0.02  # seconds until the server notices that it must stop
INVOCATIONS = "/invocations"  # the end of the path of a request that invokes a Lambda function

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_in_use = threading.Lock()  # moto stores its accounts in the memory of this process, so there can be only one server
moto_lock = threading.Lock()  # whoever reads or changes moto's memory holds it


def moto_application() -> Wsgi:
    """moto: all AWS services; a request's signature names the service."""
    return one_at_a_time(DomainDispatcherApplication(create_backend_app))


def one_at_a_time(application: Wsgi) -> Wsgi:
    """Serialize the requests to moto, which fails when a request changes what another one reads.

    Invocations of Lambda functions are exempt, because a function's code sends requests itself.
    """

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"].endswith(INVOCATIONS):
            return application(environ, start_response)
        with moto_lock:
            return application(environ, start_response)

    return serve


class Server:
    """Listens on a port, with an empty moto behind it. Requests wait until `serve`.

    The address is known before the application exists, so an application can be built from parts that need the address.

    Args:
        port: 0 chooses a free one.

    Raises:
        RuntimeError: this process already has a server.
    """

    def __init__(self, port: int = 0) -> None:
        if not _in_use.acquire(blocking=False):
            raise RuntimeError("there is a local cloud in this process already; leave it before entering another")
        try:
            moto_api_backend.reset()
            self._server = make_server(HOST, port, _no_application, threaded=True, request_handler=_RequestHandler)
        except BaseException:
            _in_use.release()
            raise
        self.url = f"http://{HOST}:{self._server.server_port}"
        self._thread: threading.Thread | None = None

    def serve(self, application: Wsgi) -> None:
        """Answer requests with an application from now on."""
        self._server.app = application
        self._thread = threading.Thread(target=self._server.serve_forever, args=(POLL_INTERVAL,), daemon=True)
        self._thread.start()

    def answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request of this process without a connection; it is a WSGI application, once `serve` was called."""
        application: Wsgi = self._server.app
        return application(environ, start_response)

    def close(self) -> None:
        """Stop answering, and release the port."""
        try:
            if self._thread:
                self._server.shutdown()
                self._thread.join()
            self._server.server_close()
        finally:
            _in_use.release()


def _no_application(*_: Any) -> Iterable[bytes]:
    raise NotImplementedError  # `serve` replaces it before the first request is read


class _RequestHandler(MotoRequestHandler):
    """Logs no requests, and sends the head and the body of a response together.

    Go's HTTP client, and therefore Terraform, sometimes loses a body that follows the head separately.
    """

    wbufsize = 1 << 16

    def make_environ(self) -> dict[str, Any]:
        """Send `100 Continue` at once to a client that waits for it before it sends its body."""
        self.wfile.flush()
        return super().make_environ()

    def log_request(self, *_: Any) -> None:
        """Log nothing."""
