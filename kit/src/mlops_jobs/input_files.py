"""The files of an input folder; one that is not an input is an error."""

from __future__ import annotations

from pathlib import Path

from mlops_jobs.data_objects import why_not_data
from mlops_jobs.errors import DataError

SHARDED = "one of several instances that share the files: no file, or no folder, is not an error"  # for --help


def csv_files(folder: str | Path, *, sharded: bool = False) -> list[Path]:
    """The CSV files of a folder, by name; raises DataError as `files_of` does."""
    return files_of(folder, ".csv", sharded=sharded)


def files_of(folder: str | Path, *kinds: str, sharded: bool = False) -> list[Path]:
    """The files of a folder, by name.

    Nothing is left out in silence: a part of the data in a sub-folder, or under another ending, would never be missed.

    Args:
        folder: where they lie.
        kinds: the endings that files may have, in any case.
        sharded: whether several instances share the files; then there may be none for this one, nor a folder.

    Raises:
        DataError: the folder does not exist or holds no such file (unless it is sharded), holds something else beside
            them, or two of one name but for the ending, since what is made of a file has its name.
    """
    found = [] if sharded and not Path(folder).exists() else visible(folder)
    wanted = " or ".join(kinds)
    names: dict[str, str] = {}
    for path in found:
        ending = next((kind for kind in kinds if path.name.lower().endswith(kind)), None)
        if path.is_dir() or ending is None:
            raise DataError(f"{path}: is not a {wanted} file; put the {wanted} files side by side, and nothing else")
        other = names.setdefault(path.name[: -len(ending)], path.name)
        if other != path.name:
            raise DataError(f"{folder}: {other} and {path.name} would have results of one name; remove or rename one")
    if not found and not sharded:
        for path in sorted(Path(folder).iterdir()):
            if path.is_file() and not why_not_data(path.name, size=1):
                raise DataError(f"{path}: is empty; give a file with rows")
        raise DataError(f"{folder}: holds no {wanted} file; put the data there or give another folder")
    return found


def visible(folder: str | Path) -> list[Path]:
    """The files of a folder that are data, and the folders with such files, by name.

    Raises:
        DataError: the folder does not exist.
    """
    if not Path(folder).is_dir():
        raise DataError(f"{folder}: is not a folder; give the folder of the files")
    return sorted(path for path in Path(folder).iterdir() if _has_data(path, path.name))


def _has_data(path: Path, name: str) -> bool:
    """Whether a file is data, or a folder contains some.

    Args:
        path: the file or folder.
        name: its path below the folder of the data.
    """
    if path.is_dir():
        return any(_has_data(inner, f"{name}/{inner.name}") for inner in path.iterdir())
    return not why_not_data(name, path.stat().st_size)
