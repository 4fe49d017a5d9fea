"""The notebook runs from start to end in a new project, and is committed without outputs."""

import json

import matplotlib
import matplotlib.pyplot as plt
from support import ROOT

NOTEBOOK = ROOT / "notebooks" / "explore.ipynb"


def cells():
    return [cell for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_trains_a_model_and_draws_it(monkeypatch, capsys):
    monkeypatch.chdir(NOTEBOOK.parent)
    matplotlib.use("Agg")
    variables = {}
    for cell in cells():
        exec(compile("".join(cell["source"]), NOTEBOOK.name, "exec"), variables)  # noqa: S102 - the project's own
    assert variables["evaluation"]["metric"] == variables["contract"].metric
    assert f"{variables['contract'].metric}: " in capsys.readouterr().out
    assert plt.get_fignums()
    plt.close("all")


def test_the_notebook_holds_no_outputs():
    assert [cell for cell in cells() if cell["outputs"] or cell["execution_count"]] == []
