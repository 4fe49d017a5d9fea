"""A trained model with all it needs to predict from raw rows, and to serve itself in a batch transform."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mlops_jobs
import numpy as np
import xgboost as xgb
from mlops_jobs.artifact import ARCHIVE, CODE, CONTRACT, MODEL, PREPROCESSOR, load_fitted, read_member
from mlops_jobs.contract import Contract
from mlops_jobs.errors import UserError
from mlops_jobs.outputs import Outputs
from mlops_jobs.own_features import FILE as FEATURES
from mlops_jobs.preprocessor import Preprocessor
from mlops_jobs.scores import Scores


@dataclass(frozen=True)
class Model:
    """A trained model, what its features are made with, and the contract of its rows."""

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


def model_files(folder: Path) -> list[Path]:
    """What an earlier run may have left of an artifact in a folder."""
    names = (MODEL, PREPROCESSOR, CONTRACT, FEATURES, ARCHIVE, *(f"{CODE}/{name}" for name in _sources()))
    return [folder / name for name in names]


def save_model(outputs: Outputs, folder: str | Path, model: Model) -> None:
    """Write model, preprocessor, contract, and the code that batch transform serves them with, into a folder."""
    folder = Path(folder)
    outputs.path(folder / MODEL).write_bytes(model.booster.save_raw(raw_format="ubj"))
    outputs.write_text(folder / PREPROCESSOR, model.preprocessor.to_json())
    outputs.write_text(folder / CONTRACT, model.contract.to_yaml())
    if own_features := model.preprocessor.own_features.source:
        outputs.write_text(folder / FEATURES, own_features)
    for name, source in _sources().items():
        outputs.path(folder / CODE / name).write_bytes(source.read_bytes())


def load_model(folder: str | Path) -> Model:
    """Read a whole artifact.

    Raises:
        UserError: the folder does not hold one, or its parts do not fit one another.
    """
    contract, preprocessor = load_fitted(folder)
    booster = xgb.Booster()
    try:
        booster.load_model(bytearray(read_member(folder, MODEL)))
    except xgb.core.XGBoostError as error:
        raise UserError(f"{folder}: {MODEL} is not an XGBoost model; train again with train.py") from error
    if booster.num_features() != len(preprocessor.features):
        raise UserError(
            f"{folder}: {MODEL} was trained on other columns than {PREPROCESSOR} has; train again with train.py"
        )
    return Model(booster, preprocessor, contract)


def _sources() -> dict[str, Path]:
    """The scripts beside this one and the job library, by path; not the setup.py that a training container writes."""
    scripts = {path.name: path for path in sorted(Path(__file__).parent.glob("*.py")) if path.name != "setup.py"}
    library = Path(mlops_jobs.__file__).parent
    return scripts | {f"{library.name}/{path.name}": path for path in sorted(library.glob("*.py"))}
