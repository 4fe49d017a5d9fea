"""The team's settings of the pipelines, read strictly from config/."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_jobs.contract import Contract, load_contract
from mlops_jobs.errors import UserError
from mlops_kit.checks.builtin_image import TUNABLE
from mlops_kit.config import names
from mlops_kit.config.model_card import CardTexts, read_model_card
from mlops_kit.config.own_steps import OwnSteps
from mlops_kit.config.reader import ConfigSection
from mlops_kit.config.tags import read_tags
from mlops_kit.definition.code import CodeKeys, code_keys

from hyperparameters import HYPERPARAMETERS

MAX_CATEGORIES = 30  # the values of one categorical range that SageMaker takes


@dataclass(frozen=True)
class Split:
    """How labelled rows are split; shares are multiples of 0.05."""

    seed: int
    validation_share: float
    test_share: float


@dataclass(frozen=True)
class InstanceSpec:
    """The instances of a job, and its time limit."""

    instance_type: str
    volume_gb: int
    max_minutes: int
    instance_count: int = 1


@dataclass(frozen=True)
class Machines:
    """The instances for each purpose, `machines` in config/pipelines.yaml."""

    processing: InstanceSpec
    training: InstanceSpec
    inference: InstanceSpec
    monitoring: InstanceSpec


@dataclass(frozen=True)
class Range:
    """The values among which tuning searches a hyperparameter.

    Attributes:
        type: integer, continuous or categorical.
        values: the lowest and the highest value; all of them, if categorical.
        scaling: the scale on which numbers are searched.
    """

    name: str
    type: str
    values: tuple[str, ...]
    scaling: str = "Auto"


@dataclass(frozen=True)
class Tuning:
    """The tuning job of the pipeline training-hpo."""

    strategy: str
    jobs: int
    parallel_jobs: int
    early_stopping: str
    ranges: tuple[Range, ...]


@dataclass(frozen=True)
class Retries:
    """How often a step is tried again after a failure of SageMaker, not of its script."""

    max_attempts: int
    first_wait_seconds: int
    backoff_rate: float


@dataclass(frozen=True)
class Settings:
    """Everything that the definitions are built from.

    Attributes:
        steps: the settings of the team's own steps, which their definitions read: docs/steps.md.
    """

    project: str
    contract: Contract
    code: CodeKeys
    batch_inference: str
    explanations: int  # features for each prediction
    training_image: str  # xgboost or own
    split: Split
    champion_tolerance: float
    machines: Machines
    tuning: Tuning
    hyperparameters: dict[str, int | float]
    cache_days: int
    retries: Retries
    tags: dict[str, str]
    steps: OwnSteps
    model_card: CardTexts


def load_settings(root: Path) -> Settings:
    """Read config/pipelines.yaml, config/hyperparameters.yaml and config/dataset.yaml of a project.

    Raises:
        UserError: a file is missing, is not YAML, or has an unknown key or a value that is not allowed.
    """
    section = ConfigSection.of_file(root / "config" / "pipelines.yaml", root)
    training_image = (
        section.choice("training_image", "xgboost", "own") if "training_image" in section.names else "xgboost"
    )
    settings = Settings(
        project=section.text("project", *names.PROJECT),
        contract=load_contract(root / "config" / "dataset.yaml"),
        code=code_keys(root),
        batch_inference=section.choice("batch_inference", "processing", "transform"),
        explanations=section.integer("explanations", maximum=10) if "explanations" in section.names else 0,
        training_image=training_image,
        split=_split(section.section("split")),
        champion_tolerance=section.number("champion_tolerance", minimum=0),
        machines=_machines(section.section("machines")),
        tuning=_tuning(section.section("tuning"), _tunable(training_image)),
        hyperparameters=load_hyperparameters(root),
        cache_days=section.integer("cache_days", maximum=365),
        retries=_retries(section.section("retries")),
        tags=read_tags(section.section("tags")),
        steps=OwnSteps(section.optional_section("steps")),
        model_card=read_model_card(section),
    )
    section.refuse_the_rest()
    return settings


def load_hyperparameters(root: Path) -> dict[str, int | float]:
    """Read config/hyperparameters.yaml: the value of each hyperparameter of train.py.

    Raises:
        UserError: a hyperparameter is missing or unknown, or its value has another type.
    """
    section = ConfigSection.of_file(root / "config" / "hyperparameters.yaml", root)
    values = {name: _value(section, name, name, integer=kind is int) for name, kind in hyperparameter_types().items()}
    section.refuse_the_rest()
    return values


def hyperparameter_types() -> dict[str, type]:
    """The hyperparameters of jobs/train.py, with the type of each: int or float."""
    return {name: type(hyperparameter.default) for name, hyperparameter in HYPERPARAMETERS.items()}


def _split(section: ConfigSection) -> Split:
    seed, shares = section.integer("seed"), []
    for key in ("validation_share", "test_share"):
        share = section.number(key, minimum=0.05, maximum=0.9)
        if abs(share * 20 - round(share * 20)) > 1e-9:
            raise section.refusal(key, share, "a multiple of 0.05, for example 0.15")
        shares.append(share)
    if sum(shares) > 0.95:
        raise section.refusal("test_share", shares[1], "small enough to leave rows to train on, for example 0.15")
    section.refuse_the_rest()
    return Split(seed, *shares)


def _machines(section: ConfigSection) -> Machines:
    machines = Machines(
        processing=_instance_spec(section.section("processing")),
        training=_instance_spec(section.section("training")),
        inference=_instance_spec(section.section("inference"), several=True),
        monitoring=_instance_spec(section.section("monitoring")),
    )
    section.refuse_the_rest()
    return machines


def _instance_spec(section: ConfigSection, *, several: bool = False) -> InstanceSpec:
    spec = InstanceSpec(
        instance_type=section.text(
            "instance_type", r"ml\.[a-z0-9-]+\.[a-z0-9]+", "an instance type of SageMaker, for example ml.m5.large"
        ),
        volume_gb=section.integer("volume_gb", minimum=1, maximum=16384),
        max_minutes=section.integer("max_minutes", minimum=1, maximum=5 * 24 * 60),  # the default quota
        instance_count=section.integer("instance_count", minimum=1, maximum=100) if several else 1,
    )
    section.refuse_the_rest()
    return spec


def _tunable(training_image: str) -> dict[str, tuple[str, ...]]:
    """The hyperparameters of train.py that a tuning may search, with the types that each range may have.

    SageMaker's XGBoost image fixes names and types; any other image takes all.
    """
    tunable: dict[str, tuple[str, ...]] = {}
    for name, kind in hyperparameter_types().items():
        if training_image == "own":
            tunable[name] = ("integer", "categorical") if kind is int else ("continuous", "integer", "categorical")
        elif name in TUNABLE:
            tunable[name] = (TUNABLE[name],)
    return tunable


def _tuning(section: ConfigSection, known: Mapping[str, tuple[str, ...]]) -> Tuning:
    tuning = Tuning(
        strategy=section.choice("strategy", "Bayesian", "Random"),
        jobs=section.integer("jobs", minimum=1, maximum=750),
        parallel_jobs=section.integer("parallel_jobs", minimum=1, maximum=100),
        early_stopping=section.choice("early_stopping", "Auto", "Off"),
        ranges=_ranges(section.section("ranges"), known),
    )
    if tuning.parallel_jobs > tuning.jobs:
        raise section.refusal("parallel_jobs", tuning.parallel_jobs, f"at most jobs, which is {tuning.jobs}")
    section.refuse_the_rest()
    return tuning


def _ranges(section: ConfigSection, known: Mapping[str, tuple[str, ...]]) -> tuple[Range, ...]:
    names = section.names
    for name in names:
        if name not in known:
            of_train = name in hyperparameter_types()
            what = "hyperparameter that SageMaker's image tunes" if of_train else "hyperparameter of train.py"
            raise section.unknown(name, what, _choices(known))
    if not names:
        raise UserError("config/pipelines.yaml: tuning.ranges is empty; name at least one hyperparameter to search")
    return tuple(_range(name, section.section(name), known[name]) for name in names)


def _choices(known: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The names that a range may have: those known, and what an image of the team's own tunes besides."""
    others = ", ".join(name for name in hyperparameter_types() if name not in known)
    with_own_image = f"{others} with training_image: own (docs/image.md)"
    return [*known, f"or {with_own_image}" if known else with_own_image] if others else list(known)


