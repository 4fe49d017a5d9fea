"""An earlier result is taken where a step would only do the same again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from mlops_kit.runner.cache import cache_key, duration
from pipeline_harness import Lab, Record, Step, open_lab, step_of

DAY = 24 * 60 * 60
CACHED = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"}}
WRITE = (
    "import pathlib, sys\npathlib.Path('opt/ml/processing/output/o/out.txt').write_text(sys.argv[1])\nprint('wrote')\n"
)
TEXT = {"Name": "Text", "Type": "String", "DefaultValue": "a"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("lab")) as opened:
        yield opened


@pytest.fixture
def kind(lab: Lab) -> str:
    """A pipeline whose one step is cached."""
    return str(lab.deploy(writer(lab), parameters=[TEXT]))


def writer(lab: Lab, **more: Any) -> Step:
    return lab.job("Write", WRITE, outputs=["o"], arguments=[{"Get": "Parameters.Text"}], **{**CACHED, **more})


def run(lab: Lab, kind: str, **given: str) -> Record:
    return step_of(lab.cloud.run(kind, given), "Write")


def test_the_same_request_takes_the_earlier_result(lab: Lab, kind: str) -> None:
    first, second = run(lab, kind), run(lab, kind)
    assert (first["cache_hit"], second["cache_hit"]) == (False, True)
    assert second["job_seconds"] == 0
    for part in ("result", "files", "log", "note"):
        assert second[part] == first[part]
    assert lab.read(f"{second['files'][0]['s3_uri']}/out.txt") == "a"


def test_a_cached_step_names_the_execution_that_did_it(lab: Lab, kind: str) -> None:
    first, _, third = (lab.cloud.run(kind).arn for _ in range(3))
    steps = lab.cloud.client("sagemaker").list_pipeline_execution_steps(PipelineExecutionArn=third)
    [told] = steps["PipelineExecutionSteps"]
    assert told["CacheHitResult"] == {"SourcePipelineExecutionArn": first}


def test_another_argument_is_another_request(lab: Lab, kind: str) -> None:
    run(lab, kind)
    assert not run(lab, kind, Text="b")["cache_hit"]
    assert run(lab, kind, Text="a")["cache_hit"]


def test_a_result_expires(lab: Lab, kind: str) -> None:
    run(lab, kind)
    lab.clock.now += 29 * DAY
    assert run(lab, kind)["cache_hit"]
    lab.clock.now += 2 * DAY
    assert not run(lab, kind)["cache_hit"]


def test_a_result_whose_outputs_are_gone_is_none(lab: Lab, kind: str) -> None:
    [output] = run(lab, kind)["files"]
    key = output["s3_uri"].partition(f"{lab.bucket}/")[2]
    lab.cloud.client("s3").delete_object(Bucket=lab.bucket, Key=f"{key}/out.txt")
    assert not run(lab, kind)["cache_hit"]


def test_a_failure_is_no_result(lab: Lab) -> None:
    kind = lab.deploy(lab.job("Write", "raise ValueError", **CACHED))
    assert [run(lab, kind)["cache_hit"] for _ in range(2)] == [False, False]


def test_a_step_that_is_not_to_be_cached_is_not(lab: Lab) -> None:
    kind = lab.deploy(writer(lab, CacheConfig={"Enabled": False}), parameters=[TEXT])
    assert [run(lab, kind)["cache_hit"] for _ in range(2)] == [False, False]


def test_what_reads_a_cached_output_reads_the_earlier_one(lab: Lab) -> None:
    reader = lab.job(
        "Read", "print(open('opt/ml/processing/input/text/out.txt').read())", inputs={"text": lab.output("Write", "o")}
    )
    kind = lab.deploy(writer(lab), {**reader, **CACHED}, parameters=[TEXT])
    lab.cloud.run(kind)
    record = lab.cloud.run(kind)
    assert step_of(record, "Read")["cache_hit"]
    assert step_of(record, "Read")["note"] == "a"


def test_where_results_go_says_nothing_about_what_they_are() -> None:
    request = {"AppSpecification": {"ImageUri": "i"}, "ProcessingOutputConfig": {"Outputs": [1]}}
    moved = {**request, "ProcessingOutputConfig": {"Outputs": [2]}}
    other = {**request, "AppSpecification": {"ImageUri": "j"}}
    known = cache_key("p", "s", "Processing", request, {})
    assert cache_key("p", "s", "Processing", moved, {}) == known
    keys = {known, cache_key("p", "s", "Processing", other, {}), cache_key("q", "s", "Processing", request, {})}
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("kind", "what", "counts"),
    [
        ("Processing", "ProcessingInputs", True),
        ("Processing", "ProcessingResources", False),
        ("Processing", "Tags", False),
        ("QualityCheck", "Environment", True),
        ("Training", "HyperParameters", True),
        ("Training", "ResourceConfig", False),
        ("Tuning", "HyperParameterTuningJobConfig", True),
        ("Transform", "ModelName", True),
        ("Transform", "TransformResources", False),
        ("Lambda", "anything", True),
    ],
)
def test_what_sagemaker_compares_is_compared_and_nothing_else(kind: str, what: str, counts: bool) -> None:
    one, other = (cache_key("p", "s", kind, {what: value}, {}) for value in ("one", "other"))
    assert (one != other) == counts


def test_of_a_tunings_training_jobs_the_instances_do_not_count() -> None:
    def key(**definition: str) -> str:
        return cache_key("p", "s", "Tuning", {"TrainingJobDefinition": definition}, {})

    assert key(ResourceConfig="a") == key(ResourceConfig="b")
    assert key(StaticHyperParameters="a") != key(StaticHyperParameters="b")


def test_what_a_check_is_told_beside_its_job_counts() -> None:
    assert cache_key("p", "s", "QualityCheck", {}, {"SkipCheck": True}) != cache_key("p", "s", "QualityCheck", {}, {})


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("P30D", timedelta(days=30)),
        ("PT90M", timedelta(minutes=90)),
        ("P1Y2M3W4DT5H6M7S", timedelta(days=365 + 60 + 21 + 4, hours=5, minutes=6, seconds=7)),
        (None, timedelta.max),
    ],
)
def test_durations_are_those_of_iso_8601(text: str | None, span: timedelta) -> None:
    assert duration(text) == span


@pytest.mark.parametrize("text", ["30d", "P", "PT", "P1H", ""])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration like P30D"):
        duration(text)
