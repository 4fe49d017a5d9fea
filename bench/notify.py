"""Measure how the function notify starts: its import and first call, beside what no function on boto3 can go below.

Every run is a process of its own. AWS is a server in this one, whose ready answers cost next to nothing: what is left
is Python's work. As in Lambda, the function's own files are compiled as they are imported, and boto3's were before.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from rich.table import Table

FLOOR = """
import time
started = time.perf_counter()
import boto3
boto3.client("sns")
print(time.perf_counter() - started)
"""
OURS = """
import json, sys, time
from types import SimpleNamespace
event, context = json.loads(sys.argv[1]), SimpleNamespace(aws_request_id="call")
sys.path.insert(0, sys.argv[2])
started = time.perf_counter()
from handler import handler
outcome = handler(event, context)["outcome"]
seconds = time.perf_counter() - started
assert outcome == "told", outcome
print(seconds)
"""
RUNS = 5  # for each one that is asked for: a run takes less than a second, and its figure varies

PUBLISHED = b"<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>"
PACKAGE = {"CustomerMetadataProperties": {"kind": "training", "metric": "rmse", "value": "1.3", "threshold": "2.5"}}


class Answers(BaseHTTPRequestHandler):
    """What SNS, DynamoDB and SageMaker answer when all is well."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave as one: of two, TCP may hold the second back for 40 ms, which AWS's do not

    def do_POST(self) -> None:
        """Answer any operation."""
        self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers.get("X-Amz-Target", "Publish").rpartition(".")[2]
        body = {"Publish": PUBLISHED, "DescribeModelPackage": json.dumps(PACKAGE).encode()}.get(operation, b"{}")
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Start:
    """Seconds, medians.

    Attributes:
        floor: import boto3 and make one client.
        step: import notify and tell of a failed step, which takes DynamoDB and SNS.
        version: import notify and tell of a new version, which takes SageMaker, too.
    """

    floor: float
    step: float
    version: float


def measure_notify(project: Path, repeat: int) -> Start:
    """Run the floor and the two calls in turn, so that a slow spell of the machine hits all alike.

    Args:
        project: generated.
        repeat: a fifth of the runs of each; one more comes first and does not count.
    """
    sys.path.insert(0, str(project / "tests"))
    from sample_events import SampleEvents

    sample, function = SampleEvents(), str(project / "lambdas" / "notify")
    events = [json.dumps(event) for event in (sample.step_changed(), sample.package_changed())]
    contenders = [[FLOOR], *([OURS, event, function] for event in events)]
    runs: list[list[float]] = [[] for _ in contenders]
    with answering() as url:
        for _ in range(1 + RUNS * repeat):
            for seconds, (script, *arguments) in zip(runs, contenders, strict=True):
                seconds.append(run(script, arguments, sample.stem, url))
    floor, step, version = (statistics.median(seconds[1:]) for seconds in runs)
    return Start(floor, step, version)


@contextmanager
def answering() -> Iterator[str]:
    """Serve the answers, and say where."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def run(script: str, arguments: list[str], stem: str, url: str) -> float:
    """The seconds that a script prints last, in a new process with the variables that Terraform would set."""
    project, _, environment = stem.partition("-")
    variables = {
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PROJECT": project,
        "ENVIRONMENT": environment,
        "TOPIC_ARN": f"arn:aws:sns:eu-west-1:123456789012:{stem}-notifications",
        "TABLE": f"{stem}-events",
        "TEXTS": "[]",
    }
    command = [sys.executable, "-c", script, *arguments]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | variables).stdout
    return float(printed.split()[-1])


def notify_table(start: Start) -> Table:
    """The calls beside the floor."""
    table = Table("the function notify, started anew", "ms", "against the floor", "to reach", title="Functions")
    table.add_row("import boto3 and make one client: the floor", f"{start.floor * 1000:.0f}", "", "")
    for what, seconds in (("a failed step", start.step), ("a new version", start.version)):
        ratio = f"{seconds / start.floor:.2f}"
        table.add_row(f"import, and tell of {what}", f"{seconds * 1000:.0f}", ratio, "at most 1.5")
    return table
