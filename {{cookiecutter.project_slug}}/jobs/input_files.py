"""The files of an input folder: all of them, or a sentence that says which cannot be taken."""

from __future__ import annotations

from pathlib import Path

from errors import DataError


def csv_files(folder: str | Path) -> list[Path]:
    """The CSV files of a folder, by name; raises DataError as `files_of` does."""
    return files_of(folder, ".csv")


def files_of(folder: str | Path, *kinds: str) -> list[Path]:
    """The files of a folder, by name.

    Nothing is left out in silence: a part of the data in a sub-folder, or under another ending, would never be missed.

    Args:
        folder: where they lie.
        kinds: the endings that files may have, in any case.

    Raises:
        DataError: the folder does not exist, holds no such file, or something else beside them.
    """
    found = visible(folder)
    wanted = " or ".join(kinds)
    for path in found:
        if path.is_dir() or path.suffix.lower() not in kinds:
            raise DataError(f"{path}: is no {wanted} file; put the {wanted} files side by side, and nothing else")
    if not found:
        raise DataError(f"{folder}: holds no {wanted} file; put the data there or give another folder")
    return found


def visible(folder: str | Path) -> list[Path]:
    """What a folder holds, by name, but for what hides behind a dot or an underscore (.gitkeep, _SUCCESS).

    Raises:
        DataError: the folder does not exist.
    """
    if not Path(folder).is_dir():
        raise DataError(f"{folder}: is no folder; give the folder of the files")
    return sorted(path for path in Path(folder).iterdir() if not path.name.startswith((".", "_")))
