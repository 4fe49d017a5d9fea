"""The files in config/ are read as written, or refused with the place, the value and what it may be."""

from __future__ import annotations

import shutil

import pytest
import yaml
from mlops_jobs.errors import UserError
from mlops_jobs.hyperparameter import Hyperparameter
from support import ROOT

from pipelines import settings as settings_module
from pipelines.settings import hyperparameter_types, load_hyperparameters, load_settings

MISSING = object()

# The hyperparameters of no real model, so that these tests hold for any. SageMaker's image tunes all but the seed.
KNOWN = {
    "rounds": Hyperparameter(500, min=1),
    "depth": Hyperparameter(4),
    "rate": Hyperparameter(0.05, min=1e-6, max=1),
    "share": Hyperparameter(0.8, min=1e-6, max=1),
    "penalty": Hyperparameter(0.0, min=0),
    "seed": Hyperparameter(1),
}
TUNABLE = {"rounds": "integer", "depth": "integer"} | dict.fromkeys(("rate", "share", "penalty"), "continuous")


@pytest.fixture
def own_copy(tmp_path, monkeypatch):
    """The sources of the settings, to change, with the hyperparameters of these tests."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "jobs", tmp_path / "jobs", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(settings_module, "HYPERPARAMETERS", KNOWN)
    monkeypatch.setattr(settings_module, "TUNABLE", TUNABLE)
    defaults = yaml.safe_dump({name: known.default for name, known in KNOWN.items()})
    (tmp_path / "config" / "hyperparameters.yaml").write_text(defaults, encoding="utf-8")
    change(tmp_path, "pipelines.yaml", "training_image", "xgboost")
    change(tmp_path, "pipelines.yaml", "tuning.ranges", {"share": {"type": "continuous", "min": 0.5, "max": 1}})
    return tmp_path


def change(root, file, path, value):
    place = root / "config" / file
    content = inner = yaml.safe_load(place.read_text(encoding="utf-8"))
    *keys, last = path.split(".")
    for key in keys:
        inner = inner[key]
    if value is MISSING:
        del inner[last]
    else:
        inner[last] = value
    place.write_text(yaml.safe_dump(content), encoding="utf-8")


def test_the_projects_own_settings_are_valid():
    settings = load_settings(ROOT)
    assert settings.hyperparameters == load_hyperparameters(ROOT)
    assert settings.hyperparameters.keys() == hyperparameter_types().keys()
    assert {entry.name for entry in settings.tuning.ranges} <= settings.hyperparameters.keys()
    assert settings.tuning.parallel_jobs <= settings.tuning.jobs


def test_a_hyperparameter_keeps_its_type():
    assert {name: type(value) for name, value in load_hyperparameters(ROOT).items()} == hyperparameter_types()


REFUSED = {
    "a text that the model card lacks": (
        "model_card",
        {"purpose": "pricing"},
        "model_card.purpose is not a part of a model card that a team writes; it may be model_creator",
    ),
    "an unknown mode": (
        "batch_inference",
        "batch",
        "batch_inference is 'batch'; it must be one of processing, transform",
    ),
    "a name with capitals": ("project", "Rings", "project is 'Rings'; it must be lower-case words joined by hyphens"),
    "a long name": ("project", "r" * 33, f"project is '{'r' * 33}'; it must be lower-case words joined by hyphens, 32"),
    "a share that is too large": (
        "split.test_share",
        0.95,
        "split.test_share is 0.95; it must be a number of at least 0.05 and of at most 0.9",
    ),
    "a share that is not a multiple of 0.05": (
        "split.test_share",
        0.17,
        "split.test_share is 0.17; it must be a multiple of 0.05, for example 0.15",
    ),
    "shares that leave nothing": (
        "split",
        {"seed": 1, "validation_share": 0.5, "test_share": 0.5},
        "split.test_share is 0.5; it must be small enough to leave rows to train on, for example 0.15",
    ),
    "a tolerance below zero": (
        "champion_tolerance",
        -0.1,
        "champion_tolerance is -0.1; it must be a number of at least 0",
    ),
    "a tolerance that is a word": (
        "champion_tolerance",
        "none",
        "champion_tolerance is 'none'; it must be a number of",
    ),
    "an instance type of another service": (
        "machines.training.instance_type",
        "m5.large",
        "machines.training.instance_type is 'm5.large'; it must be an instance type of SageMaker, for example ml.m5",
    ),
    "a volume with a unit": (
        "machines.training.volume_gb",
        "30 GB",
        "machines.training.volume_gb is '30 GB'; it must be a whole number from 1 to 16384",
    ),
    "a yes instead of a number": (
        "machines.inference.instance_count",
        True,
        "machines.inference.instance_count is True; it must be a whole number from 1 to 100",
    ),
    "several instances for a fit": (
        "machines.processing.instance_count",
        2,
        "machines.processing.instance_count is a key that nothing reads; correct its name or remove it",
    ),
    "a misspelt purpose": ("machines.trainning", {}, "machines.trainning is a key that nothing reads; "),
    "a range wider than its limits": (
        "tuning.ranges.share.max",
        4,
        "tuning.ranges.share.max is 4; it must be a number of at least 1e-06 and of at most 1",
    ),
    "more parallel jobs than jobs": ("tuning.parallel_jobs", 40, "tuning.parallel_jobs is 40; it must be at most"),
    "instances that are missing": ("machines.monitoring", MISSING, "machines.monitoring is missing; add it"),
    "instances that are a string": (
        "machines.training",
        "ml.m5.large",
        "machines.training is 'ml.m5.large'; it must be a mapping of keys to values",
    ),
    "an off without quotes": (
        "tuning.early_stopping",
        False,
        "tuning.early_stopping is False; it must be one of Auto, Off, in quotes",
    ),
    "an unknown hyperparameter": (
        "tuning.ranges",
        {"deph": {"type": "integer", "min": 1, "max": 2}},
        "tuning.ranges.deph is not a hyperparameter of train.py; it may be rounds, ",
    ),
    "nothing to search": ("tuning.ranges", {}, "tuning.ranges is empty; name at least one hyperparameter to search"),
    "a range of another type": (
        "tuning.ranges",
        {"depth": {"type": "continuous", "min": 1, "max": 2}},
        "tuning.ranges.depth.type is 'continuous'; it must be one of integer",
    ),
    "categories": (
        "tuning.ranges",
        {"depth": {"type": "categorical", "values": ["2", "4"]}},
        "tuning.ranges.depth.type is 'categorical'; it must be one of integer",
    ),
    "a hyperparameter that SageMaker's image does not tune": (
        "tuning.ranges",
        {"seed": {"type": "integer", "min": 1, "max": 2}},
        "tuning.ranges.seed is not a hyperparameter that SageMaker's image tunes; it may be rounds, depth, rate, ",
    ),
    "a range that ends before it starts": (
        "tuning.ranges",
        {"depth": {"type": "integer", "min": 5, "max": 5}},
        "tuning.ranges.depth.max is 5; it must be above min, which is 5",
    ),
    "a logarithm of zero": (
        "tuning.ranges",
        {"penalty": {"type": "continuous", "min": 0, "max": 1, "scaling": "Logarithmic"}},
        "tuning.ranges.penalty.min is 0.0; it must be above 0 on the scale Logarithmic",
    ),
    "a reverse logarithm of one": (
        "tuning.ranges",
        {"rate": {"type": "continuous", "min": 0.5, "max": 1, "scaling": "ReverseLogarithmic"}},
        "tuning.ranges.rate.scaling is 'ReverseLogarithmic'; it must be another one: this one",
    ),
    "a cache for ever": ("cache_days", 1000, "cache_days is 1000; it must be a whole number from 0 to 365"),
    "a pause that shrinks": (
        "retries.backoff_rate",
        0.5,
        "retries.backoff_rate is 0.5; it must be a number of at least 1",
    ),
    "a tag that is a number": ("tags", {"cost": 4711}, "tags.cost is 4711; it must be up to 256 letters, digits, "),
    "a tag under a number": ("tags", {4711: "x"}, "tags.4711 is read as 4711, and a key must be a string; put it in"),
    "a tag of AWS's own": (
        "tags",
        {"aws:team": "x"},
        "tags.aws:team is 'x'; it must be under a name of up to 128 letters",
    ),
    "a key that nothing reads": ("champion_tolerence", 0.1, "champion_tolerence is a key that nothing reads; "),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_an_invalid_setting_is_refused(own_copy, fault):
    path, value, message = REFUSED[fault]
    change(own_copy, "pipelines.yaml", path, value)
    with pytest.raises(UserError) as refused:
        load_settings(own_copy)
    assert str(refused.value).startswith(f"config/pipelines.yaml: {message}")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("rate", "low", "rate is 'low'; it must be a number of at least 1e-06 and of at most 1"),
        ("depth", 4.5, "depth is 4.5; it must be a whole number of at least 0"),
        ("rounds", MISSING, "rounds is missing; add it"),
        ("rounds", 0, "rounds is 0; it must be a whole number of at least 1"),
        ("rate", 7, "rate is 7; it must be a number of at least 1e-06 and of at most 1"),
        (
            "rate",
            "1e-2",
            "rate is '1e-2'; it must be written with a point, as 1.0e-2 or 0.01: else YAML reads a string",
        ),
        ("share", 0, "share is 0; it must be a number of at least 1e-06 and of at most 1"),
        ("learning_rate", 0.1, "learning_rate is a key that nothing reads; correct its name or remove it"),
    ],
)
def test_an_invalid_hyperparameter_is_refused(own_copy, path, value, message):
    change(own_copy, "hyperparameters.yaml", path, value)
    with pytest.raises(UserError) as refused:
        load_settings(own_copy)
    assert str(refused.value) == f"config/hyperparameters.yaml: {message}"


def test_a_file_that_is_missing_or_is_not_yaml_is_refused(own_copy):
    settings = own_copy / "config" / "pipelines.yaml"
    settings.write_text("project: [", encoding="utf-8")
    with pytest.raises(UserError, match=r"config/pipelines.yaml: is not YAML: "):
        load_settings(own_copy)
    settings.unlink()
    with pytest.raises(UserError, match=r"config/pipelines.yaml: cannot be read .*; restore it"):
        load_settings(own_copy)


def test_ranges_scales_and_tags_are_read_as_written(own_copy):
    ranges = {
        "rounds": {"type": "integer", "min": 50, "max": 500},
        "share": {"type": "continuous", "min": 0.5, "max": 0.99, "scaling": "ReverseLogarithmic"},
    }
    change(own_copy, "pipelines.yaml", "tuning.ranges", ranges)
    change(own_copy, "pipelines.yaml", "tags", {"cost-center": "4711"})
    settings = load_settings(own_copy)
    rounds, share = settings.tuning.ranges
    assert (rounds.type, rounds.values) == ("integer", ("50", "500"))
    assert (share.values, share.scaling) == (("0.5", "0.99"), "ReverseLogarithmic")
    assert settings.tags == {"cost-center": "4711"}


@pytest.mark.parametrize("name", ["rate", "eta"])
@pytest.mark.parametrize(
    ("tunable", "names"),
    [({}, "rounds, depth, rate, share, penalty, seed"), ({"depth": "integer"}, "depth, or rounds, ")],
    ids=["none is tunable", "one is tunable"],
)
def test_a_range_that_sagemakers_image_does_not_tune_is_refused_with_the_way_out(
    own_copy, monkeypatch, name, tunable, names
):
    monkeypatch.setattr(settings_module, "TUNABLE", tunable)
    change(own_copy, "pipelines.yaml", "tuning.ranges", {name: {"type": "continuous", "min": 0.1, "max": 0.5}})
    with pytest.raises(UserError, match=f"; it may be {names}") as refused:
        load_settings(own_copy)
    assert str(refused.value).endswith("seed with training_image: own (docs/image.md)")


def test_a_project_without_the_setting_trains_in_sagemakers_image(own_copy):
    change(own_copy, "pipelines.yaml", "training_image", MISSING)
    assert load_settings(own_copy).training_image == "xgboost"


def test_an_own_image_tunes_every_hyperparameter_in_ranges_of_any_type(own_copy):
    ranges = {
        "seed": {"type": "categorical", "values": [1, 2, 3]},
        "depth": {"type": "categorical", "values": [4, 8]},
        "penalty": {"type": "integer", "min": 0, "max": 5},
    }
    change(own_copy, "pipelines.yaml", "training_image", "own")
    change(own_copy, "pipelines.yaml", "tuning.ranges", ranges)
    found = {entry.name: (entry.type, entry.values) for entry in load_settings(own_copy).tuning.ranges}
    assert found == {
        "seed": ("categorical", ("1", "2", "3")),
        "depth": ("categorical", ("4", "8")),
        "penalty": ("integer", ("0", "5")),
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "tuning.ranges.depth.values is []; it must be a list of 1 to 30 values"),
        (4, "tuning.ranges.depth.values is 4; it must be a list of 1 to 30 values"),
        ([4, "deep"], "tuning.ranges.depth.values: deep is 'deep'; it must be a whole number "),
        ([4, -1], "tuning.ranges.depth.values: -1 is -1; it must be a whole number "),
    ],
)
def test_a_category_that_the_hyperparameter_does_not_take_is_refused(own_copy, values, message):
    change(own_copy, "pipelines.yaml", "training_image", "own")
    change(own_copy, "pipelines.yaml", "tuning.ranges", {"depth": {"type": "categorical", "values": values}})
    with pytest.raises(UserError) as refused:
        load_settings(own_copy)
    assert str(refused.value).startswith(f"config/pipelines.yaml: {message}")


def test_a_hyperparameter_that_takes_whole_numbers_is_not_searched_between_them(own_copy, monkeypatch):
    monkeypatch.setitem(KNOWN, "penalty", Hyperparameter(0))
    change(own_copy, "hyperparameters.yaml", "penalty", 0)
    change(own_copy, "pipelines.yaml", "tuning.ranges", {"penalty": {"type": "continuous", "min": 0, "max": 5}})
    with pytest.raises(
        UserError, match=r"must be integer, the type of penalty in train.py; write its default there with a point"
    ):
        load_settings(own_copy)


def test_a_misspelt_key_is_named(own_copy):
    place = own_copy / "config" / "pipelines.yaml"
    place.write_text(place.read_text(encoding="utf-8").replace("project:", "projct:"), encoding="utf-8")
    with pytest.raises(UserError, match="project is missing; add it, or correct projct, which nothing reads"):
        load_settings(own_copy)
