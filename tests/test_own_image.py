"""The image that the answer `own_image: docker` defines: what is in it, who pushes it, and that it serves a model."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import yaml

from ci_runner import Runner
from support import ROOT, TREE, Bake, git

IMAGES = ROOT / TREE / "images"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


@pytest.fixture(scope="module")
def dockerfile() -> list[str]:
    """The instructions of the Dockerfile, each in one line."""
    text = re.sub(r"^#.*\n", "", (IMAGES / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    return [" ".join(line.split()) for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def pins(path: Path) -> set[tuple[str, str]]:
    """Each package in a file of requirements with its version."""
    return {(name.lower().replace("_", "-"), version) for name, version in PIN.findall(path.read_text("utf-8"))}


# What is in it


def test_the_base_is_one_release_of_python_and_no_tag_that_moves(dockerfile: list[str]) -> None:
    bases = {line.split()[1] for line in dockerfile if line.startswith("FROM ")}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.1[01]\.\d+-slim-bookworm(@sha256:[0-9a-f]{64})?", bases.pop())


def test_every_package_is_pinned_and_the_jobs_have_the_releases_of_the_project() -> None:
    locked, project = pins(IMAGES / "requirements.txt"), pins(ROOT / TREE / "requirements.txt")
    lines = (IMAGES / "requirements.txt").read_text("utf-8").splitlines()
    assert len(locked) == len(lines), "each line pins one package"
    direct = pins(IMAGES / "requirements.in")
    assert direct <= locked
    assert {pin for pin in direct if pin[0] not in ("sagemaker-training", "gunicorn")} <= project


def test_it_holds_no_secret_and_fetches_nothing_but_packages(dockerfile: list[str]) -> None:
    text = "\n".join(dockerfile)
    assert not re.search(r"^(ADD|ARG) |curl|wget|sudo|--privileged|(PASSWORD|SECRET|TOKEN|ACCESS_KEY)", text, re.M)
    copied = [line.split()[1:] for line in dockerfile if line.startswith("COPY ")]
    sources = {word for words in copied for word in words[:-1] if not word.startswith("--")}
    assert sources == {"requirements.txt", "serve.py", "/opt/venv"}
    assert all((IMAGES / source).is_file() for source in sources - {"/opt/venv"})
    assert (IMAGES / ".dockerignore").read_text("utf-8").split() == ["*", "!requirements.txt", "!serve.py"]


def test_no_compiler_and_no_list_of_packages_is_left_in_it(dockerfile: list[str]) -> None:
    final = dockerfile[max(index for index, line in enumerate(dockerfile) if line.startswith("FROM ")) :]
    assert not [line for line in final if "build-essential" in line or "pip install" in line]
    for line in dockerfile:
        if "apt-get install" in line:
            assert "--no-install-recommends" in line
            assert line.endswith("rm -rf /var/lib/apt/lists/*") or "rm -rf /var/lib/apt/lists/* &&" in line


def test_the_processes_that_answer_requests_are_not_root(
    dockerfile: list[str], serving: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert any(
        f"useradd --system --no-create-home --shell /usr/sbin/nologin {serving.USER}" in line for line in dockerfile
    )
    if os.geteuid() != 0:
        assert "user" not in serving.options()
        return
    monkeypatch.setattr(serving, "USER", "nobody")
    assert serving.options()["user"] != 0


# That it serves a model

MODEL = """
import json
from mlops_jobs.errors import DataError
def model_fn(folder):
    return json.load(open(f"{folder}/model.json"))["factor"]
def input_fn(body, content_type):
    if content_type != "text/csv":
        raise DataError("send text/csv")
    return [float(line) for line in body.decode().split()]
def predict_fn(values, model):
    return [value * model / (0 if value == 13 else 1) for value in values]
def output_fn(values, accept):
    return "".join(json.dumps(value) + "\\n" for value in values)
