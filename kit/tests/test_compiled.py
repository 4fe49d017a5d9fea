"""Definitions are compiled from the project's files alone, to the same bytes each time, and match the golden files.

The folder golden/ has the definitions of each problem type as readable text. To change them:

    UPDATE_GOLDEN=1 python -m pytest kit/tests/test_compiled.py

and read the difference before you commit it.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

import mlops_jobs
from definition_text import text_of
from example import Example
from mlops_jobs.errors import UserError
from mlops_kit.checks.check import check
from mlops_kit.definition import code
from mlops_kit.definition.compile import compile_all, compile_pipeline, write_compiled
from pipelines import inference
from pipelines.settings import load_settings

KINDS = ("training", "training-hpo", "inference")

GOLDEN = Path(__file__).with_name("golden")
COMPILE = """
import os
before = dict(os.environ)
import socket, sys
def refuse(*_): raise AssertionError("the compiler went to the network")
socket.socket.connect = socket.getaddrinfo = refuse
from pathlib import Path
from mlops_kit.definition.compile import write_compiled
write_compiled(Path(sys.argv[1]), Path(os.environ["PROJECT"]))
import boto3
assert boto3.DEFAULT_SESSION is None, "other code would use the session that the SDK's import left"
assert dict(os.environ) == before
"""


@pytest.fixture(scope="module")
def texts(project: Path) -> dict[str, str]:
    return compile_all(project)


@pytest.fixture
def own_copy(project: Path, tmp_path: Path) -> Path:
    """A copy of the sources of the project's definitions, to change."""
    for folder in ("config", "jobs", "pipelines"):
        shutil.copytree(project / folder, tmp_path / "copy" / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(project / "pyproject.toml", tmp_path / "copy")
    return tmp_path / "copy"


def test_each_kind_has_a_definition(texts: dict[str, str]) -> None:
    assert tuple(texts) == KINDS
    assert all(json.loads(text)["Version"] == "2020-12-01" for text in texts.values())


def test_compiling_twice_gives_the_same_bytes(project: Path, texts: dict[str, str]) -> None:
    assert compile_all(project) == texts


def test_another_process_gives_the_same_bytes_without_network_and_credentials(
    project: Path, texts: dict[str, str], tmp_path: Path
) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = kept | {
        "HOME": str(tmp_path),
        "PYTHONHASHSEED": "4711",
        "TZ": "Asia/Tokyo",
        "PROJECT": str(project),
    }
    command = [sys.executable, "-c", COMPILE, str(tmp_path / "compiled")]
    subprocess.run(command, env=environment, cwd=tmp_path, check=True, capture_output=True)
    written = {kind: (tmp_path / "compiled" / f"{kind}.json").read_text(encoding="utf-8") for kind in KINDS}
    assert written == texts


def test_definitions_are_written_into_a_folder(project: Path, texts: dict[str, str], tmp_path: Path) -> None:
    written = write_compiled(tmp_path / "new" / "folder", project)
    assert {kind: path.read_bytes() for kind, path in written.items()} == {
        kind: text.encode() for kind, text in texts.items()
    }


def test_a_definition_contains_nothing_of_an_environment(texts: dict[str, str]) -> None:
    for text in texts.values():
        assert "123456789012" not in text
        assert "eu-west-1" not in text
        assert "abalone-rings" not in text


@pytest.mark.parametrize("batch_inference", ["processing", "transform"])
@pytest.mark.parametrize("problem_type", ["regression", "binary", "multiclass"])
def test_the_definitions_match_the_golden_files(example: Example, problem_type: str, batch_inference: str) -> None:
    project = example(problem_type=problem_type, batch_inference=batch_inference)
    for kind, compiled in compile_all(project).items():
        definition = json.loads(compiled)
        assert [str(finding) for finding in check(definition)] == []
        mode = f"-{batch_inference}" if kind == "inference" else ""
        golden = GOLDEN / f"{problem_type}-{kind}{mode}.txt"
        if os.environ.get("UPDATE_GOLDEN"):
            golden.parent.mkdir(exist_ok=True)
            golden.write_text(text_of(definition), encoding="utf-8", newline="\n")
        assert text_of(definition) == golden.read_text(encoding="utf-8"), "see the docstring of this file"


def test_no_golden_file_is_left_over() -> None:
    modes = ("training", "training-hpo", "inference-processing", "inference-transform")
    expected = {f"{problem}-{mode}.txt" for problem in ("regression", "binary", "multiclass") for mode in modes}
    assert {path.name for path in GOLDEN.iterdir()} == expected


def test_a_change_of_a_job_changes_the_code_of_every_step_and_nothing_else(
    own_copy: Path, texts: dict[str, str]
) -> None:
    before = code.code_keys(own_copy)
    with (own_copy / "jobs" / "plots.py").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    after = code.code_keys(own_copy)
    assert before.jobs != after.jobs
    assert before.source != after.source
    assert before.contract == after.contract
    for kind, text in compile_all(own_copy).items():
        assert text.replace(after.jobs, before.jobs).replace(after.source, before.source) == texts[kind]


def test_every_object_that_a_definition_refers_to_is_uploaded(project: Path, texts: dict[str, str]) -> None:
    keys = set(code.code_files(project))
    folders = {str(Path(key).parent) for key in keys}
    referenced = {
        word.removeprefix("s3://${bucket}/")
        for text in texts.values()
        for word in json.dumps(json.loads(text)).split('"')
        if word.startswith("s3://${bucket}/code/")
    }
    assert referenced
    assert referenced <= keys | folders


def test_the_archive_contains_the_jobs_and_nothing_of_this_machine(project: Path) -> None:
    files = code.code_files(project)
    keys = code.code_keys(project)
    content = files[keys.source]
    assert content == code.code_files(project)[keys.source]
    assert content[4:8] == b"\0\0\0\0", "these bytes of gzip are the time"
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(content))) as archive:
        members = archive.getmembers()
        read = {member.name: archive.extractfile(member) for member in members}
        library = Path(mlops_jobs.__file__).parent
        expected = {path.name: path for path in (project / "jobs").iterdir() if path.name != "__pycache__"}
        expected |= {f"mlops_jobs/{path.name}": path for path in library.glob("*.py")}
        assert {"mlops_jobs/errors.py", "inference.py", "preprocess.py", "train.py"} < expected.keys()
        assert read.keys() == expected.keys()
        for name, file in read.items():
            assert file, name
            assert file.read() == expected[name].read_bytes()
    assert [member.name for member in members] == sorted(read)
    assert {(member.mtime, member.uid, member.gid, member.uname, member.gname) for member in members} == {
        (0, 0, 0, "", "")
    }


