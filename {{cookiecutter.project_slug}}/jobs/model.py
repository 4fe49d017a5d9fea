"""A trained model with all it needs to predict from raw rows, and to serve itself in a batch transform."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xgboost as xgb

from artifact import ARCHIVE, CODE, CONTRACT, MODEL, PREPROCESSOR, load_fitted, read_member
from contract import Contract
from errors import JobError
from outputs import Outputs
from preprocessor import Preprocessor
from scores import Scores


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
    names = (MODEL, PREPROCESSOR, CONTRACT, ARCHIVE, *(f"{CODE}/{source.name}" for source in _job_sources()))
    return [folder / name for name in names]


def save_model(outputs: Outputs, folder: str | Path, model: Model) -> None:
    """Write model, preprocessor, contract, and the code that batch transform serves them with, into a folder."""
    folder = Path(folder)
    outputs.path(folder / MODEL).write_bytes(model.booster.save_raw(raw_format="ubj"))
    outputs.write_text(folder / PREPROCESSOR, model.preprocessor.to_json())
    outputs.write_text(folder / CONTRACT, model.contract.to_yaml())
    for source in _job_sources():
        outputs.path(folder / CODE / source.name).write_bytes(source.read_bytes())


def load_model(folder: str | Path) -> Model:
    """Read a whole artifact.

    Raises:
        JobError: the folder does not hold one, or its parts do not fit one another.
    """
    contract, preprocessor = load_fitted(folder)
    booster = xgb.Booster()
    try:
        booster.load_model(bytearray(read_member(folder, MODEL)))
    except xgb.core.XGBoostError as error:
        raise JobError(f"{folder}: {MODEL} is no XGBoost model; train again with train.py") from error
    if booster.num_features() != len(preprocessor.features):
        raise JobError(
            f"{folder}: {MODEL} was trained on other columns than {PREPROCESSOR} has; train again with train.py"
        )
    return Model(booster, preprocessor, contract)


def _job_sources() -> list[Path]:
    """The scripts that lie beside this one, but for the setup.py that a training container puts there."""
    return sorted(path for path in Path(__file__).parent.glob("*.py") if path.name != "setup.py")
