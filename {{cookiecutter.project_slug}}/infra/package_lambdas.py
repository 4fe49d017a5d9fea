#!/usr/bin/env python3
"""Package each folder under lambdas/ as infra/build/<folder>.zip, which Terraform uploads to AWS.

The same files give the same bytes on every machine: Terraform compares the hashes of packages, and uploads only what
has changed. Nothing is compressed, because compressors differ from release to release.
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIXED_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can store
READABLE = 0o644 << 16  # a regular file that everybody may read; zip stores the mode in the upper half
UNIX = 3


def package_all(lambdas: Path, build: Path) -> list[Path]:
    """Write the package of each function, and remove the packages of deleted functions.

    Args:
        lambdas: the folder with a folder for each function.
        build: the folder for the packages; created if missing.

    Returns:
        The packages, by name.

    Raises:
        FileNotFoundError: a folder has no handler.py.
    """
    build.mkdir(parents=True, exist_ok=True)
    folders = sorted(path for path in lambdas.iterdir() if path.is_dir() and not path.name.startswith(("_", ".")))
    packages = [package(folder, build / f"{folder.name}.zip") for folder in folders]
    for outdated in set(build.glob("*.zip")) - set(packages):
        outdated.unlink()
    return packages


def package(folder: Path, target: Path) -> Path:
    """Write one function's package, and return its path.

    Raises:
        FileNotFoundError: the folder has no handler.py.
    """
    if not (folder / "handler.py").is_file():
        raise FileNotFoundError(f"{folder} has no handler.py: add one with a function `handler`, or remove the folder")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
            if path.is_file() and "__pycache__" not in path.parts:
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), FIXED_TIME)
                entry.external_attr, entry.create_system = READABLE, UNIX
                archive.writestr(entry, path.read_bytes())
    return target


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Package the Lambda functions.")
    parser.add_argument(
        "--build", metavar="FOLDER", type=Path, default=ROOT / "infra" / "build", help="for the packages"
    )
    for written in package_all(ROOT / "lambdas", parser.parse_args().build):
        print(written)


if __name__ == "__main__":
    main()
