"""A clean copy of the template, and one way to make a project with either engine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml
from hypothesis import HealthCheck, settings
from pytest_cookies.plugin import Cookies

from support import Bake, clean_copy, keep_what_answers_change

# The same examples on every run and machine. A project takes longer than Hypothesis expects of an example.
settings.register_profile(
    "template",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("template")


@pytest.fixture(scope="session", autouse=True)
def bare_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide the user's own settings from git and both engines, and give git somebody to commit as."""
    home = tmp_path_factory.mktemp("home")
    config = home / "cookiecutter.yml"
    config.write_text(yaml.safe_dump({"cookiecutters_dir": str(home / "clones"), "replay_dir": str(home / "replay")}))
    trust = home / "copier.yml"
    trust.write_text("trust: []\n")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            patch.delenv(name)  # a git hook that runs the tests sets GIT_DIR
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "Ada")
            patch.setenv(f"GIT_{role}_EMAIL", "ada@example.com")
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("COOKIECUTTER_CONFIG", str(config))
        patch.setenv("COPIER_SETTINGS_PATH", str(trust))
        patch.setenv("COPIER_CACHE_DIR", str(home / "mirrors"))
        yield


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, bare_machine: None) -> Path:
    """A copy of the template as git would hand it out."""
    return clean_copy(tmp_path_factory.mktemp("template") / "cookiecutter-sagemaker-mlops")


@pytest.fixture(scope="session")
def small_template(tmp_path_factory: pytest.TempPathFactory, bare_machine: None) -> Path:
    """A copy without the files that are the same in every project: it generates in a fraction of the time."""
    return keep_what_answers_change(clean_copy(tmp_path_factory.mktemp("small") / "cookiecutter-sagemaker-mlops"))


@pytest.fixture
def bake(template: Path, cookies: Cookies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bake:
    """Make a project with one of the engines from the given answers, or raise what it raises."""
    # pytest-cookies renders the answers once by itself, before Cookiecutter makes the template importable.
    monkeypatch.syspath_prepend(template)
    monkeypatch.delitem(sys.modules, "cookiecutter_rules", raising=False)
    numbers = count(1)

    def bake(engine: str, **answers: Any) -> Path:
        if engine == "cookiecutter":
            result = cookies.bake(extra_context=answers, template=str(template))
            if result.exception:
                raise result.exception
            return Path(result.project_path)
        project = tmp_path / "copier" / f"bake{next(numbers):02d}" / "project"
        copier.run_copy(str(template), project, data=answers, defaults=True, quiet=True)
        return project

    return bake
