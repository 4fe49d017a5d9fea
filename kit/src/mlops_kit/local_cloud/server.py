"""moto's server on a free port of this machine, with the operations that moto lacks put in front."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

HOST = "127.0.0.1"
POLL_SECONDS = 0.02  # how soon a server that is to stop does
CALLS = "/invocations"  # how the path of a request ends that calls a Lambda function

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_one = threading.Lock()  # moto keeps its accounts in the memory of this process: there can be one of them only


def moto_application() -> Wsgi:
    """moto: all AWS services, chosen by what a request is signed for."""
    return one_at_a_time(DomainDispatcherApplication(create_backend_app))


def one_at_a_time(application: Wsgi) -> Wsgi:
    """Moto's application, which stumbles when a request changes what another is just reading.

    A call of a Lambda function is let through beside others: the function's code asks for things itself.
    """
    lock = threading.Lock()

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"].endswith(CALLS):
            return application(environ, start_response)
        with lock:
            return application(environ, start_response)

    return serve


class Server:
    """An empty AWS, from the making of this object to `close`.

    Args:
        application: what is served: moto's, or one that hands requests on to it.
        port: 0 takes a free one.

    Raises:
        RuntimeError: there is one in this process already.
    """

    def __init__(self, application: Wsgi, port: int = 0) -> None:
        if not _one.acquire(blocking=False):
            raise RuntimeError("there is a local cloud in this process already; leave it before entering another")
        try:
            moto_api_backend.reset()
            self._server = make_server(HOST, port, application, threaded=True, request_handler=_Quiet)
        except BaseException:
            _one.release()
            raise
        self.url = f"http://{HOST}:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(POLL_SECONDS,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        try:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        finally:
            _one.release()


class _Quiet(MotoRequestHandler):
    """Writes no line for each request, and head and body of an answer at once.

    Go's client, and so Terraform, sometimes loses a body that comes by itself after the head.
    """

    wbufsize = 1 << 16

    def make_environ(self) -> dict[str, Any]:
        """Let a client go on first that waits for leave to send its body."""
        self.wfile.flush()
        return super().make_environ()

    def log_request(self, *_: Any) -> None:
        """Write nothing."""
