"""Batch transform runs the inference code in the model's archive, with SageMaker's payloads."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_kit.images import serving
from pipeline_harness import THIS_EXECUTION, Lab, open_lab, step_of

SERVE = """
import json, pathlib, os

def model_fn(model_dir):
    return int(pathlib.Path(model_dir, "offset").read_text())

def input_fn(data, content_type):
    assert content_type == "text/csv" and isinstance(data, str)
    return [int(line) for line in data.splitlines()]

def predict_fn(numbers, offset):
    return [number + offset for number in numbers]

def output_fn(predictions, accept):
    assert accept == "application/jsonlines"
    rows = "\\n".join(json.dumps({"prediction": p, "batch": len(predictions)}) for p in predictions)
    return rows, accept
"""
TRANSFORM_ONLY = """
def model_fn(model_dir):
    return None

def transform_fn(model, data, content_type, accept):
    return f"{len(data)} {type(data).__name__}"
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("lab")) as opened:
        yield opened


def artifact(lab: Lab, **files: str) -> str:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, content in {"offset": "100", **{f"code/{key}.py": code for key, code in files.items()}}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content.encode()))
    return f"{lab.store('model', {'model.tar.gz': archive.getvalue()})}/model.tar.gz"


def model(uri: str, **environment: str) -> dict[str, Any]:
    container = {"Image": "image", "ModelDataUrl": uri, "Environment": environment}
    return {"Name": "Create", "Type": "Model", "Arguments": {"PrimaryContainer": container, "ExecutionRoleArn": ROLE}}


ROLE = "arn:aws:iam::123456789012:role/lab"


