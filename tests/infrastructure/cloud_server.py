"""Runs an empty local cloud in a separate process, controlled through standard input.

    python cloud_server.py PROJECT

A process can hold one cloud, and the tests need several. It prints its URL. Then it reads calls as lines of JSON, and
prints a line of JSON with the result of each. It ends when its input ends, so it never outlives the tests.

Terraform's requests are recorded, by the phase that the last call of `phase` named.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from mlops_kit.aws.deletion import delete
from mlops_kit.local_cloud.cloud import LocalCloud
from mlops_kit.local_cloud.gateway import Gateway
from mlops_kit.local_cloud.parsed_requests import parse, service_of
from mlops_kit.project import open_project

project = Path(sys.argv[1])
phases: list[str] = [""]
requests: dict[str, set[tuple[str, str, bool]]] = {}  # service, operation, and whether it sets tags, by phase


def record(environ: dict[str, Any]) -> None:
    """Record a request of Terraform."""
    if "Terraform" in environ.get("HTTP_USER_AGENT", "") and (request := parse(environ, service_of(environ))):
        with_tags = any(request.parameters.get(key) for key in ("Tags", "tags", "ResourceTags", "TagSpecifications"))
        requests.setdefault(phases[-1], set()).add((request.service, request.operation, with_tags))


def main() -> None:
    """Start the cloud and answer calls."""
    answer_request = Gateway.__call__

    def recording(gateway: Gateway, environ: dict[str, Any], start_response: Any) -> Any:
        record(environ)
        return answer_request(gateway, environ, start_response)

    Gateway.__call__ = recording  # type: ignore[method-assign, assignment]
    responses = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # for all other output
    with LocalCloud(project, empty_account=True) as cloud:
        print(cloud.url, file=responses, flush=True)
        for line in sys.stdin:
            print(json.dumps(answer(cloud, **json.loads(line))), file=responses, flush=True)


def answer(cloud: LocalCloud, call: str, arguments: list[Any]) -> dict[str, Any]:
    """Call one of the cloud's methods, or delete what `deploy` created."""
    try:
        if call == "delete":
            delete(
                cloud.environment,
                open_project(project).kinds,
                *arguments,
                with_models=True,
                stop=True,
                say=lambda _: None,
            )
            return {"returned": None}
        if call == "phase":
            phases.extend(arguments)
            return {"returned": None}
        if call == "requests":
            return {"returned": {phase: sorted(found) for phase, found in requests.items()}}
        return {"returned": getattr(cloud, call)(*arguments)}
    except Exception as error:
        return {"raised": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
