"""What the team decides about the pipelines, read from config/ and checked: nothing is guessed, nothing ignored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlops_jobs.contract import Contract, load_contract
from mlops_jobs.errors import UserError
from mlops_kit.checks import instance_types
from mlops_kit.checks.builtin_image import TUNABLE
from mlops_kit.config import names
from mlops_kit.config.reader import Section
from mlops_kit.config.tags import read_tags
from mlops_kit.definition.code import CodeKeys, code_keys

from hyperparameters import HYPERPARAMETERS


@dataclass(frozen=True)
class Split:
    """How labelled rows are dealt out: shares in twentieths."""

    seed: int
    validation_share: float
    test_share: float


@dataclass(frozen=True)
class Machine:
    """What a job runs on, and for how long at most."""

    instance_type: str
    volume_gb: int
    max_minutes: int
    instance_count: int = 1


@dataclass(frozen=True)
class Machines:
    """The machine for each purpose."""

    processing: Machine
    training: Machine
    inference: Machine
    monitoring: Machine


@dataclass(frozen=True)
class Range:
    """Where a tuning looks for the best value of a hyperparameter, of those that the image lets it search.

    Attributes:
        type: integer or continuous.
        values: the lowest and the highest value.
        scaling: on which scale numbers are searched.
    """

    name: str
    type: str
    values: tuple[str, str]
    scaling: str = "Auto"


@dataclass(frozen=True)
class Tuning:
    """The search of the pipeline training-hpo."""

    strategy: str
    jobs: int
    parallel_jobs: int
    early_stopping: str
    ranges: tuple[Range, ...]


@dataclass(frozen=True)
class Retries:
    """What is done when SageMaker, and not the job, has failed."""

    max_attempts: int
    first_wait_seconds: int
    backoff_rate: float


@dataclass(frozen=True)
class Settings:
    """All that the definitions are made of."""

    project: str
    contract: Contract
    code: CodeKeys
    batch_inference: str
    split: Split
    champion_tolerance: float
    machines: Machines
    tuning: Tuning
    hyperparameters: dict[str, int | float]
    cache_days: int
    retries: Retries
    tags: dict[str, str]


def load_settings(root: Path) -> Settings:
    """Read config/pipelines.yaml, config/hyperparameters.yaml and config/dataset.yaml of a project.

    Raises:
        UserError: a file is missing, is not YAML, or holds a key or a value that cannot be.
    """
    given = Section.of_file(root / "config" / "pipelines.yaml", root)
    settings = Settings(
        project=given.text("project", *names.PROJECT),
        contract=load_contract(root / "config" / "dataset.yaml"),
        code=code_keys(root),
        batch_inference=given.choice("batch_inference", "processing", "transform"),
        split=_split(given.section("split")),
        champion_tolerance=given.number("champion_tolerance", least=0),
        machines=_machines(given.section("machines")),
        tuning=_tuning(given.section("tuning"), hyperparameter_types()),
        hyperparameters=load_hyperparameters(root),
        cache_days=given.whole("cache_days", most=365),
        retries=_retries(given.section("retries")),
        tags=read_tags(given.section("tags")),
    )
    given.refuse_the_rest()
    return settings


def load_hyperparameters(root: Path) -> dict[str, int | float]:
    """Read config/hyperparameters.yaml: the value of each hyperparameter of train.py.

    Raises:
        UserError: a hyperparameter is missing, unknown, or no number of its type.
    """
    given = Section.of_file(root / "config" / "hyperparameters.yaml", root)
    values = {name: _value(given, name, name, whole=kind is int) for name, kind in hyperparameter_types().items()}
    given.refuse_the_rest()
    return values


def hyperparameter_types() -> dict[str, type]:
    """The hyperparameters of jobs/train.py, and whether each is an int or a float."""
    return {name: type(hyperparameter.default) for name, hyperparameter in HYPERPARAMETERS.items()}


def _split(given: Section) -> Split:
    seed, shares = given.whole("seed"), []
    for key in ("validation_share", "test_share"):
        share = given.number(key, least=0.05, most=0.9)
        if abs(share * 20 - round(share * 20)) > 1e-9:
            raise given.refusal(key, share, "a number of twentieths, for example 0.15")
        shares.append(share)
    if sum(shares) > 0.95:
        raise given.refusal("test_share", shares[1], "small enough to leave rows to train on, for example 0.15")
    given.refuse_the_rest()
    return Split(seed, *shares)


def _machines(given: Section) -> Machines:
    machines = Machines(
        processing=_machine(given.section("processing")),
        training=_machine(given.section("training")),
        inference=_machine(given.section("inference"), counted=True),
        monitoring=_machine(given.section("monitoring")),
    )
    given.refuse_the_rest()
    return machines


def _machine(given: Section, *, counted: bool = False) -> Machine:
    machine = Machine(
        instance_type=given.text(
            "instance_type", r"ml\.[a-z0-9-]+\.[a-z0-9]+", "an instance type of SageMaker, for example ml.m5.large"
        ),
        volume_gb=given.whole("volume_gb", least=1, most=16384),
        max_minutes=given.whole("max_minutes", least=1, most=5 * 24 * 60),  # what AWS grants where one has not asked
        instance_count=given.whole("instance_count", least=1, most=100) if counted else 1,
    )
    if instance_types.has_local_storage(machine.instance_type):
        raise given.refusal("instance_type", machine.instance_type, instance_types.WITHOUT)
    given.refuse_the_rest()
    return machine


def _tuning(given: Section, known: Mapping[str, type]) -> Tuning:
    tuning = Tuning(
        strategy=given.choice("strategy", "Bayesian", "Random"),
        jobs=given.whole("jobs", least=1, most=750),
        parallel_jobs=given.whole("parallel_jobs", least=1, most=100),
        early_stopping=given.choice("early_stopping", "Auto", "Off"),
        ranges=_ranges(given.section("ranges"), known),
    )
    if tuning.parallel_jobs > tuning.jobs:
        raise given.refusal("parallel_jobs", tuning.parallel_jobs, f"at most jobs, which is {tuning.jobs}")
    given.refuse_the_rest()
    return tuning


def _ranges(given: Section, known: Mapping[str, type]) -> tuple[Range, ...]:
    names = given.names
    for name in names:
        if name not in known or name not in TUNABLE:
            what = "hyperparameter of train.py" if name not in known else "hyperparameter that SageMaker's image tunes"
            raise given.unknown(name, what, [tunable for tunable in known if tunable in TUNABLE])
    if not names:
        raise UserError("config/pipelines.yaml: tuning.ranges is empty; name at least one hyperparameter to search")
    return tuple(_range(name, given.section(name), known[name]) for name in names)


def _range(name: str, given: Section, kind: type) -> Range:
    type_ = given.choice("type", TUNABLE[name])
    if type_ == "continuous" and kind is int:
        raise given.refusal("type", type_, f"that of train.py, where {name} is whole: give it a point there, as in 1.0")
    numbers = {key: _value(given, key, name, whole=type_ == "integer") for key in ("min", "max")}
    low, high = numbers["min"], numbers["max"]
    scaling = "Auto"
    if "scaling" in given.names:
        scaling = given.choice("scaling", "Auto", "Linear", "Logarithmic", "ReverseLogarithmic")
    if low >= high:
        raise given.refusal("max", high, f"above min, which is {low}")
    if scaling == "Logarithmic" and low <= 0:
        raise given.refusal("min", low, "above 0 on the scale Logarithmic")
    if scaling == "ReverseLogarithmic" and (type_ == "integer" or not 0 <= low < high < 1):
        raise given.refusal("scaling", scaling, "another one: this is for continuous ranges from 0 to below 1")
    given.refuse_the_rest()
    return Range(name, type_, (str(low), str(high)), scaling)


def _value(given: Section, key: str, name: str, *, whole: bool) -> int | float:
    """A value that XGBoost takes for the hyperparameter of a name."""
    hyperparameter = HYPERPARAMETERS[name]
    least, most = hyperparameter.min, hyperparameter.max
    if whole:
        return given.whole(key, least=int(max(least, 0)), most=None if most == math.inf else int(most))
    return given.number(key, least=least, most=most)


def _retries(given: Section) -> Retries:
    retries = Retries(
        max_attempts=given.whole("max_attempts", least=1, most=20),
        first_wait_seconds=given.whole("first_wait_seconds", least=1, most=3600),
        backoff_rate=given.number("backoff_rate", least=1, most=10),
    )
    given.refuse_the_rest()
    return retries
