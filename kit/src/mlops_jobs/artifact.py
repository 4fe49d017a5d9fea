"""The model artifact: model, preprocessor, contract and code in a folder, or in the model.tar.gz SageMaker packs of it.

Here are its names, and what can be read of it without XGBoost; model.py has the rest.
"""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path

from mlops_jobs.contract import Contract, parse_contract
from mlops_jobs.errors import UserError
from mlops_jobs.own_features import FILE, OwnFeatures
from mlops_jobs.preprocessor import Preprocessor, load_preprocessor

MODEL = "model.ubj"  # XGBoost's own binary JSON
PREPROCESSOR = "preprocessor.json"
CONTRACT = "dataset.yaml"
CODE = "code"
ARCHIVE = "model.tar.gz"


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