def transform(lab: Lab, files: dict[str, str], **more: Any) -> dict[str, Any]:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": lab.store("data", files)}}
    target = {"Std:Join": {"On": "/", "Values": [f"s3://{lab.bucket}/out", THIS_EXECUTION]}}
    request = {
        "ModelName": {"Get": "Steps.Create.ModelName"},
        "TransformInput": {"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
        "TransformOutput": {"S3OutputPath": target, "Accept": "application/jsonlines", "AssembleWith": "Line"},
        "TransformResources": {"InstanceCount": 1, "InstanceType": "ml.m5.large"},
        **more,
    }
    return {"Name": "Transform", "Type": "Transform", "Arguments": request}


def test_each_input_file_has_an_output_file_with_its_answers(lab: Lab) -> None:
    files = {"a.csv": "1\n2\n", "deep/b.csv": "3"}
    record = lab.run(model(artifact(lab, inference=SERVE)), transform(lab, files))
    step = step_of(record, "Transform")
    assert record["status"] == "Succeeded", record["reason"]
    [output] = step["files"]
    lines = lab.read(f"{output['s3_uri']}/a.csv.out").splitlines()
    assert [json.loads(line) for line in lines] == [{"prediction": p, "batch": 2} for p in (101, 102)]
    assert lab.read(f"{output['s3_uri']}/deep/b.csv.out") == '{"prediction": 103, "batch": 1}\n'
    assert step["note"] == "transformed 2 files"


def test_several_instances_share_the_files(lab: Lab) -> None:
    resources = {"InstanceCount": 2, "InstanceType": "ml.m5.large"}
    files = {f"{name}.csv": "1\n" for name in "abc"}
    step = step_of(
        lab.run(model(artifact(lab, inference=SERVE)), transform(lab, files, TransformResources=resources)),
        "Transform",
    )
    folder = lab.cloud.work / step["files"][0]["path"]
    assert sorted(path.name for path in folder.iterdir()) == [f"{name}.csv.out" for name in "abc"]


def test_the_strategy_single_record_sends_one_record_per_payload(lab: Lab) -> None:
    steps = model(artifact(lab, inference=SERVE)), transform(lab, {"a.csv": "1\n2\n"}, BatchStrategy="SingleRecord")
    [output] = step_of(lab.run(*steps), "Transform")["files"]
    assert {json.loads(line)["batch"] for line in lab.read(f"{output['s3_uri']}/a.csv.out").splitlines()} == {1}


def test_the_model_names_its_script(lab: Lab) -> None:
    create = model(artifact(lab, serve=SERVE), SAGEMAKER_PROGRAM="serve.py")
    assert lab.run(create, transform(lab, {"a.csv": "1\n"}))["status"] == "Succeeded"


def test_a_model_may_be_a_registered_package(lab: Lab) -> None:
    sagemaker, group = lab.cloud.client("sagemaker"), lab.cloud.environment.model_package_group
    arn = sagemaker.create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification={
            "Containers": [{"Image": "i", "ModelDataUrl": artifact(lab, inference=SERVE)}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["application/jsonlines"],
        },
    )["ModelPackageArn"]
    arguments = {"PrimaryContainer": {"ModelPackageName": arn}, "ExecutionRoleArn": ROLE}
    record = lab.run({"Name": "Create", "Type": "Model", "Arguments": arguments}, transform(lab, {"a.csv": "1\n"}))
    assert record["status"] == "Succeeded", record["reason"]


@pytest.mark.parametrize(
    ("code", "more", "reason"),
    [
        ({}, {}, "the model's archive contains no code/inference.py"),
        ({"inference": "def model_fn(d): pass\n"}, {}, "inference.py has no input_fn"),
        ({"inference": SERVE.replace("int(line)", "int('x')")}, {}, "ValueError: invalid literal"),
        (
            {"inference": SERVE},
            {"DataProcessing": {"JoinSource": "Input"}},
            "local mode does not support DataProcessing",
        ),
    ],
)
def test_a_model_that_cannot_be_served_fails_with_the_reason(
    lab: Lab, code: dict[str, str], more: dict[str, Any], reason: str
) -> None:
    record = lab.run(model(artifact(lab, **code)), transform(lab, {"a.csv": "1\n"}, **more))
    assert reason in record["reason"]


# Payloads


def request(split: str = "Line", strategy: str = "MultiRecord", limit: int = 1) -> dict[str, Any]:
    return {"TransformInput": {"SplitType": split}, "BatchStrategy": strategy, "MaxPayloadInMB": limit}


@given(st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=30), st.data())
def test_payloads_are_complete_lines_within_the_limit_and_contain_the_entire_file(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("payloads") / "a.csv"
    content = b"\n".join(lines) + data.draw(st.sampled_from([b"", b"\n"]))
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "MEGABYTE", 40)
        parts = list(serving.payloads(path, request()))
    assert b"".join(parts) == content
    assert all(0 < len(payload) <= 40 for payload in parts)
    assert all(payload.endswith(b"\n") for payload in parts[:-1])


def test_a_record_larger_than_a_payload_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"1\n" + b"2" * (2 << 20))
    for split in ("Line", "None"):
        with pytest.raises(SystemExit, match=r"a\.csv contains a record of more than 1 MB"):
            list(serving.payloads(path, request(split)))
    with pytest.raises(SystemExit, match="not RecordIO"):
        list(serving.payloads(path, request("RecordIO")))


def test_a_payload_may_be_an_entire_file_and_transform_fn_may_answer_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delenv("SAGEMAKER_PROGRAM", raising=False)
    for folder in ("model/code", "in", "out"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "model" / "code" / "inference.py").write_text(TRANSFORM_ONLY, encoding="utf-8")
    (tmp_path / "in" / "a.bin").write_bytes(b"\xff\n\xff")
    content = {"TransformInput": {"ContentType": "application/x-image"}, "TransformOutput": {}}
    (tmp_path / "request.json").write_text(json.dumps(content), encoding="utf-8")
    serving.main(*(tmp_path / name for name in ("request.json", "model", "in", "out")))
    assert (tmp_path / "out" / "a.bin.out").read_text(encoding="utf-8") == "3 bytes"
