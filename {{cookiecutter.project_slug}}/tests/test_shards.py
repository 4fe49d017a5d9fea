"""Instances that share the files of a folder: each gets some of them, and one may get none."""

import pytest
from support import apply_arguments, files_in, predict_arguments, put, quality_arguments, refusal

import predict
import preprocess
import quality_input

JOBS = {"apply": preprocess.main, "apply to lines": preprocess.main, "predict": predict.main}
JOBS["quality input"] = quality_input.main


def arguments(job, project, inputs, out):
    """A job's arguments; predictions lie beside the inputs."""
    if job == "quality input":
        return quality_arguments(project, inputs, inputs.parent / "predictions", out)
    if job == "predict":
        return predict_arguments(inputs, project / "model", out)
    return apply_arguments(inputs, project / "model", out, "--format", "csv" if job == "apply to lines" else "parquet")


@pytest.mark.parametrize("job", JOBS)
def test_an_instance_without_a_file_succeeds_and_writes_nothing(project_named, tmp_path, capsys, job):
    put(tmp_path / "in" / ".gitkeep", "")
    JOBS[job]([*arguments(job, project_named("prices"), tmp_path / "in", tmp_path / "out"), "--sharded"])
    assert capsys.readouterr().out.splitlines()[-1] == "rows: 0"
    assert files_in(tmp_path) == [tmp_path / "in" / ".gitkeep"]


@pytest.mark.parametrize("job", JOBS)
def test_an_instance_without_a_folder_succeeds_too(project_named, tmp_path, capsys, job):
    JOBS[job]([*arguments(job, project_named("prices"), tmp_path / "in", tmp_path / "out"), "--sharded"])
    assert capsys.readouterr().out.splitlines()[-1] == "rows: 0"
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("job", JOBS)
def test_an_instance_of_its_own_needs_a_folder(project_named, tmp_path, job):
    alone = arguments(job, project_named("prices"), tmp_path / "in", tmp_path / "out")
    assert "is not a folder" in refusal(JOBS[job], alone, tmp_path / "out")


@pytest.mark.parametrize("job", JOBS)
def test_an_instance_of_its_own_needs_a_file(project_named, tmp_path, job):
    put(tmp_path / "in" / ".gitkeep", "")
    alone = arguments(job, project_named("prices"), tmp_path / "in", tmp_path / "out")
    assert "put the data there or give another folder" in refusal(JOBS[job], alone, tmp_path / "out")


@pytest.mark.parametrize("job", JOBS)
def test_a_shard_is_held_to_the_same_rules(project_named, tmp_path, job):
    shard = [*arguments(job, project_named("prices"), tmp_path / "in", tmp_path / "out"), "--sharded"]
    put(tmp_path / "in" / "rows.txt", "1\n")
    assert "rows.txt: is not a .csv" in refusal(JOBS[job], shard, tmp_path / "out")


@pytest.mark.parametrize("job", JOBS)
def test_instances_that_share_the_files_make_what_one_makes_alone(project_named, tmp_path, job):
    project = project_named("churn")
    for name, rows in (("a", 2), ("b", 1), ("c", 3)):
        for folder in ("whole", "first" if name == "a" else "second"):
            put(tmp_path / folder / f"{name}.csv", "".join(f"{row}.5\n" for row in range(rows)))
    predict.main(predict_arguments(tmp_path / "whole", project / "model", tmp_path / "predictions"))
    for shard, out in (("whole", "alone"), ("first", "together"), ("second", "together")):
        JOBS[job]([*arguments(job, project, tmp_path / shard, tmp_path / out), "--sharded"])
    alone, together = (
        {path.name: path.read_bytes() for path in files_in(tmp_path / out)} for out in ("alone", "together")
    )
    assert len(alone) == 3
    assert together == alone