def _range(name: str, section: ConfigSection, types: tuple[str, ...]) -> Range:
    type_ = section.choice("type", *types)
    if type_ == "continuous" and hyperparameter_types()[name] is int:
        raise section.refusal(
            "type",
            type_,
            f"integer, the type of {name} in train.py; write its default there with a point, as in 1.0, for a float",
        )
    if type_ == "categorical":
        return _categories(name, section)
    numbers = {key: _value(section, key, name, integer=type_ == "integer") for key in ("min", "max")}
    low, high = numbers["min"], numbers["max"]
    scaling = "Auto"
    if "scaling" in section.names:
        scaling = section.choice("scaling", "Auto", "Linear", "Logarithmic", "ReverseLogarithmic")
    if low >= high:
        raise section.refusal("max", high, f"above min, which is {low}")
    if scaling == "Logarithmic" and low <= 0:
        raise section.refusal("min", low, "above 0 on the scale Logarithmic")
    if scaling == "ReverseLogarithmic" and (type_ == "integer" or not 0 <= low < high < 1):
        raise section.refusal("scaling", scaling, "another one: this one is for continuous ranges from 0 to below 1")
    section.refuse_the_rest()
    return Range(name, type_, (str(low), str(high)), scaling)


def _categories(name: str, section: ConfigSection) -> Range:
    """A range of single values, each of which the hyperparameter takes."""
    listed, integer = section.take("values"), hyperparameter_types()[name] is int
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_CATEGORIES:
        raise section.refusal("values", listed, f"a list of 1 to {MAX_CATEGORIES} values")
    inner = ConfigSection({str(value): value for value in listed}, section.place, f"tuning.ranges.{name}.values: ")
    values = tuple(str(_value(inner, key, name, integer=integer)) for key in inner.names)
    section.refuse_the_rest()
    return Range(name, "categorical", values)


def _value(section: ConfigSection, key: str, name: str, *, integer: bool) -> int | float:
    """A value in the limits of the hyperparameter of a name."""
    hyperparameter = HYPERPARAMETERS[name]
    low, high = hyperparameter.min, hyperparameter.max
    if integer:
        return section.integer(key, minimum=int(max(low, 0)), maximum=None if high == math.inf else int(high))
    return section.number(key, minimum=low, maximum=high)


def _retries(section: ConfigSection) -> Retries:
    retries = Retries(
        max_attempts=section.integer("max_attempts", minimum=1, maximum=20),
        first_wait_seconds=section.integer("first_wait_seconds", minimum=1, maximum=3600),
        backoff_rate=section.number("backoff_rate", minimum=1, maximum=10),
    )
    section.refuse_the_rest()
    return retries
