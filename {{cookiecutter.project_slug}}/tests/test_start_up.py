"""A job starts fast: it imports only what it works with, since each run is a process of its own."""

import subprocess
import sys

import pytest
from support import ROOT

NEEDLESS = {
    "mlops_jobs.contract": ("numpy", "pyarrow", "pandas", "sklearn", "xgboost", "matplotlib"),
    "preprocess": ("pandas", "sklearn", "xgboost", "matplotlib"),
    "quality_input": ("pandas", "sklearn", "xgboost", "matplotlib"),
    "model_quality": ("xgboost", "matplotlib"),
    "predict": ("metrics", "matplotlib"),
    "inference": ("metrics", "matplotlib"),
    "train": ("matplotlib",),
}


@pytest.mark.parametrize("module", NEEDLESS)
def test_importing_it_imports_nothing_that_it_does_not_need(module):
    code = f"import sys, {module}; print(*set(sys.modules) & set({NEEDLESS[module]}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "jobs", check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
