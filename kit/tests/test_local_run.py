"""`mlops local run` runs a definition of no project, or lists everything in it that the local cloud cannot run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops_jobs.errors import UserError
from mlops_kit.cli.main import main
from pipeline_harness import condition, equals, fail


def test_one_message_lists_everything_and_nothing_runs(tmp_path: Path) -> None:
    earlier = tmp_path / ".local" / "executions" / "earlier"
    earlier.mkdir(parents=True)
    steps = [
        {"Name": "Spark", "Type": "EMR", "Arguments": {}},
        {"Name": "Clean", "Type": "Processing", "Arguments": {"ProcessingInputs": [{"InputName": "data"}]}},
        condition("Choose", {"Type": "Resembles"}, then=[fail("Stop", {"Get": "Parameters.Reason"})]),
        {"Name": "Count", "Type": "Lambda", "Arguments": {}, "FunctionArn": "count"},
        fail("End", {"Std:Split": "a"}),
    ]
    path = tmp_path / "definition.json"
    path.write_text(json.dumps({"Version": "2020-12-01", "Steps": steps}), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        main(["local", "run", str(path)], tmp_path)
    first, *lines = str(caught.value).splitlines()
    assert first == f"{path}: the local cloud cannot run this definition, and nothing has run:"
    places = ["Spark: Type", "Clean: Arguments.AppSpecification", "Clean: Arguments.ProcessingInputs[0]"]
    places += ["Choose: Arguments.Conditions[0].Type", "Stop: Arguments.ErrorMessage", "Count: FunctionArn"]
    places += ["End: Arguments.ErrorMessage"]
    for place in places:
        assert sum(line.startswith(f"- {place}") for line in lines) == 1, place
    assert len(lines) == len(places)
    assert earlier.is_dir(), "a refusal leaves the results of earlier runs"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"Steps": {}}'])
def test_a_file_that_is_not_a_definition_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "definition.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"Pipeline\.definition\(\)"):
        main(["local", "run", str(path)], tmp_path)


def test_a_supported_definition_runs_with_its_parameters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {"Name": "Rows", "Type": "Integer", "DefaultValue": 1}
    few = condition("Few", equals({"Get": "Parameters.Rows"}, 1), otherwise=[fail("Many", "too many rows")])
    path = tmp_path / "few.json"
    path.write_text(json.dumps({"Version": "2020-12-01", "Parameters": [rows], "Steps": [few]}), encoding="utf-8")
    main(["local", "run", str(path)], tmp_path)
    assert "The outputs: " in capsys.readouterr().out
    with pytest.raises(UserError, match="the execution failed: Many: too many rows"):
        main(["local", "run", str(path), "--param", "Rows=2"], tmp_path)
