"""Programs that look over a generated project, in a virtual environment of their own: build/tools.

The first test that needs one installs them all, once for each set of pins. Where that cannot be done a test is skipped
and says why; with REQUIRE_TERRAFORM=1, as in .ci/run, it fails.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from functools import cache
from pathlib import Path

from support import ROOT, do_without
from terraform import SWITCH, locked

PINS = ROOT / "requirements-tools.txt"
FOLDER = ROOT / "build" / "tools"
INSTALLED = FOLDER / PINS.name  # the pins that were installed, as in the Makefile


@cache
def tool(name: str) -> Path:
    """The path of a program of requirements-tools.txt, or of that environment's python; skips where there is none."""
    with locked(FOLDER.with_suffix(".lock")):
        if not INSTALLED.is_file() or INSTALLED.read_bytes() != PINS.read_bytes():
            _install()
    return FOLDER / "bin" / name


def _install() -> None:
    venv.create(FOLDER, clear=True, with_pip=True)
    pip = [str(FOLDER / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "-r", str(PINS)], capture_output=True, text=True)
    if done.returncode:
        do_without(f"the programs of {PINS.name} cannot be installed for {sys.executable}\n{done.stderr}", SWITCH)
    INSTALLED.write_bytes(PINS.read_bytes())
