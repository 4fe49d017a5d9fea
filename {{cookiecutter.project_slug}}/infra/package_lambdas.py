#!/usr/bin/env python3
"""Package each folder under lambdas/ as infra/build/<folder>.zip, which Terraform uploads to AWS.

The same files give the same bytes on every machine: Terraform compares the hashes of packages, and uploads only what
has changed. Nothing is compressed, because compressors differ from release to release.

Two things come from outside a function's folder:

- the modules of the job library that its code imports, for example the rule for what counts as data;
- for notify the team's texts in config/events.yaml, as texts.json: a function's environment variables may have 4 KB.
"""

from __future__ import annotations

import argparse
import json
import re
import zipfile
from pathlib import Path

import mlops_jobs
import yaml

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = Path(mlops_jobs.__file__).parent
IMPORT = re.compile(r"^\s*from mlops_jobs\.(\w+) import ", re.MULTILINE)
OTHER_IMPORT = re.compile(r"^\s*(import mlops_jobs\b.*|from mlops_jobs import .*)", re.MULTILINE)
FIXED_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can store
READABLE = 0o644 << 16  # a regular file that everybody may read; zip stores the mode in the upper half
UNIX = 3


def package_all(root: Path, build: Path) -> list[Path]:
    """Write the package of each function, and remove the packages of deleted functions.

    Args:
        root: the project.
        build: the folder for the packages; created if missing.

    Returns:
        The packages, by name.

    Raises:
        FileNotFoundError: a folder has no handler.py.
    """
    build.mkdir(parents=True, exist_ok=True)
    folders = sorted(
        path for path in (root / "lambdas").iterdir() if path.is_dir() and not path.name.startswith(("_", "."))
    )
    more = {"notify": {"texts.json": team_texts(root / "config" / "events.yaml")}}
    packages = [package(folder, build / f"{folder.name}.zip", more.get(folder.name, {})) for folder in folders]
    for outdated in set(build.glob("*.zip")) - set(packages):
        outdated.unlink()
    return packages


def package(folder: Path, target: Path, more: dict[str, bytes]) -> Path:
    """Write one function's package, and return its path.

    Args:
        folder: the function's.
        target: the package.
        more: the content of files that are not in the folder, by name.

    Raises:
        FileNotFoundError: the folder has no handler.py.
    """
    if not (folder / "handler.py").is_file():
        raise FileNotFoundError(f"{folder} has no handler.py: add one with a function `handler`, or remove the folder")
    own = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    files = {**own, **library_modules(own), **more}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, FIXED_TIME)
            entry.external_attr, entry.create_system = READABLE, UNIX
            archive.writestr(entry, files[name])
    return target


def library_modules(files: dict[str, bytes]) -> dict[str, bytes]:
    """The modules of the job library that some files import, and those that these import, by their name in a package.

    Args:
        files: the content of each file by name.

    Raises:
        ValueError: an import does not tell which modules it needs, so the function would fail in AWS.
    """
    found: dict[str, bytes] = {}
    unread = {name: content for name, content in files.items() if name.endswith(".py")}
    while unread:
        path, content = unread.popitem()
        text = content.decode()
        if other := OTHER_IMPORT.search(text):
            raise ValueError(f"{path}: {other[1]}: write from mlops_jobs.MODULE import NAME, so that MODULE is packed")
        for module in IMPORT.findall(text):
            name = f"mlops_jobs/{module}.py"
            if name not in found:
                found[name] = unread[name] = (LIBRARY / f"{module}.py").read_bytes()
    return {"mlops_jobs/__init__.py": b"", **found} if found else {}


def team_texts(config: Path) -> bytes:
    """`notifications.texts` of config/events.yaml, as JSON.

    Raises:
        ValueError: the file has no texts.
    """
    try:
        texts = yaml.safe_load(config.read_text(encoding="utf-8"))["notifications"]["texts"]
    except (KeyError, TypeError):
        raise ValueError("config/events.yaml: notifications.texts is missing; for none write texts: []") from None
    return json.dumps(texts).encode()


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Package the Lambda functions.")
    parser.add_argument(
        "--build", metavar="FOLDER", type=Path, default=ROOT / "infra" / "build", help="for the packages"
    )
    for written in package_all(ROOT, parser.parse_args().build):
        print(written)


if __name__ == "__main__":
    main()
