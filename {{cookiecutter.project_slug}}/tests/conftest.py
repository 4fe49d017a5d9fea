"""Fixtures: the project's own contract, and projects trained on sample data, made once for all tests."""

from __future__ import annotations

import os
from collections.abc import Callable

# Before the model's library is imported: on a few hundred rows its threads mostly wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Before the SageMaker SDK is imported: it needs a region, though nothing is sent there.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

import pytest
from hypothesis import HealthCheck, settings
from mlops_jobs.artifact import Model
from mlops_jobs.contract import Contract, parse_contract
from support import CONTRACTS, Project, contract_of, make_project, own_contract_text, train_model

settings.register_profile(
    "same examples each time",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("same examples each time")


@pytest.fixture(scope="session")
def own_contract() -> Contract:
    """The contract of this project, as it stands in config/dataset.yaml."""
    return parse_contract(own_contract_text())


@pytest.fixture(scope="session")
def project_named(own_contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Project]:
    """Trained projects by name: `own`, and one for each contract of the tests."""
    made: dict[str, Project] = {}

    def named(name: str) -> Project:
        if name not in made:
            contract = own_contract if name == "own" else contract_of(name)
            made[name] = make_project(contract, tmp_path_factory.mktemp(name))
        return made[name]

    return named


@pytest.fixture(scope="session", params=["own", *CONTRACTS])
def project(request: pytest.FixtureRequest, project_named: Callable[[str], Project]) -> Project:
    """A trained project: the own one, then one of each problem type."""
    return project_named(request.param)


@pytest.fixture(scope="session")
def model(project: Project) -> Model:
    """The project's model."""
    return train_model(project.folder)
