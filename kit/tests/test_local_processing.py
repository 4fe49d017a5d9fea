"""A processing job finds its inputs where its request says, and its outputs come to S3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from mlops_kit.runner.objects import S3Object, distribute
from pipeline_harness import Lab, open_lab, step_of

LIST = (
    "import json, os, pathlib\n"
    "root = pathlib.Path('opt/ml/processing/input/data')\n"
    "names = sorted(path.relative_to(root).as_posix() for path in root.rglob('*') if path.is_file())\n"
    "host = json.loads(pathlib.Path('opt/ml/config/resourceconfig.json').read_text())['current_host']\n"
    "pathlib.Path('opt/ml/processing/output/o', host + '.json').write_text(json.dumps(names))\n"
    "print(json.dumps(names))\n"
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with open_lab(tmp_path_factory.mktemp("lab")) as opened:
        yield opened


def listed(lab: Lab, uri: Any, instances: int = 1) -> dict[str, list[str]]:
    """The files that each instance of a job finds."""
    record = lab.run(lab.job("List", LIST, inputs={"data": uri}, outputs=["o"], instances=instances))
    assert record["status"] == "Succeeded", record["reason"]
    [output] = step_of(record, "List")["files"]
    folder = lab.cloud.work / output["path"]
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")}
    assert all(json.loads(lab.read(f"{output['s3_uri']}/{host}.json")) == found[host] for host in found)
    return found


def test_an_input_is_all_objects_whose_keys_begin_with_its_prefix(lab: Lab) -> None:
    uri = lab.store("data", {"a.csv": "1", "deep/b.csv": "2", "folder/": ""})
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    lab.cloud.client("s3").put_object(Bucket=bucket, Key=f"{key}-old/c.csv", Body=b"3")
    assert listed(lab, uri) == {"algo-1": ["a.csv", f"{key}-old/c.csv", "deep/b.csv"]}, "as SageMaker's S3Prefix"
    assert listed(lab, f"{uri}/de") == {"algo-1": ["deep/b.csv"]}
    assert listed(lab, f"{uri}/") == {"algo-1": ["a.csv", "deep/b.csv"]}
    assert listed(lab, f"{uri}/a.csv") == {"algo-1": ["a.csv"]}


def test_what_comes_and_goes_between_two_executions_is_noticed(lab: Lab) -> None:
    uri = lab.store("growing", {"a.csv": "1"})
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    s3 = lab.cloud.client("s3")
    assert listed(lab, uri) == {"algo-1": ["a.csv"]}
    s3.put_object(Bucket=bucket, Key=f"{key}/größer.csv", Body=b"2")
    assert listed(lab, uri) == {"algo-1": ["a.csv", "größer.csv"]}
    s3.delete_object(Bucket=bucket, Key=f"{key}/a.csv")
    assert listed(lab, uri) == {"algo-1": ["größer.csv"]}
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": f"{key}/größer.csv"}]})
    s3.put_object(Bucket=bucket, Key=f"{key}/b.csv", Body=b"3")
    assert listed(lab, uri) == {"algo-1": ["b.csv"]}


def test_an_input_that_is_not_there_fails_the_step(lab: Lab) -> None:
    record = lab.run(lab.job("List", LIST, inputs={"data": f"s3://{lab.bucket}/nowhere"}))
    assert record["reason"] == f"List: ClientError: no S3 objects found under S3 URL 's3://{lab.bucket}/nowhere'"
    record = lab.run(lab.job("List", LIST, inputs={"data": "s3://no-such-bucket/x"}))
    assert "NoSuchBucket" in record["reason"]
    record = lab.run(lab.job("List", LIST, inputs={"data": "/tmp/x"}))
    assert "Value '/tmp/x' at 'ProcessingInputs.2.member.S3Input.S3Uri'" in record["reason"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"S3DataType": "ManifestFile"}, "local mode reads an S3Prefix only"),
        ({"LocalPath": "/mnt/data"}, "/mnt/data is not under /opt/ml"),
        ({"LocalPath": "/opt/ml/../../etc"}, "is not under /opt/ml"),
    ],
)
def test_an_input_that_local_mode_cannot_give_is_refused(lab: Lab, change: dict[str, str], said: str) -> None:
    uri = lab.store("data", {"a.csv": "1"})
    assert said in lab.run(lab.job("List", LIST, inputs={"data": {"S3Uri": uri, **change}}))["reason"]


def test_an_object_whose_name_leads_out_of_its_folder_is_refused(lab: Lab) -> None:
    uri = lab.store("data", {"../../../../../evil.txt": "1"})
    assert "leads out of its folder" in lab.run(lab.job("List", LIST, inputs={"data": uri}))["reason"]


def test_paths_of_the_container_are_real_ones_in_arguments_and_environment_only(lab: Lab) -> None:
    code = (
        "import json, os, pathlib, sys\n"
        "print(json.dumps([sys.argv[1:], os.environ['PLACE'], pathlib.Path(sys.argv[2]).is_dir()]))\n"
    )
    arguments = ["--place=/opt/ml/processing/output/o", "/opt/ml/processing/output/o", "s3://b/opt/ml", "/opt/mlx", 7]
    record = lab.run(lab.job("Say", code, arguments=arguments, environment={"PLACE": "/opt/ml"}, outputs=["o"]))
    given, place, is_there = json.loads(step_of(record, "Say")["note"])
    folder = (lab.cloud.work / "executions" / record["pipeline"] / record["id"] / "Say").as_posix()
    out = f"{folder}/opt/ml/processing/output/o"
    assert given == [f"--place={out}", out, "s3://b/opt/ml", "/opt/mlx", "7"]
    assert (place, is_there) == (f"{folder}/opt/ml", True)


def test_outputs_go_to_their_uris_with_their_folders(lab: Lab) -> None:
    code = (
        "import pathlib\n"
        "out = pathlib.Path('opt/ml/processing/output')\n"
        "(out / 'a' / 'deep').mkdir()\n"
        "(out / 'a' / 'deep' / 'x.txt').write_text('ax')\n"
        "(out / 'b' / 'large.bin').write_bytes(bytes(3 << 20))\n"
    )
    record = lab.run(lab.job("Write", code, outputs=["a", "b"]))
    files = {file["name"]: file["s3_uri"] for file in step_of(record, "Write")["files"]}
    assert lab.read(f"{files['a']}/deep/x.txt") == "ax"
    assert lab.read(f"{files['b']}/large.bin") == "\0" * (3 << 20)
    outputs = step_of(record, "Write")["result"]["ProcessingOutputConfig"]["Outputs"]
    assert [output["S3Output"]["S3Uri"] for output in outputs] == list(files.values())
    copied = lab.run(lab.job("List", LIST, inputs={"data": files["b"]}, outputs=["o"]))
    assert step_of(copied, "List")["note"] == '["large.bin"]'


def test_a_step_keeps_its_outputs_and_its_log_and_no_copy_of_its_inputs(lab: Lab) -> None:
    uri = lab.store("data", {"a.csv": "1"})
    for instances in (1, 2):
        record = lab.run(lab.job("List", LIST, inputs={"data": uri}, outputs=["o"], instances=instances))
        folder = lab.cloud.work / "executions" / record["pipeline"] / record["id"] / "List"
        assert not list(folder.rglob("a.csv"))
        assert list(folder.rglob("algo-1.json"))


def test_what_changed_in_s3_is_fetched_anew(lab: Lab) -> None:
    uri = lab.store("data", {"a.txt": "old"})
    job = lab.job("Read", "print(open('opt/ml/processing/input/data/a.txt').read())", inputs={"data": uri})
    kind = lab.deploy(job)
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    notes = [step_of(lab.cloud.run(kind), "Read")["note"]]
    lab.cloud.client("s3").put_object(Bucket=bucket, Key=f"{key}/a.txt", Body=b"new")
    notes.append(step_of(lab.cloud.run(kind), "Read")["note"])
    assert notes == ["old", "new"]


def test_a_job_that_takes_too_long_is_stopped_and_has_failed(lab: Lab) -> None:
    record = lab.run(lab.job("Slow", "import time\ntime.sleep(600)", seconds=1))
    assert record["reason"] == "Slow: ClientError: the job took more than the 1 seconds that it is allowed"


def test_an_entry_point_may_be_no_python(lab: Lab) -> None:
    job = lab.job("Shell")
    job["Arguments"]["AppSpecification"]["ContainerEntrypoint"] = ["sh", "-c", "echo said; exit 3"]
    assert lab.run(job)["reason"] == "Shell: AlgorithmError: said"
    del job["Arguments"]["AppSpecification"]["ContainerEntrypoint"]
    assert "the request has no ContainerEntrypoint" in lab.run(job)["reason"]


# Several instances


def test_a_sharded_input_is_dealt_out_and_outputs_come_together(lab: Lab) -> None:
    uri = lab.store("data", {f"{name}.csv": "1" for name in "abcde"})
    found = listed(lab, {"S3Uri": uri, "S3DataDistributionType": "ShardedByS3Key"}, instances=3)
    assert found == {"algo-1": ["a.csv", "d.csv"], "algo-2": ["b.csv", "e.csv"], "algo-3": ["c.csv"]}


def test_an_instance_may_get_nothing_of_a_sharded_input(lab: Lab) -> None:
    uri = lab.store("data", {"a.csv": "1"})
    found = listed(lab, {"S3Uri": uri, "S3DataDistributionType": "ShardedByS3Key"}, instances=2)
    assert found == {"algo-1": ["a.csv"], "algo-2": []}


def test_a_replicated_input_is_everywhere(lab: Lab) -> None:
    found = listed(lab, lab.store("data", {"a.csv": "1", "b.csv": "2"}), instances=2)
    assert found == {"algo-1": ["a.csv", "b.csv"], "algo-2": ["a.csv", "b.csv"]}


def test_when_one_instance_fails_the_others_are_stopped(lab: Lab) -> None:
    code = (
        "import json, pathlib, sys, time\n"
        "host = json.loads(pathlib.Path('opt/ml/config/resourceconfig.json').read_text())['current_host']\n"
        "if host == 'algo-2': sys.exit('error: algo-2 cannot')\n"
        "time.sleep(600)\n"
    )
    record = lab.run(lab.job("Split", code, instances=2))
    assert record["reason"] == "Split: AlgorithmError: algo-2 cannot"


def test_the_logs_of_all_instances_are_one(lab: Lab) -> None:
    code = "import pathlib, sys\nprint(pathlib.Path.cwd().name)\n"
    record = lab.run(lab.job("Split", code, instances=2))
    log = (lab.cloud.work / step_of(record, "Split")["log"]).read_text(encoding="utf-8")
    assert log == "--- algo-1\nalgo-1\n--- algo-2\nalgo-2\n"


def test_shares_are_equal_to_within_one_object_and_leave_none_out() -> None:
    objects = [S3Object("b", str(number), str(number), "", 0) for number in range(7)]
    shares = distribute(objects, 3, "ShardedByS3Key")
    assert sorted((found for share in shares for found in share), key=lambda found: found.key) == objects
    assert {len(share) for share in shares} == {2, 3}
    assert distribute(objects, 2, "FullyReplicated") == [objects, objects]
