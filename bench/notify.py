"""Measure a cold start of the function notify: its import and first call, relative to boto3 with one client.

Each run is a new process. A server in this process plays AWS with prepared answers, so that only Python's work is
measured. As in Lambda, the function's own files are compiled on import, while boto3's are compiled already.
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

BASELINE = """
import time
started = time.perf_counter()
import boto3
boto3.client("sns")
print(time.perf_counter() - started)
"""
NOTIFY = """
import json, sys, time
from types import SimpleNamespace
event, context = json.loads(sys.argv[1]), SimpleNamespace(aws_request_id="call")
sys.path.insert(0, sys.argv[2])
started = time.perf_counter()
from handler import handler
outcome = handler(event, context)["outcome"]
seconds = time.perf_counter() - started
assert outcome == "sent", outcome
print(seconds)
"""
RUNS = 5  # for each repetition: a run takes less than a second, and times vary

PUBLISHED = b"<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>"
PACKAGE = {"CustomerMetadataProperties": {"kind": "training", "metric": "rmse", "value": "1.3", "threshold": "2.5"}}


class Answers(BaseHTTPRequestHandler):
    """The answers of SNS, DynamoDB and SageMaker to valid requests."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # send head and body in one packet: TCP may delay a second one by 40 ms, which AWS avoids

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
        """Log nothing."""


@dataclass(frozen=True)
class ColdStart:
    """Median times in seconds.

    Attributes:
        baseline: import boto3 and create one client.
        step: import notify and send a message about a failed step, using DynamoDB and SNS.
        version: import notify and send a message about a new version, using SageMaker as well.
    """

    baseline: float
    step: float
    version: float


def measure_notify(project: Path, repeat: int) -> ColdStart:
    """Run the baseline and the two calls in turn, so that a slow moment of the machine affects all three.

    Args:
        project: a generated project.
        repeat: a fifth of the number of runs of each; one more run comes first and is not counted.
    """
    sys.path.insert(0, str(project / "tests"))
    from sample_events import SampleEvents

    sample, function = SampleEvents(), str(project / "lambdas" / "notify")
    events = [json.dumps(event) for event in (sample.step_changed(), sample.package_changed())]
    contenders = [[BASELINE], *([NOTIFY, event, function] for event in events)]
    times: list[list[float]] = [[] for _ in contenders]
    with answering() as url:
        for _ in range(1 + RUNS * repeat):
            for seconds, (script, *arguments) in zip(times, contenders, strict=True):
                seconds.append(run(script, arguments, sample.stem, url))
    baseline, step, version = (statistics.median(seconds[1:]) for seconds in times)
    return ColdStart(baseline, step, version)


@contextmanager
def answering() -> Iterator[str]:
    """Serve the answers; yields the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def run(script: str, arguments: list[str], stem: str, url: str) -> float:
    """Run a script in a new process with the variables that Terraform sets; returns the seconds that it prints last."""
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
    }
    command = [sys.executable, "-c", script, *arguments]
    output = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | variables).stdout
    return float(output.split()[-1])


def notify_table(start: ColdStart) -> Table:
    """The two calls next to the baseline."""
    table = Table("cold start of the function notify", "ms", "ratio to the baseline", "target", title="Functions")
    table.add_row("import boto3 and create one client: the baseline", f"{start.baseline * 1000:.0f}", "", "")
    for subject, seconds in (("a failed step", start.step), ("a new version", start.version)):
        ratio = f"{seconds / start.baseline:.2f}"
        table.add_row(f"import, and send a message about {subject}", f"{seconds * 1000:.0f}", ratio, "at most 1.5")
    return table