"""


@pytest.fixture
def serving() -> ModuleType:
    """serve.py as a module."""
    spec = importlib.util.spec_from_file_location("serve_in_the_image", IMAGES / "serve.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def url(serving: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where a model is served over HTTP."""

    class Silent(WSGIRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            """Print nothing."""

    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "inference", raising=False)
    (tmp_path / "model.json").write_text(json.dumps({"factor": 3}), encoding="utf-8")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").write_text(MODEL, encoding="utf-8")
    application = serving.load(tmp_path, tmp_path / "code", "inference.py")
    with make_server("127.0.0.1", 0, application, handler_class=Silent) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def ask(url: str, body: bytes | None = None, content_type: str = "text/csv") -> tuple[int, str, str]:
    """The status, the body and the content type of an answer."""
    headers = {"Content-Type": content_type, "Accept": "application/jsonlines"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
            return answer.status, answer.read().decode(), answer.headers["Content-Type"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), error.headers["Content-Type"]


def test_it_answers_as_sagemakers_contract_demands(url: str) -> None:
    assert ask(f"{url}/ping")[:2] == (200, "")
    assert ask(f"{url}/invocations", b"1\n2.5\n") == (200, "3.0\n7.5\n", "application/jsonlines")
    assert ask(f"{url}/invocations", b"") == (200, "", "application/jsonlines")


def test_a_chunked_request_which_has_no_length_is_read_to_its_end(serving: ModuleType) -> None:
    application = serving.Application(lambda body, *_: body)
    request = {"REQUEST_METHOD": "POST", "PATH_INFO": "/invocations", "wsgi.input": io.BytesIO(b"1\n2.5\n")}
    assert application(request | {"wsgi.input_terminated": True}, lambda *_: None) == [b"1\n2.5\n"]


def test_a_bad_request_is_refused_with_its_reason_and_a_bug_shows_none(url: str) -> None:
    assert ask(f"{url}/invocations", b"1", "application/json")[:2] == (400, "send text/csv")
    status, reason, _ = ask(f"{url}/invocations", b"one")
    assert (status, "could not convert" in reason) == (400, True)
    assert ask(f"{url}/invocations", b"13")[:2] == (500, "the model failed; its log has the reason")
    assert ask(f"{url}/else")[0] == 404
    assert ask(f"{url}/invocations")[0] == 404, "GET"


def test_an_artifact_without_code_is_refused(serving: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"code/inference.py does not exist; SAGEMAKER_PROGRAM names the code"):
        serving.load(tmp_path, tmp_path / "code", "inference.py")


# Who builds and pushes it


@pytest.fixture
def jobs() -> dict[str, Any]:
    """The jobs of .gitlab/image.yml."""
    return dict(yaml.safe_load((ROOT / TREE / ".gitlab" / "image.yml").read_text("utf-8")))


def test_only_what_was_scanned_and_merged_is_pushed(jobs: dict[str, Any]) -> None:
    assert jobs["image:build"]["needs"] == []
    assert jobs["image:scan"]["needs"] == ["image:build"]
    assert jobs["image:dev"]["needs"] == ["image:build", "image:scan", "apply:dev"]
    assert [
        rule["if"].startswith("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH && ") for rule in jobs["image:dev"]["rules"]
    ] == [True]
    assert "--no-push" in jobs["image:build"]["script"][1]
    assert "--exit-code 1" in jobs["image:scan"]["script"][0]
    assert ".changes-aws" not in (jobs["image:build"]["extends"], jobs["image:scan"]["extends"]), "they have no role"


def test_no_job_needs_a_privileged_runner(jobs: dict[str, Any]) -> None:
    text = json.dumps(jobs)
    assert "dind" not in text
    assert "services" not in text
    images = [job["image"]["name"] for job in jobs.values() if "image" in job]
    assert all(re.search(r":v?\d+\.\d+\.\d+(-debug)?$", image) for image in images)


def test_ci_has_the_jobs_where_they_are_asked_for(bake: Bake) -> None:
    with_image, without = (bake("copier", own_image=answer) for answer in ("docker", "none"))
    pipelines = [yaml.safe_load((project / ".gitlab-ci.yml").read_text("utf-8")) for project in (with_image, without)]
    assert pipelines[0].pop("include") == ".gitlab/image.yml"
    assert pipelines[0] == pipelines[1]
    assert not (bake("copier", own_image="docker", ci="none") / ".gitlab").exists()


@pytest.mark.ci_runner
def test_a_change_of_the_image_is_built_and_scanned_and_pushed_once_merged(bake: Bake, tmp_path: Path) -> None:
    project = bake("copier", own_image="docker")
    git(project, "init", "--quiet", "--initial-branch=main")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "Work")
    git(project, "remote", "add", "origin", str(project))  # the runner compares with the default branch
    git(project, "fetch", "--quiet", "origin")
    git(project, "remote", "set-head", "origin", "main")
    (project / "images" / "requirements.in").write_text("numpy\n", encoding="utf-8")
    git(project, "commit", "--quiet", "--all", "--message", "Change the image")
    runner = Runner(project, tmp_path / "home")

    def of_the_image(**context: str | None) -> set[str]:
        return {name for name in runner.jobs(context) if name.startswith("image:")}

    built = {"image:build", "image:scan"}
    assert of_the_image(CI_PIPELINE_SOURCE="merge_request_event", CI_COMMIT_BRANCH=None) == built
    assert of_the_image(CI_PIPELINE_SOURCE="push", CI_COMMIT_BRANCH="main") == built | {"image:dev"}
    assert of_the_image(CI_PIPELINE_SOURCE="push", CI_COMMIT_BRANCH="try") == set()
    assert of_the_image(CI_PIPELINE_SOURCE="schedule", CI_COMMIT_BRANCH="main") == set()