def test_a_hash_depends_on_the_names_and_the_contents_of_files() -> None:
    hashes = {
        code.content_hash(files)
        for files in ({"a": b"12", "b": b"3"}, {"a": b"1", "b": b"23"}, {"a": b"12", "c": b"3"}, {"ab": b"123"})
    }
    assert len(hashes) == 4
    assert code.content_hash({"b": b"3", "a": b"12"}) in hashes, "the order of the files does not matter"


@pytest.mark.parametrize("name", ["features/__init__.py", "lookup.json", "train.py.orig", "README"])
def test_a_file_that_would_not_reach_the_jobs_is_refused(own_copy: Path, name: str) -> None:
    path = own_copy / "jobs" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("", encoding="utf-8")
    with pytest.raises(
        UserError,
        match=rf"^jobs/{name.partition('/')[0]}: is not a .py file, and only those reach the jobs; move it out",
    ):
        code.code_files(own_copy)


def test_caches_and_hidden_files_are_not_code(own_copy: Path) -> None:
    before = code.code_keys(own_copy)
    for name in ("__pycache__/train.cpython-311.pyc", ".DS_Store", ".mypy_cache/x.json"):
        path = own_copy / "jobs" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("", encoding="utf-8")
    assert code.code_keys(own_copy) == before


@pytest.mark.parametrize(("folder", "message"), [("jobs", "has no .py file"), ("config", "does not exist")])
def test_a_project_without_code_or_contract_is_refused(own_copy: Path, folder: str, message: str) -> None:
    shutil.rmtree(own_copy / folder)
    with pytest.raises(UserError, match=message):
        code.code_files(own_copy)


def test_the_sdk_adds_nothing_that_depends_on_the_region(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(project)
    here = compile_pipeline(inference.build(settings))
    monkeypatch.setattr("mlops_kit.definition.steps.OfflineSession.boto_region_name", "il-central-1")
    assert compile_pipeline(inference.build(settings)) == here
