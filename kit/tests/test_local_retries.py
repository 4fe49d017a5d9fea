"""What a machine did wrong is tried again, what a script did wrong is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from mlops_kit.runner.failures import (
    JOB_INTERNAL_ERROR,
    RESOURCE_LIMIT,
    SERVICE_FAULT,
    THROTTLING,
    StepFailedError,
    service_failure,
)
from mlops_kit.runner.retries import with_retries
from pipeline_harness import Lab, open_lab, step_of

DIE = "import os\nos.kill(os.getpid(), 9)\n"
MACHINE = {"ExceptionType": [JOB_INTERNAL_ERROR], "IntervalSeconds": 60, "BackoffRate": 2.0, "MaxAttempts": 3}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("lab")) as opened:
        yield opened


def failing(*kinds: str | None) -> Callable[[], str]:
    """Fail once with each kind of exception, then work."""
    left = list(kinds)

    def action() -> str:
        if left:
            kind = left.pop(0)
            raise StepFailedError(f"failed with {kind}", kind)
        return "done"

    return action


def tried(action: Callable[[], str], *policies: dict[str, Any]) -> tuple[str, list[float], list[int]]:
    waits: list[float] = []
    attempts: list[int] = []
    try:
        result = with_retries(action, policies, waits.append, lambda attempt, _: attempts.append(attempt))
    except StepFailedError as error:
        result = error.reason
    return result, waits, attempts


def test_what_fails_at_first_is_tried_again_after_longer_and_longer_waits() -> None:
    assert tried(failing(*[JOB_INTERNAL_ERROR] * 3), MACHINE) == ("done", [60, 120, 240], [2, 3, 4])


def test_after_as_many_attempts_as_the_policy_says_it_has_failed() -> None:
    result, waits, _ = tried(failing(*[JOB_INTERNAL_ERROR] * 4), MACHINE)
    assert (result, len(waits)) == (f"failed with {JOB_INTERNAL_ERROR}", 3)


def test_what_no_policy_names_is_not_tried_again() -> None:
    assert tried(failing(None), MACHINE) == ("failed with None", [], [])
    assert tried(failing(THROTTLING), MACHINE) == (f"failed with {THROTTLING}", [], [])
    assert tried(failing(THROTTLING)) == (f"failed with {THROTTLING}", [], [])


def test_each_policy_counts_for_itself() -> None:
    busy = {"ExceptionType": [THROTTLING, SERVICE_FAULT], "IntervalSeconds": 1, "BackoffRate": 1.0, "MaxAttempts": 1}
    result, waits, _ = tried(failing(THROTTLING, JOB_INTERNAL_ERROR, JOB_INTERNAL_ERROR), busy, MACHINE)
    assert (result, waits) == ("done", [1, 60, 120])


def test_a_policy_may_end_after_some_time() -> None:
    timed = {"ExceptionType": [THROTTLING], "IntervalSeconds": 60, "BackoffRate": 2.0, "ExpireAfterMin": 5}
    result, waits, _ = tried(failing(*[THROTTLING] * 9), timed)
    assert (result, waits) == (f"failed with {THROTTLING}", [60, 120])


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ThrottlingException", 400, THROTTLING),
        ("SlowDown", 503, THROTTLING),
        ("ResourceLimitExceeded", 400, RESOURCE_LIMIT),
        ("InternalFailure", 500, SERVICE_FAULT),
        ("ValidationException", 400, None),
    ],
)
def test_an_answer_of_the_api_tells_whether_to_try_again(code: str, status: int, kind: str | None) -> None:
    error = ClientError(
        {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}},
        "CreateModel",
    )
    assert service_failure(error).exception_type == kind


def test_no_answer_of_the_api_is_its_fault() -> None:
    assert service_failure(EndpointConnectionError(endpoint_url="http://127.0.0.1:9")).exception_type == SERVICE_FAULT


def test_a_job_that_is_killed_is_run_again(lab: Lab) -> None:
    code = (
        "import os, pathlib\n"
        "mark = pathlib.Path('was-here')\n"
        "if not mark.exists():\n    mark.touch()\n    os.kill(os.getpid(), 9)\n"
        "print('worked')\n"
    )
    record = lab.run(lab.job("Job", code, RetryPolicies=[MACHINE]))
    step = step_of(record, "Job")
    assert (step["status"], step["attempts"], step["note"], step["reason"]) == ("Succeeded", 2, "worked", "")
    assert lab.clock.waited[-1] == 60


def test_a_job_that_is_killed_each_time_has_failed_in_the_end(lab: Lab) -> None:
    record = lab.run(lab.job("Job", DIE, RetryPolicies=[MACHINE]))
    step = step_of(record, "Job")
    assert (step["status"], step["attempts"]) == ("Failed", 4)
    assert step["reason"] == "InternalServerError: the job was killed by signal 9"


def test_a_job_whose_script_fails_is_not_run_again(lab: Lab) -> None:
    record = lab.run(lab.job("Job", "raise ValueError('no rows')", RetryPolicies=[MACHINE]))
    step = step_of(record, "Job")
    assert (step["attempts"], step["reason"]) == (1, "AlgorithmError: ValueError: no rows")


def test_each_attempt_begins_with_empty_outputs(lab: Lab) -> None:
    code = (
        "import os, pathlib\n"
        "out = pathlib.Path('opt/ml/processing/output/o')\n"
        "print(sorted(path.name for path in out.iterdir()), flush=True)\n"
        "(out / 'half.txt').touch()\n"
        "os.kill(os.getpid(), 9)\n"
    )
    record = lab.run(lab.job("Job", code, outputs=["o"], RetryPolicies=[{**MACHINE, "MaxAttempts": 1}]))
    log = (lab.cloud.work / step_of(record, "Job")["log"]).read_text(encoding="utf-8")
    assert log == "[]\n[]\n"