SKOPEO = """#!/bin/sh
echo "$@" >> calls.txt
case $1 in
  login) cat > password.txt ;;
  copy) printf 'sha256:12ab' > "$5" ;;
esac
"""
BOTO3 = """
import base64, os
class Client:
    def batch_get_image(self, repositoryName, imageIds):
        assert imageIds == [{"imageTag": "abc"}]
        return {"images": [{"imageId": {"imageDigest": "sha256:12ab"}}] if os.path.exists("password.txt") else []}
    def describe_repositories(self, repositoryNames):
        return {"repositories": [{"repositoryUri": f"1.dkr.ecr.eu-west-1.amazonaws.com/{repositoryNames[0]}"}]}
    def get_authorization_token(self):
        return {"authorizationData": [{"authorizationToken": base64.b64encode(b"AWS:secret").decode()}]}
def client(service, region_name):
    return Client()
"""


def test_an_image_is_pushed_once_by_commit_and_named_by_digest(bake: Bake, tmp_path: Path) -> None:
    project = bake("copier", own_image="docker")
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "skopeo").write_text(SKOPEO, encoding="utf-8")
    (programs / "skopeo").chmod(0o755)
    (programs / "boto3.py").write_text(BOTO3, encoding="utf-8")
    variables = {"STEM": "rings-dev", "AWS_REGION": "eu-west-1", "ENVIRONMENT": "dev", "CI_COMMIT_SHA": "abc"}
    path = f"{programs}:{Path(sys.executable).parent}:/usr/bin:/bin"
    environment = {**variables, "PATH": path, "PYTHONPATH": str(programs)}
    push = ["sh", "infra/ci/image.sh", "image.tar"]
    refused = subprocess.run(push, cwd=project, env=environment, capture_output=True, text=True)
    assert refused.stderr == "image.tar does not exist: the job image:build builds it\n"
    (project / "image.tar").touch()
    pushed, again = (
        subprocess.run(push, cwd=project, env=environment, capture_output=True, text=True) for _ in range(2)
    )
    assert pushed.returncode == 0, pushed.stderr
    assert again.stdout == pushed.stdout
    calls = (project / "calls.txt").read_text("utf-8")
    assert calls.count("docker://1.dkr.ecr.eu-west-1.amazonaws.com/rings-dev:abc") == 1
    assert (project / "password.txt").read_text("utf-8") == "secret\n"
    assert "secret" not in calls + pushed.stdout
    named = yaml.safe_load(pushed.stdout.partition("(docs/image.md):\n")[2])
    image = "1.dkr.ecr.eu-west-1.amazonaws.com/rings-dev@sha256:12ab"
    assert named == {"images": {"processing": image, "training": image, "serving": image}}
