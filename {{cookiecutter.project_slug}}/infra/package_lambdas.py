#!/usr/bin/env python3
"""Pack each folder under lambdas/ into infra/build/<folder>.zip, for Terraform to bring to AWS.

The same files give the same bytes, on every machine and at every time: Terraform goes by the hash of a package, and
brings only what has changed. Nothing is compressed, since compressors differ from one release to the next.
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIXED_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can tell
READABLE = 0o644 << 16  # a plain file that everybody may read, where zip keeps the mode
UNIX = 3


def package_all(lambdas: Path, build: Path) -> list[Path]:
    """Write the package of each function, and remove those of functions that are gone.

    Args:
        lambdas: the folder that holds a folder for each function.
        build: where the packages go; made where it is not there.

    Returns:
        The packages, by name.

    Raises:
        FileNotFoundError: a folder has no handler.py, which AWS Lambda calls.
    """
    build.mkdir(parents=True, exist_ok=True)
    folders = sorted(path for path in lambdas.iterdir() if path.is_dir() and not path.name.startswith(("_", ".")))
    packages = [package(folder, build / f"{folder.name}.zip") for folder in folders]
    for gone in set(build.glob("*.zip")) - set(packages):
        gone.unlink()
    return packages


def package(folder: Path, target: Path) -> Path:
    """Write one function's package, and say where.

    Raises:
        FileNotFoundError: there is no handler.py in the folder.
    """
    if not (folder / "handler.py").is_file():
        raise FileNotFoundError(f"{folder}: there is no handler.py; write one with a function `handler`, or remove it")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
            if path.is_file() and "__pycache__" not in path.parts:
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), FIXED_TIME)
                entry.external_attr, entry.create_system = READABLE, UNIX
                archive.writestr(entry, path.read_bytes())
    return target


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Pack the Lambda functions.")
    parser.add_argument("--build", metavar="FOLDER", type=Path, default=ROOT / "infra" / "build", help="where to")
    for written in package_all(ROOT / "lambdas", parser.parse_args().build):
        print(written)


if __name__ == "__main__":
    main()
