"""One tree, two engines: the same answers produce the same project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from combinations import PAIRWISE, TOGGLED, name
from support import ENGINES, Bake, snapshot


@pytest.fixture(scope="module")
def template(small_template: Path) -> Path:
    """No answer changes the files that are missing here; test_tree.py compares the whole tree once."""
    return small_template


@pytest.mark.parametrize("answers", [*PAIRWISE, *TOGGLED], ids=name)
def test_both_engines_write_the_same_bytes_and_modes(bake: Bake, answers: dict[str, Any]) -> None:
    by_cookiecutter, by_copier = (snapshot(bake(engine, **answers)) for engine in ENGINES)
    assert by_cookiecutter == by_copier


@pytest.mark.parametrize("engine", ENGINES)
def test_the_answers_file_holds_every_answer(bake: Bake, template: Path, engine: str) -> None:
    answers = {**PAIRWISE[0], "project_name": "Größe", "project_slug": "groesse", "header": False}
    recorded = yaml.safe_load((bake(engine, **answers) / ".copier-answers.yml").read_text("utf-8"))
    assert recorded == {"_commit": None, "_src_path": str(template), **answers}
