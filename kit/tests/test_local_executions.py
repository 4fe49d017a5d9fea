"""An execution runs each step when those it needs have succeeded, and ends as SageMaker's would."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from botocore.exceptions import ClientError

from mlops_kit.runner import record as record_module
from mlops_kit.runner.pipeline_executor import Pipeline
from mlops_kit.runner.record import ExecutionRecord, seconds_of
from pipeline_harness import Lab, condition, equals, fail, open_lab, statuses, step_of

PATIENCE = 30.0
FOREVER = "import time\ntime.sleep(600)\n"
WRITE = "import pathlib, sys\npathlib.Path(sys.argv[1], 'out.txt').write_text(sys.argv[2])\n"
FLOAT = {"Name": "Threshold", "Type": "Float", "DefaultValue": 2.5}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("lab")) as opened:
        yield opened


def json_file(value: str) -> str:
    return (
        "import pathlib\n"
        f"pathlib.Path('opt/ml/processing/output/result/result.json').write_text('''{value}''')\n"
        "print('written')\n"
    )


def stop_when(lab: Lab, arn: str, step: str, status: str) -> None:
    """Stop an execution as soon as one of its steps has a status."""
    reached = threading.Event()

    def look(record: ExecutionRecord) -> None:
        if statuses(record)[step] == status:
            reached.set()

    lab.cloud.listen(arn, look)
    assert reached.wait(PATIENCE)
    lab.cloud.client("sagemaker").stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="t" * 32)


# What runs


def test_a_diamond_runs_its_sides_after_its_top_and_before_its_bottom(lab: Lab) -> None:
    top = lab.job("Top", "print('top')")
    sides = [lab.job(name, DependsOn=["Top"]) for name in ("Left", "Right")]
    record = lab.run(lab.job("Bottom", DependsOn=["Left", "Right"]), *sides, top)
    assert record["status"] == "Succeeded"
    assert set(statuses(record).values()) == {"Succeeded"}
    top_, left, right, bottom = (step_of(record, name) for name in ("Top", "Left", "Right", "Bottom"))
    assert top_["ended"] <= min(left["started"], right["started"])
    assert max(left["ended"], right["ended"]) <= bottom["started"]
    assert bottom["needs"] == ["Left", "Right"]


def test_what_a_job_says_last_is_its_note_and_all_it_said_is_in_its_log(lab: Lab) -> None:
    record = lab.run(lab.job("Say", "print('first')\nprint('rmse 1.3 meets 2.5')"))
    step = step_of(record, "Say")
    assert step["note"] == "rmse 1.3 meets 2.5"
    assert (lab.cloud.work / step["log"]).read_text(encoding="utf-8") == "first\nrmse 1.3 meets 2.5\n"
    assert 0 < step["job_seconds"] < seconds_of(step["ended"]) - seconds_of(step["started"])


def test_the_record_in_the_file_is_the_record(lab: Lab) -> None:
    record = lab.run(lab.job("Say", outputs=["o"]), parameters=[FLOAT], Threshold=1.5)
    path = lab.cloud.work / "executions" / record["pipeline"] / record["id"] / "execution.json"
    assert json.loads(path.read_text(encoding="utf-8")) == record
    assert record["parameters"] == {"Threshold": 1.5}
    assert record["kind"].startswith("case-")
    assert not list(path.parent.glob("*.partial"))


def test_a_step_that_fails_stops_what_needs_it_and_nothing_else(lab: Lab) -> None:
    broken = lab.job("Broken", "import sys\nprint('reading')\nsys.exit('error: the file holds no rows')")
    record = lab.run(
        broken,
        lab.job("After", DependsOn=["Broken"]),
        lab.job("AfterThat", DependsOn=["After"]),
        lab.job("Beside"),
        lab.job("BesideThat", DependsOn=["Beside"]),
    )
    assert statuses(record) == {
        "Broken": "Failed",
        "After": "Stopped",
        "AfterThat": "Stopped",
        "Beside": "Succeeded",
        "BesideThat": "Succeeded",
    }
    assert record["status"] == "Failed"
    assert step_of(record, "Broken")["reason"] == "AlgorithmError: the file holds no rows"
    assert record["reason"] == "Broken: AlgorithmError: the file holds no rows"
    assert step_of(record, "Broken")["log"]
    assert step_of(record, "After")["started"] is None


def test_a_fail_step_ends_the_execution_and_what_runs_beside_it(lab: Lab) -> None:
    message = {"Std:Join": {"On": " ", "Values": ["too high:", {"Get": "Parameters.Threshold"}]}}
    record = lab.run(
        lab.job("Beside", FOREVER),
        lab.job("After", DependsOn=["Beside"]),
        lab.job("First"),
        fail("Refuse", message, DependsOn=["First"]),
        parameters=[FLOAT],
    )
    assert statuses(record) == {"Beside": "Stopped", "After": "Stopped", "First": "Succeeded", "Refuse": "Failed"}
    assert record["status"] == "Failed"
    assert record["reason"] == "Refuse: too high: 2.5"


# Conditions


@pytest.mark.parametrize(("threshold", "taken", "left"), [(2.5, "Good", "Bad"), (1.0, "Bad", "Good")])
def test_a_condition_on_a_property_file_decides_which_branch_runs(
    lab: Lab, threshold: float, taken: str, left: str
) -> None:
    value = {
        "Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Result"}, "Path": "metrics['rmse'].value"}
    }
    files = [{"PropertyFileName": "Result", "OutputName": "result", "FilePath": "result.json"}]
    evaluate = lab.job(
        "Evaluate", json_file('{"metrics": {"rmse": {"value": 1.3}}}'), outputs=["result"], PropertyFiles=files
    )
    below = {"Type": "LessThanOrEqualTo", "LeftValue": value, "RightValue": {"Get": "Parameters.Threshold"}}
    check = condition("Check", below, then=[lab.job("Good")], otherwise=[lab.job("Bad")])
    record = lab.run(evaluate, check, lab.job("AfterGood", DependsOn=["Good"]), parameters=[FLOAT], Threshold=threshold)
    assert record["status"] == "Succeeded"
    assert (statuses(record)[taken], statuses(record)[left]) == ("Succeeded", "Skipped")
    assert statuses(record)["AfterGood"] == statuses(record)["Good"]
    assert step_of(record, "Check")["result"] == {"Outcome": taken == "Good"}
    assert step_of(record, "Check")["note"] == ("true" if taken == "Good" else "false")
    assert step_of(record, "Good")["branch"] == {"condition": "Check", "when": True}


def test_a_condition_on_what_is_not_there_fails_and_says_so(lab: Lab) -> None:
    files = [{"PropertyFileName": "Result", "OutputName": "result", "FilePath": "result.json"}]
    evaluate = lab.job("Evaluate", json_file('{"value": 1}'), outputs=["result"], PropertyFiles=files)
    value = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Result"}, "Path": "shortfall"}}
    record = lab.run(evaluate, condition("Check", equals(value, 0), then=[lab.job("Good")]))
    assert statuses(record) == {"Evaluate": "Succeeded", "Check": "Failed", "Good": "Stopped"}
    assert "there is no shortfall: among value" in record["reason"]


# What is refused


def test_a_definition_that_cannot_be_run_fails_before_anything_runs(lab: Lab) -> None:
    record = lab.run(lab.job("First"), {"Name": "Ask", "Type": "Callback", "Arguments": {}})
    assert (record["status"], record["steps"]) == ("Failed", [])
    assert "Ask: Type is Callback, which the local cloud cannot run; it runs Processing" in record["reason"]


@pytest.mark.parametrize(
    ("given", "said"), [({"Treshold": 1}, "no parameter 'Treshold'"), ({"Threshold": "x"}, "Float")]
)
def test_a_parameter_that_does_not_fit_is_refused_as_aws_does(lab: Lab, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ClientError, match=said) as caught:
        lab.run(lab.job("First"), parameters=[FLOAT], **given)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_a_pipeline_that_is_not_there_cannot_be_started(lab: Lab) -> None:
    with pytest.raises(ClientError, match="nowhere"):
        lab.cloud.run("nowhere")


def test_a_fault_of_local_mode_fails_the_step_and_leaves_its_traceback_in_the_log(lab: Lab) -> None:
    broken = lab.job("Broken")
    del broken["Arguments"]["ProcessingResources"]
    record = lab.run(broken, lab.job("Beside"))
    assert statuses(record) == {"Broken": "Failed", "Beside": "Succeeded"}
    assert "local mode: KeyError: 'ProcessingResources'" in record["reason"]
    assert "Traceback" in (lab.cloud.work / step_of(record, "Broken")["log"]).read_text(encoding="utf-8")


# Several, and the end


def test_two_executions_of_a_pipeline_at_once_do_not_disturb_one_another(lab: Lab) -> None:
    kind = lab.deploy(
        lab.job("Write", WRITE, outputs=["o"], arguments=["/opt/ml/processing/output/o", {"Get": "Parameters.Text"}]),
        parameters=[{"Name": "Text", "Type": "String"}],
    )
    arns = {text: lab.cloud.start(kind, {"Text": text}) for text in ("one", "two")}
    for text, arn in arns.items():
        record = lab.cloud.wait(arn)
        assert record.status == "Succeeded"
        [output] = step_of(record, "Write")["files"]
        assert lab.read(f"{output['s3_uri']}/out.txt") == text
        assert (lab.cloud.work / output["path"] / "out.txt").read_text(encoding="utf-8") == text


def test_an_execution_that_is_told_to_stop_kills_its_jobs_and_starts_no_more(lab: Lab) -> None:
    kind = lab.deploy(
        lab.job("First"), lab.job("Long", FOREVER, DependsOn=["First"]), lab.job("Next", DependsOn=["Long"])
    )
    arn = lab.cloud.start(kind)
    stop_when(lab, arn, "Long", "Executing")
    record = lab.cloud.wait(arn)
    assert record.status == "Stopped"
    assert statuses(record) == {"First": "Succeeded", "Long": "Stopped", "Next": "Stopped"}


def test_to_stop_what_has_ended_changes_nothing(lab: Lab) -> None:
    record = lab.run(lab.job("First"))
    lab.cloud.stop(record["arn"])
    assert lab.cloud.wait(record["arn"]).status == "Succeeded"


def test_jobs_that_wait_for_a_free_processor_can_be_stopped(lab: Lab) -> None:
    kind = lab.deploy(*[lab.job(f"Long{number}", FOREVER) for number in range(12)])
    arn = lab.cloud.start(kind)
    stop_when(lab, arn, "Long0", "Executing")
    assert set(statuses(lab.cloud.wait(arn)).values()) == {"Stopped"}
    assert lab.run(lab.job("Next"))["status"] == "Succeeded"


def test_a_listener_hears_of_each_change_until_the_end(lab: Lab) -> None:
    heard: list[tuple[str, str]] = []
    kind = lab.deploy(lab.job("First"))
    lab.cloud.run(kind, listener=lambda record: heard.append((record.status, statuses(record)["First"])))
    assert heard[-1] == ("Succeeded", "Succeeded")
    assert ("Executing", "Executing") in heard


def test_executions_are_told_of_as_aws_does(lab: Lab) -> None:
    sagemaker = lab.cloud.client("sagemaker")
    check = condition("Check", equals(1, 2), then=[lab.job("Good")], otherwise=[fail("Refuse", "no")])
    record = lab.run(lab.job("First"), {**check, "DependsOn": ["First"]}, parameters=[FLOAT], Threshold=1)
    arn = record["arn"]
    described = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert (described["PipelineExecutionStatus"], described["FailureReason"]) == ("Failed", "Refuse: no")
    listed = sagemaker.list_pipeline_executions(PipelineName=record["pipeline"])["PipelineExecutionSummaries"]
    assert [(found["PipelineExecutionArn"], found["PipelineExecutionStatus"]) for found in listed] == [(arn, "Failed")]
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    told = {step["StepName"]: (step["StepStatus"], step["Metadata"]) for step in steps}
    assert set(told) == {"First", "Check", "Refuse"}, "steps that did not start are not told of"
    assert told["Check"] == ("Succeeded", {"Condition": {"Outcome": "False"}})
    assert told["Refuse"] == ("Failed", {"Fail": {"ErrorMessage": "no"}})
    assert ":processing-job/pipelines-" in told["First"][1]["ProcessingJob"]["Arn"]
    parameters = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)["PipelineParameters"]
    assert parameters == [{"Name": "Threshold", "Value": "1.0"}]
    definition = sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)["PipelineDefinition"]
    assert json.loads(definition)["Steps"][0]["Name"] == "First"


def test_lists_come_in_pages_and_in_the_order_that_is_asked_for(lab: Lab) -> None:
    sagemaker = lab.cloud.client("sagemaker")
    kind = lab.deploy(lab.job("First"), lab.job("Second", DependsOn=["First"]))
    arns = [lab.cloud.run(kind).arn for _ in range(3)]
    name = lab.cloud.environment.pipeline_name(kind)
    page = sagemaker.list_pipeline_executions(PipelineName=name, MaxResults=2)
    rest = sagemaker.list_pipeline_executions(PipelineName=name, MaxResults=2, NextToken=page["NextToken"])
    listed = [page["PipelineExecutionSummaries"], rest["PipelineExecutionSummaries"]]
    assert [[found["PipelineExecutionArn"] for found in part] for part in listed] == [arns[:0:-1], arns[:1]]
    assert "NextToken" not in rest
    first = sagemaker.list_pipeline_executions(PipelineName=name, MaxResults=1, SortOrder="Ascending")
    assert first["PipelineExecutionSummaries"][0]["PipelineExecutionArn"] == arns[0]
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arns[0], SortOrder="Ascending")
    assert [step["StepName"] for step in steps["PipelineExecutionSteps"]] == ["First", "Second"]


def test_the_same_request_starts_once_and_keeps_the_name_it_gives(lab: Lab) -> None:
    sagemaker = lab.cloud.client("sagemaker")
    name = lab.cloud.environment.pipeline_name(lab.deploy(lab.job("First")))
    request = {"PipelineName": name, "ClientRequestToken": "t" * 32, "PipelineExecutionDisplayName": "nightly"}
    arns = {sagemaker.start_pipeline_execution(**request)["PipelineExecutionArn"] for _ in range(2)}
    assert len(arns) == 1
    described = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arns.pop())
    assert described["PipelineExecutionDisplayName"] == "nightly"


def test_a_listener_that_raises_hears_no_more_and_ends_nothing(lab: Lab) -> None:
    heard: list[str] = []

    def raise_(record: ExecutionRecord) -> None:
        heard.append(record.status)
        if len(heard) > 1:
            raise ZeroDivisionError

    kind = lab.deploy(lab.job("First"))
    assert lab.cloud.run(kind, listener=raise_).status == "Succeeded"
    assert len(heard) == 2


def test_an_execution_whose_record_cannot_be_written_has_failed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = lab.deploy(lab.job("First"), lab.job("Next", DependsOn=["First"]))
    written = record_module.write_atomically

    def full(path: Path, text: str) -> None:
        if '"Executing", "started": "' in text:
            raise OSError(28, "No space left on device")
        written(path, text)

    monkeypatch.setattr(record_module, "write_atomically", full)
    record = lab.cloud.run(kind)
    assert record.status == "Failed"
    assert "No space left on device" in record.reason
    assert set(statuses(record).values()) <= {"Failed", "Stopped"}


def test_a_record_that_somebody_reads_is_replaced_a_little_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[Path] = []
    replace = Path.replace

    def refusing(path: Path, target: Path) -> Path:
        tries.append(target)
        if len(tries) < 3:
            raise PermissionError("as Windows says while the file is open")
        return replace(path, target)

    monkeypatch.setattr(record_module, "REPLACE_AGAIN", (0, 0))
    monkeypatch.setattr(Path, "replace", refusing)
    record_module.write_atomically(tmp_path / "record", "content")
    assert (tmp_path / "record").read_text(encoding="utf-8") == "content"
    tries.clear()
    monkeypatch.setattr(record_module, "REPLACE_AGAIN", ())
    with pytest.raises(PermissionError):
        record_module.write_atomically(tmp_path / "record", "content")


@pytest.mark.parametrize("name", ["..", "a/b", "-a", ""])
def test_a_pipeline_whose_name_is_none_is_not_started(lab: Lab, name: str) -> None:
    with pytest.raises(ValueError, match="is not a pipeline name"):
        lab.cloud._parts.executor.start(Pipeline(name, "arn", "kind", '{"Steps": []}'), {})


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://example.com"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}],
)
def test_a_page_in_a_browser_can_do_nothing(lab: Lab, headers: dict[str, str]) -> None:
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request"}
    for path, method in (("/", "GET"), ("/", "POST"), (lab.cloud.address.removeprefix(lab.cloud.url), "POST")):
        request = Request(f"{lab.cloud.url}{path}", method=method, headers=signed | headers)
        with pytest.raises(HTTPError, match="403"):
            build_opener(ProxyHandler({})).open(request)
    assert not lab.cloud.dismissed.is_set()


def test_an_execution_that_never_was_is_not_found(lab: Lab) -> None:
    with pytest.raises(ClientError, match="does not exist"):
        lab.cloud.client("sagemaker").describe_pipeline_execution(
            PipelineExecutionArn="arn:aws:sagemaker:us-east-1:123456789012:pipeline/p/execution/abcdefghijkl"
        )
