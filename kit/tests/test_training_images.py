"""`mlops check` and `mlops deploy` agree on whether an environment's training image fits the definitions."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from mlops_jobs.errors import UserError
from mlops_kit.aws import deployment
from mlops_kit.aws.environment import Environment
from mlops_kit.checks.training_images import find_faults
from mlops_kit.cli import main as commands
from mlops_kit.definition.compile import compile_all
from moto_cloud import own_copy

OWN = "999999999999.dkr.ecr.eu-west-1.amazonaws.com/own@sha256:12ab"
XGBOOST = "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.0-5"
SETTINGS = {"xgboost": "training_image: xgboost", "own": "training_image: own", "not there": "# none"}
IMAGES: dict[str, dict[str, str]] = {"none": {}, "xgboost": {"training": XGBOOST}, "own": {"training": OWN}}


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def root(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = own_copy(project, tmp_path / "project")
    monkeypatch.chdir(copy)
    return copy


def name_images(root: Path, environment: Environment, images: dict[str, str]) -> Environment:
    """Name the images in the project's environment file, and in the environment to deploy to."""
    if images:
        with (root / "config" / "environments" / "dev.yaml").open("a", encoding="utf-8") as file:
            file.write(f"images: {images}\n")
    return replace(environment, image_uri=None, images=images)


def refusal_of_check(capsys: pytest.CaptureFixture[str]) -> str:
    """What `mlops check` prints or raises; empty if it finds no fault."""
    capsys.readouterr()
    try:
        commands.main(["check"])
    except UserError as error:
        return str(error)
    except SystemExit:
        return capsys.readouterr().out
    return ""


def refusal_of_deploy(environment: Environment, root: Path, definitions: dict[str, str] | None = None) -> str:
    """What `mlops deploy` raises; empty if it deploys."""
    try:
        deployment.deploy(environment, root, say=lambda _: None, definitions=definitions)
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(("setting", "named"), [*product(SETTINGS, IMAGES)])
def test_check_and_deploy_refuse_the_same_images_with_the_same_sentence(
    root: Path, environment: Environment, capsys: pytest.CaptureFixture[str], setting: str, named: str
) -> None:
    change(root / "config" / "pipelines.yaml", "training_image: xgboost", SETTINGS[setting])
    environment = name_images(root, environment, IMAGES[named])
    checked, deployed = refusal_of_check(capsys), refusal_of_deploy(environment, root)
    assert bool(checked) == ((setting == "own") != (named == "own"))
    assert checked == deployed
    if checked:
        assert checked.startswith("config/environments/dev.yaml: images.training is ")
        assert "training_image" in checked.partition("config/pipelines.yaml")[2]


@pytest.mark.parametrize("named", IMAGES)
def test_they_agree_on_definitions_that_a_team_wrote_with_one_image_for_all_jobs(
    root: Path, environment: Environment, named: str
) -> None:
    texts = {kind: re.sub(r"\$\{\w+ing_image_uri\}", "${image_uri}", text) for kind, text in compile_all(root).items()}
    image = IMAGES[named].get("training")
    if image:
        change(root / "config" / "environments" / "dev.yaml", "region:", f"image_uri: {image}\nregion:")
    checked = list(find_faults({kind: json.loads(text) for kind, text in texts.items()}, root))
    deployed = refusal_of_deploy(replace(environment, image_uri=image), root, texts)
    assert bool(checked) == bool(deployed) == (named == "own")
    for fault in checked:
        assert fault.startswith("config/environments/dev.yaml: training-hpo: Tune: ")
        assert "'validation:rmse', which no metric definition reads from the log" in fault


def test_an_own_training_image_tunes_what_xgboosts_does_not(
    root: Path, environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    added = "  ranges:\n    early_stopping_rounds: {type: categorical, values: [10, 50]}\n"
    change(root / "config" / "pipelines.yaml", "  ranges:\n", added)
    assert "tuning.ranges.early_stopping_rounds is not a hyperparameter that SageMaker's" in refusal_of_check(capsys)
    change(root / "config" / "pipelines.yaml", "training_image: xgboost", "training_image: own")
    environment = name_images(root, environment, IMAGES["own"])
    assert refusal_of_check(capsys) == ""
    assert refusal_of_deploy(environment, root) == ""
