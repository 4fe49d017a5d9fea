"""The model artifact: model, preprocessor, contract and code in a folder, or in the model.tar.gz SageMaker packs of it.

An estimator as jobs/model.py defines it is one of the files: of its library nothing is known here.
"""

from __future__ import annotations

import json
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import mlops_jobs
from mlops_jobs.contract import Contract, parse_contract
from mlops_jobs.decision import FILE as DECISION
from mlops_jobs.decision import Decision
from mlops_jobs.errors import UserError
from mlops_jobs.estimator import BaseEstimator
from mlops_jobs.outputs import Outputs
from mlops_jobs.own_features import FILE, OwnFeatures
from mlops_jobs.preprocessor import Preprocessor, load_preprocessor
from mlops_jobs.scores import Scores, decide, decide_from

PREPROCESSOR = "preprocessor.json"
CONTRACT = "dataset.yaml"
CODE = "code"
ARCHIVE = "model.tar.gz"
RECORD = "training.json"  # how the model was trained


class OtherEstimatorError(UserError):
    """An artifact is whole but for the file of this estimator: another jobs/model.py trained it."""


@dataclass(frozen=True)
class Model:
    """A trained estimator, what its features are made with, the contract of its rows, and its decision threshold."""

    estimator: BaseEstimator
    preprocessor: Preprocessor
    contract: Contract
    decision: Decision | None = None

    def score(self, features: np.ndarray) -> Scores:
        """Predict from features as the preprocessor makes them; shape (n, features)."""
        raw = self.estimator.predict(features)
        if not self.contract.is_classification:
            return Scores(raw)
        probabilities = np.column_stack([1 - raw, raw]) if raw.ndim == 1 else raw
        if self.decision:
            return Scores(decide_from(self.decision.threshold, probabilities[:, 1]), probabilities)
        return Scores(decide(probabilities), probabilities)


def model_files(folder: Path, estimator: type[BaseEstimator], scripts: Path) -> list[Path]:
    """What an earlier run may have left of an artifact in a folder; `scripts` is the folder of the jobs."""
    code = (f"{CODE}/{name}" for name in _sources(scripts))
    names = (estimator.FILE, PREPROCESSOR, CONTRACT, DECISION, FILE, ARCHIVE, *code)
    return [folder / name for name in names]


def save_model(outputs: Outputs, folder: Path, model: Model, scripts: Path) -> None:
    """Write estimator, preprocessor, contract, and the code that batch transform serves them with, into a folder."""
    outputs.path(folder / model.estimator.FILE).write_bytes(model.estimator.to_bytes())
    outputs.write_text(folder / PREPROCESSOR, model.preprocessor.to_json())
    outputs.write_text(folder / CONTRACT, model.contract.to_yaml())
    if model.decision:
        outputs.write_text(folder / DECISION, model.decision.to_json())
    if own_features := model.preprocessor.own_features.source:
        outputs.write_text(folder / FILE, own_features)
    for name, source in _sources(scripts).items():
        outputs.path(folder / CODE / name).write_bytes(source.read_bytes())


def load_model(folder: str | Path, estimator: type[BaseEstimator]) -> Model:
    """Read a whole artifact, whose estimator is of this class.

    Raises:
        OtherEstimatorError: the folder holds none of this estimator.
        UserError: the folder does not hold one, or its parts do not fit one another.
    """
    contract, preprocessor = load_fitted(folder)
    try:
        data = read_member(folder, estimator.FILE)
    except UserError as error:
        raise OtherEstimatorError(f"{error}; jobs/model.py reads no other") from error
    try:
        loaded = estimator.from_bytes(data)
    except Exception as error:  # each library raises its own
        raise UserError(f"{folder}: jobs/model.py cannot read {estimator.FILE}; train again with train.py") from error
    try:
        loaded.predict(np.zeros((1, len(preprocessor.features)), dtype=np.float32))
    except Exception as error:
        raise UserError(
            f"{folder}: {estimator.FILE} was trained on other columns than {PREPROCESSOR} has; "
            "train again with train.py"
        ) from error
    return Model(loaded, preprocessor, contract, _decision(folder) if contract.decision else None)


def load_fitted(folder: str | Path) -> tuple[Contract, Preprocessor]:
    """Read contract and preprocessor, from an artifact or from what `preprocess.py fit` learned.

    Raises:
        UserError: the folder does not hold them, or they do not fit one another.
    """
    contract, preprocessor = read_member(folder, CONTRACT), read_member(folder, PREPROCESSOR)
    try:
        parsed = parse_contract(contract.decode("utf-8", errors="replace"))
        source = read_member(folder, FILE).decode() if parsed.added else ""
        return parsed, load_preprocessor(preprocessor, parsed, OwnFeatures(parsed, source))
    except UserError as error:
        raise UserError(f"{folder}: {error}") from error


def read_member(folder: str | Path, name: str) -> bytes:
    """The bytes of one file of the artifact. Nothing is unpacked to disk, so an archive cannot write anywhere.

    Raises:
        UserError: the folder holds no such file, or an archive that cannot be read.
    """
    folder = Path(folder)
    try:
        if (folder / ARCHIVE).is_file():
            with tarfile.open(folder / ARCHIVE) as archive:
                for spelling in (name, f"./{name}"):
                    if spelling in archive.getnames() and (file := archive.extractfile(spelling)):
                        return file.read()
            raise FileNotFoundError(name)
        return (folder / name).read_bytes()
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise UserError(
            f"{folder}: holds no {name}, neither as a file nor in a {ARCHIVE}; give the folder of a trained model"
        ) from error


def read_record(folder: str | Path) -> dict[str, Any]:
    """How the model was trained: hyperparameters, and numbers such as the metric; empty if train.py wrote no record."""
    try:
        content = json.loads(read_member(folder, RECORD))
    except (UserError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _decision(folder: str | Path) -> Decision:
    try:
        return Decision.from_json(read_member(folder, DECISION))
    except UserError as error:
        raise error if str(folder) in str(error) else UserError(f"{folder}: {error}") from error


def _sources(scripts: Path) -> dict[str, Path]:
    """The scripts of a folder and the job library, by path; not the setup.py that a training container writes."""
    found = {path.name: path for path in sorted(scripts.glob("*.py")) if path.name != "setup.py"}
    library = Path(mlops_jobs.__file__).parent
    return found | {f"{library.name}/{path.name}": path for path in sorted(library.glob("*.py"))}
