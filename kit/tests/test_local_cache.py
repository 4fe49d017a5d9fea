"""An earlier result of a step is reused if its request is the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mlops_kit.runner.cache import cache_key
from pipeline_harness import Lab, Record, Step, open_lab, step_of

DAY = 24 * 60 * 60
CACHED: Step = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"}}
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


def run(lab: Lab, kind: str, **parameters: str) -> Record:
    return step_of(lab.cloud.run(kind, parameters), "Write")


def test_the_same_request_reuses_the_earlier_result(lab: Lab, kind: str) -> None:
    first, second = run(lab, kind), run(lab, kind)
    assert (first["cache_hit"], second["cache_hit"]) == (False, True)
    assert second["job_seconds"] == 0
    for part in ("result", "files", "log", "note"):
        assert second[part] == first[part]
    assert lab.read(f"{second['files'][0]['s3_uri']}/out.txt") == "a"


def test_a_cached_step_names_the_execution_that_ran_it(lab: Lab, kind: str) -> None:
    first, _, third = (lab.cloud.run(kind).arn for _ in range(3))
    steps = lab.cloud.client("sagemaker").list_pipeline_execution_steps(PipelineExecutionArn=third)
    [step] = steps["PipelineExecutionSteps"]
    assert step["CacheHitResult"] == {"SourcePipelineExecutionArn": first}


def test_another_argument_makes_another_request(lab: Lab, kind: str) -> None:
    run(lab, kind)
    assert not run(lab, kind, Text="b")["cache_hit"]
    assert run(lab, kind, Text="a")["cache_hit"]


def test_a_result_expires(lab: Lab, kind: str) -> None:
    run(lab, kind)
    lab.clock.now += 29 * DAY
    assert run(lab, kind)["cache_hit"]
    lab.clock.now += 2 * DAY
    assert not run(lab, kind)["cache_hit"]


def test_a_result_whose_outputs_were_deleted_is_not_reused(lab: Lab, kind: str) -> None:
    [output] = run(lab, kind)["files"]
    key = output["s3_uri"].partition(f"{lab.bucket}/")[2]
    lab.cloud.client("s3").delete_object(Bucket=lab.bucket, Key=f"{key}/out.txt")
    assert not run(lab, kind)["cache_hit"]


def test_a_failure_is_not_reused(lab: Lab) -> None:
    kind = lab.deploy(lab.job("Write", "raise ValueError", **CACHED))
    assert [run(lab, kind)["cache_hit"] for _ in range(2)] == [False, False]


def test_a_step_with_a_disabled_cache_runs_again(lab: Lab) -> None:
    kind = lab.deploy(writer(lab, CacheConfig={"Enabled": False}), parameters=[TEXT])
    assert [run(lab, kind)["cache_hit"] for _ in range(2)] == [False, False]


def test_a_step_that_reads_a_cached_output_reads_the_earlier_one(lab: Lab) -> None:
    reader = lab.job(
        "Read", "print(open('opt/ml/processing/input/text/out.txt').read())", inputs={"text": lab.output("Write", "o")}
    )
    kind = lab.deploy(writer(lab), {**reader, **CACHED}, parameters=[TEXT])
    lab.cloud.run(kind)
    record = lab.cloud.run(kind)
    assert step_of(record, "Read")["cache_hit"]
    assert step_of(record, "Read")["note"] == "a"


def test_the_place_of_the_outputs_is_not_part_of_the_key() -> None:
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
def test_the_key_depends_on_the_fields_that_sagemaker_compares(kind: str, what: str, counts: bool) -> None:
    one, other = (cache_key("p", "s", kind, {what: value}, {}) for value in ("one", "other"))
    assert (one != other) == counts


def test_the_instances_of_a_tuning_jobs_training_jobs_are_not_part_of_the_key() -> None:
    def key(**definition: str) -> str:
        return cache_key("p", "s", "Tuning", {"TrainingJobDefinition": definition}, {})

    assert key(ResourceConfig="a") == key(ResourceConfig="b")
    assert key(StaticHyperParameters="a") != key(StaticHyperParameters="b")


def test_the_fields_of_a_quality_check_are_part_of_the_key() -> None:
    assert cache_key("p", "s", "QualityCheck", {}, {"SkipCheck": True}) != cache_key("p", "s", "QualityCheck", {}, {})
