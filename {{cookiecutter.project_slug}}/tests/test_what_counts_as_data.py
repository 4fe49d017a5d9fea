"""The trigger, the version of the data and the jobs apply one rule to what counts as data."""

from __future__ import annotations

import pytest
from fake_aws import client, create_bucket, fake_aws
from hypothesis import given
from hypothesis import strategies as st
from mlops_jobs.data_objects import path_below, why_not_data
from mlops_jobs.input_files import visible
from sample_events import SampleEvents
from support import put as write

from lambdas.resolve_inputs.handler import resolve
from lambdas.start_pipeline.handler import Settings, start

SAMPLE = SampleEvents()
PREFIX = "data/inference/"
SETTINGS = Settings("flats", "dev", {PREFIX: "inference"})

# Paths below the folder of the data, with a content; the last value is whether it is data.
CASES = [
    ("rows.csv", b"1", True),
    ("november/rows.csv", b"1", True),
    ("Rows 1 (copy).csv", b"1", True),
    ("a.b_c.csv", b"1", True),
    ("rows.csv", b"", False),
    (".rows.csv.swp", b"1", False),
    ("_SUCCESS", b"", False),
    ("_READY", b"1", False),
    ("_temporary/0/part-0.csv", b"1", False),
    ("november/_temporary/0/_task/part-0.csv", b"1", False),
    (".ipynb_checkpoints/rows-checkpoint.csv", b"1", False),
    ("november/.ipynb_checkpoints/rows-checkpoint.csv", b"1", False),
    ("november_$folder$", b"", False),
]


class Pipelines:
    """SageMaker, as far as the trigger calls it."""

    def __init__(self):
        self.started = 0

    def start_pipeline_execution(self, **request):
        self.started += 1
        return {"PipelineExecutionArn": "arn"}


@pytest.fixture(autouse=True)
def bucket():
    with fake_aws():
        create_bucket(SAMPLE.bucket)
        yield


def put(path, content):
    client("s3").put_object(Bucket=SAMPLE.bucket, Key=PREFIX + path, Body=content)


def starts(path, content, settings=SETTINGS):
    pipelines = Pipelines()
    start(SAMPLE.object_created(PREFIX + path, size=len(content)), settings, client("s3"), pipelines)
    return pipelines.started == 1


def version_of_the_data(uri=f"s3://{SAMPLE.bucket}/{PREFIX}"):
    event = {"purpose": "training", "data_uri": uri, "labels_uri": "", "model_package_group": "g", "nothing_uri": ""}
    return resolve(event, client("s3"), client("sagemaker"))["DataVersion"]


@pytest.mark.parametrize(("path", "content", "is_data"), CASES)
def test_the_trigger_the_version_and_the_jobs_agree(tmp_path, path, content, is_data):
    put("first.csv", b"1")
    before = version_of_the_data()
    put(path, content)
    write(tmp_path / path, content)
    assert starts(path, content) == is_data
    assert (version_of_the_data() != before) == is_data
    assert bool(visible(tmp_path)) == is_data


@pytest.mark.parametrize("uri", ["data/_old", "data/_old/", "data/_old/rows.csv"])
def test_a_folder_that_is_named_may_begin_with_an_underscore(uri):
    client("s3").put_object(Bucket=SAMPLE.bucket, Key="data/_old/rows.csv", Body=b"1")
    assert version_of_the_data(f"s3://{SAMPLE.bucket}/{uri}")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/")), min_size=1, max_size=4))
def test_the_rule_looks_at_every_part_of_a_path(parts):
    hidden = any(part.startswith((".", "_")) for part in parts)
    marker = not parts[-1] or parts[-1].endswith("_$folder$")
    assert bool(why_not_data("/".join(parts), 1)) == (hidden or marker)


@pytest.mark.parametrize("prefix", ["", "data", "data/", "data/a", "data/a/", "data/a/rows.csv"])
def test_a_path_is_what_a_job_sees_below_the_folder(prefix):
    expected = {"": "data/a/rows.csv", "data": "a/rows.csv", "data/": "a/rows.csv"}
    assert path_below(prefix, "data/a/rows.csv") == expected.get(prefix, "rows.csv")


# A marker


MARKED = Settings("flats", "dev", {PREFIX: "inference"}, "_READY")


def test_with_a_marker_a_batch_of_many_files_starts_one_execution():
    files = [f"november/part-{number}.csv" for number in range(20)]
    assert [starts(path, b"1", MARKED) for path in [*files, "november/_READY"]] == [False] * 20 + [True]


@pytest.mark.parametrize("path", ["READY", "_READY.csv", "_temporary/_READY", ".hidden/_READY", "x_READY"])
def test_another_name_is_not_the_marker(path):
    assert not starts(path, b"1", MARKED)


def test_an_empty_marker_starts_as_well():
    assert starts("_READY", b"", MARKED)


def test_labels_wait_for_the_marker_of_their_rows():
    folders = {PREFIX: "inference", "data/labels/": "inference"}
    pipelines, settings = Pipelines(), Settings("flats", "dev", folders, "_READY")
    labels = SAMPLE.object_created("data/labels/november/_READY")
    put("november/part-1.csv", b"1")
    answer = start(labels, settings, client("s3"), pipelines)
    rows = f"s3://{SAMPLE.bucket}/{PREFIX}november/"
    assert answer["skipped"] == f"{rows} has no _READY yet; it will start the pipeline when it arrives"
    put("november/_READY", b"")
    start(labels, settings, client("s3"), pipelines)
    assert pipelines.started == 1
