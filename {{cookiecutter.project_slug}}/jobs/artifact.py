"""The model artifact: model, preprocessor and contract in one folder, or in the model.tar.gz SageMaker packs of it."""

from __future__ import annotations

import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xgboost as xgb

from contract import Contract, parse_contract
from errors import JobError
from metrics import Scores
from outputs import Outputs
from preprocessor import Preprocessor, load_preprocessor

MODEL = "model.ubj"  # XGBoost's own binary JSON
PREPROCESSOR = "preprocessor.json"
CONTRACT = "dataset.yaml"
ARCHIVE = "model.tar.gz"


@dataclass(frozen=True)
class Model:
    """A trained model with all it needs to predict from raw rows."""

    booster: xgb.Booster
    preprocessor: Preprocessor
    contract: Contract

    def score(self, features: np.ndarray) -> Scores:
        """Predict from features as the preprocessor makes them; shape (n, features)."""
        raw = self.booster.inplace_predict(features)
        if not self.contract.is_classification:
            return Scores(raw)
        probabilities = np.column_stack([1 - raw, raw]) if raw.ndim == 1 else raw
        return Scores(probabilities.argmax(axis=1), probabilities)


def save_artifact(outputs: Outputs, folder: str | Path, model: Model) -> None:
    """Write model, preprocessor and contract into a folder."""
    folder = Path(folder)
    outputs.path(folder / MODEL).write_bytes(model.booster.save_raw(raw_format="ubj"))
    outputs.write_text(folder / PREPROCESSOR, model.preprocessor.to_json())
    outputs.write_text(folder / CONTRACT, model.contract.to_yaml())


def load_fitted(folder: str | Path) -> tuple[Contract, Preprocessor]:
    """Read contract and preprocessor, from an artifact or from what `preprocess.py fit` learned.

    Raises:
        JobError: the folder does not hold them, or they do not fit one another.
    """
    contract, preprocessor = _member(folder, CONTRACT), _member(folder, PREPROCESSOR)
    try:
        parsed = parse_contract(contract.decode("utf-8", errors="replace"))
        return parsed, load_preprocessor(preprocessor, parsed)
    except JobError as error:
        raise JobError(f"{folder}: {error}") from error


def load_model(folder: str | Path) -> Model:
    """Read a whole artifact.

    Raises:
        JobError: the folder does not hold one, or its parts do not fit one another.
    """
    contract, preprocessor = load_fitted(folder)
    booster = xgb.Booster()
    try:
        booster.load_model(bytearray(_member(folder, MODEL)))
    except xgb.core.XGBoostError as error:
        raise JobError(f"{folder}: {MODEL} is no XGBoost model; train again with train.py") from error
    if booster.num_features() != len(preprocessor.features):
        raise JobError(
            f"{folder}: {MODEL} was trained on other columns than {PREPROCESSOR} has; train again with train.py"
        )
    return Model(booster, preprocessor, contract)


def _member(folder: str | Path, name: str) -> bytes:
    """The bytes of one file of the artifact. Nothing is unpacked to disk, so an archive cannot write anywhere."""
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
        raise JobError(
            f"{folder}: holds no {name}, neither as a file nor in a {ARCHIVE}; give the folder of a trained model"
        ) from error
