"""Choose the drift of a rehearsal: one in which the approved model misses the threshold of the project's own metric.

The project's jobs measure it, predict.py and model_quality.py, as the inference pipeline does. So it holds for any
metric of jobs/metrics.py, any model, and any way from scores to predictions.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from mlops_jobs.contract import Contract
from mlops_jobs.errors import UserError
from mlops_kit.aws.environment import Environment
from mlops_kit.aws.registry import APPROVED, summaries
from mlops_kit.data.data_files import held_out_files
from mlops_kit.data.drifted_sample import World, worlds, write_drifted_sample
from mlops_kit.project import Project
from mlops_kit.runner.processes.process import ONE_THREAD

ROWS, LABELS, TRAINING = "inference-data.csv", "ground-truth.csv", "training-data.csv"
MISSED = "VIOLATION"
# Both jobs in one interpreter, whose start takes longer than they do
_BOTH = """
import runpy, sys
for script, arguments in (("predict.py", sys.argv[1:7]), ("model_quality.py", sys.argv[7:])):
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")
"""


class Drifting:
    """Writes the drifted sample of a project.

    Args:
        project: the project.
        contract: its contract.
        folder: the folder of the drifted sample, which is written anew.
        threshold: of the rehearsal; None for the contract's.
    """

    def __init__(self, project: Project, contract: Contract, folder: Path, threshold: float | None = None) -> None:
        self._project, self._contract, self._folder, self._threshold = project, contract, folder, threshold

    def write_worsening(self, environment: Environment) -> World:
        """Write the first sample that the latest approved model mispredicts."""
        scratch = self._folder.with_name(f"{self._folder.name}.judged")
        shutil.rmtree(scratch, ignore_errors=True)
        _download_model(environment, scratch / "model")
        return self.write_worse_for(scratch / "model", scratch)

    def write_worse_for(self, model: Path, scratch: Path) -> World:
        """Write the first sample that a model mispredicts, or the first one where there is none.

        Args:
            model: the folder with its model.tar.gz, or with the files.
            scratch: a folder for what the jobs write.
        """
        for world in worlds(self._contract):
            self._write(world)
            if self._is_missed(scratch / str(world), model):
                return world
        return self._write(worlds(self._contract)[0])

    def _write(self, world: World) -> World:
        data = self._project.data
        test_files = held_out_files(data, self._contract.split)
        write_drifted_sample(self._contract, data / TRAINING, self._folder, test_files, world)
        return world

    def _is_missed(self, work: Path, model: Path) -> bool:
        """Whether the model misses the threshold; False where a job refuses the rows, as a logarithm may."""
        for name in (ROWS, LABELS):
            (work / name).mkdir(parents=True)
            shutil.copy(self._folder / name, work / name)
        predict = ["--input-dir", work / ROWS, "--model-dir", model, "--output-dir", work / "predictions"]
        judge = ["--predictions-dir", work / "predictions", "--labels-dir", work / LABELS, "--output-dir", work]
        given = [] if self._threshold is None else ["--threshold", self._threshold]
        arguments = [*predict, *judge, "--contract", self._project.contract, *given]
        with (work / "log.txt").open("wb") as log:
            done = subprocess.run(
                [sys.executable, "-c", _BOTH, *map(str, arguments)],
                cwd=self._project.jobs,
                env={**os.environ, **ONE_THREAD, "PYTHONPATH": str(self._project.jobs)},
                stdout=log,
                stderr=log,
                check=False,
            )
        return done.returncode == 0 and json.loads((work / "verdict.json").read_text("utf-8"))["verdict"] == MISSED


def _download_model(environment: Environment, folder: Path) -> None:
    approved = summaries(environment, APPROVED)
    if not approved:
        raise UserError("no version of the model is approved, so there is none whose predictions could drift")
    package = environment.client("sagemaker").describe_model_package(ModelPackageName=approved[0]["ModelPackageArn"])
    uri = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    folder.mkdir(parents=True)
    environment.client("s3").download_file(bucket, key, str(folder / "model.tar.gz"))
