#!/opt/venv/bin/python
"""Serve a model in SageMaker: GET /ping and POST /invocations, on the port that SageMaker names.

The model's artifact holds its code. SAGEMAKER_PROGRAM in the folder SAGEMAKER_SUBMIT_DIRECTORY has the functions
model_fn, input_fn, predict_fn and output_fn, as SageMaker's own images call them. The contract of the container:
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
"""

from __future__ import annotations

import importlib
import logging
import os
import pwd
import sys
from collections.abc import Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from typing import Any

MODEL, CODE, PROGRAM = "/opt/ml/model", "/opt/ml/model/code", "inference.py"
USER = "model"  # the processes that answer requests need no rights
TIMEOUT = 600  # seconds for one request, as ModelClientConfig of the batch transform allows

Answer = Callable[[bytes, str, str], bytes]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Application:
    """A WSGI application that answers with one model.

    Args:
        answer: maps a body, its content type and the accepted type to the body of the answer.
        refusals: what `answer` raises for a request that it cannot read: status 400. Anything else is a 500.
    """

    def __init__(self, answer: Answer, refusals: tuple[type[Exception], ...] = (ValueError,)) -> None:
        self._answer, self._refusals = answer, refusals

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        accept = environ.get("HTTP_ACCEPT", "")
        if request == ("GET", "/ping"):
            status, body = HTTPStatus.OK, b""
        elif request == ("POST", "/invocations"):
            status, body = self._invoke(environ, accept)
        else:
            status, body = HTTPStatus.NOT_FOUND, b"there are GET /ping and POST /invocations"
        content_type = accept if status is HTTPStatus.OK and accept else "text/plain; charset=utf-8"
        headers = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    def _invoke(self, environ: dict[str, Any], accept: str) -> tuple[HTTPStatus, bytes]:
        # a chunked request has no length; gunicorn's stream ends with the body
        length = None if environ.get("wsgi.input_terminated") else int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        try:
            return HTTPStatus.OK, self._answer(body, environ.get("CONTENT_TYPE", ""), accept)
        except self._refusals as error:
            logging.warning("refused: %s", error)
            return HTTPStatus.BAD_REQUEST, str(error).encode()
        except Exception:
            logging.exception("failed")
            return HTTPStatus.INTERNAL_SERVER_ERROR, b"the model failed; its log has the reason"


def load(model_dir: Path, code_dir: Path, program: str) -> Application:
    """Load a model with the code in its artifact.

    Raises:
        FileNotFoundError: the artifact has no such code.
        AttributeError: the code lacks one of the four functions.
    """
    code = _module(code_dir / program)
    read, predict, write = code.input_fn, code.predict_fn, code.output_fn
    model = code.model_fn(str(model_dir))

    def answer(body: bytes, content_type: str, accept: str) -> bytes:
        written: bytes | str = write(predict(read(body, content_type), model), accept)
        return written.encode() if isinstance(written, str) else written

    jobs_errors = sys.modules.get("mlops_jobs.errors")  # comes with the artifact
    return Application(answer, (ValueError, getattr(jobs_errors, "UserError", ValueError)))


def _module(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; SAGEMAKER_PROGRAM names the code of the model")
    sys.path.insert(0, str(path.parent))
    return importlib.import_module(path.stem)


def options() -> dict[str, Any]:
    """The settings of the server: one process for each processor, each with its own model."""
    chosen = {
        "bind": f"0.0.0.0:{os.environ.get('SAGEMAKER_BIND_TO_PORT', '8080')}",
        "workers": int(os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or os.cpu_count() or 1),
        "timeout": TIMEOUT,
        "worker_tmp_dir": "/dev/shm",  # noqa: S108  the heartbeat's file must not wait for a disk
    }
    if os.geteuid() == 0:
        account = pwd.getpwnam(USER)
        chosen |= {"user": account.pw_uid, "group": account.pw_gid}
    return chosen


def main() -> None:
    """Serve until SageMaker stops the container."""
    from gunicorn.app.base import BaseApplication

    class Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for name, value in options().items():
                self.cfg.set(name, value)

        def load(self) -> Application:
            code_dir = Path(os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", CODE))
            return load(Path(MODEL), code_dir, os.environ.get("SAGEMAKER_PROGRAM", PROGRAM))

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    Server().run()


if __name__ == "__main__":
    main()
