"""What counts as data: one rule for the trigger, for the data version, and for the jobs.

The Lambda functions take this file into their packages (infra/package_lambdas.py), so it imports the standard library
only.
"""

from __future__ import annotations

FOLDER_MARKER = "_$folder$"  # the ending of the objects that Hadoop writes in place of folders


def why_not_data(path: str, size: int) -> str:
    """The reason why an object or a file is not data; empty if it is.

    Args:
        path: below the folder of the data, with slashes: an outer folder may have any name.
        size: in bytes.
    """
    *folders, name = path.split("/")
    if not name or name.endswith(FOLDER_MARKER):
        return "it is a folder"
    hidden = next((part for part in (*folders, name) if part.startswith((".", "_"))), "")
    if hidden:
        what = "files whose names begin" if hidden == name else f"files in {hidden}/, because the name begins"
        return f"jobs do not read {what} with . or _"
    return "" if size else "it is empty"


def path_below(prefix: str, key: str) -> str:
    """The path of an object below the folder that a prefix names, as a job sees it: `data` and `data/` are one folder.

    Args:
        prefix: of the key: a folder, or the key itself.
        key: the object's.
    """
    folder = prefix if prefix.endswith("/") or not prefix else f"{prefix}/"
    return key[len(folder) :] if key.startswith(folder) else key[prefix.rfind("/") + 1 :]
