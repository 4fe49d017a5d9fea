"""The picture in the generated docs matches the applied resources."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stacks import Stack
from support import ROOT

pytestmark = [pytest.mark.terraform, pytest.mark.xdist_group("infrastructure")]


def test_the_picture_in_the_docs_shows_the_applied_resources(shop: Stack, tmp_path: Path) -> None:
    state, definitions = tmp_path / "state.json", tmp_path / "definitions"
    state.write_text(json.dumps(shop.terraform.state()), encoding="utf-8")
    compiling = [sys.executable, "-m", "mlops_kit", "compile", "--output", str(definitions)]
    subprocess.run(compiling, cwd=shop.project, check=True, capture_output=True)
    drawing = [sys.executable, str(ROOT / "docs" / "draw_architecture.py"), str(state), str(definitions), "--check"]
    drawn = subprocess.run(drawing, capture_output=True, text=True, check=False)
    assert (drawn.returncode, drawn.stderr) == (0, "")
