"""The code that a definition names: at which key each file lies, addressed by its content.

What a key holds never changes, so a step's cache is right, and an upload that is there need not be repeated.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import mlops_jobs
from mlops_jobs.errors import UserError
from mlops_kit.project import open_project

SOURCE = "sourcedir.tar.gz"
CONTRACT = "dataset.yaml"


@dataclass(frozen=True)
class CodeKeys:
    """Where a definition finds its code, below the bucket.

    Attributes:
        jobs: the folder of the jobs' scripts and of the job library.
        source: the archive of the same scripts, as training jobs want them.
        contract: the folder of the data contract.
        empty_prefix: a prefix with an empty object only, for an input that has to exist and to be empty.
    """

    jobs: str
    source: str
    contract: str
    empty_prefix: str = "code/nothing"


def code_keys(root: Path) -> CodeKeys:
    """The keys of the project's code as it is now.

    Raises:
        UserError: the project holds no jobs or no contract.
    """
    jobs = content_hash(_jobs(root))
    contract = content_hash(_contract(root))
    return CodeKeys(f"code/jobs-{jobs}", f"code/source-{jobs}/{SOURCE}", f"code/contract-{contract}")


def code_files(root: Path) -> dict[str, bytes]:
    """Everything that has to lie in the bucket before the project's definitions can run: bytes by key.

    Raises:
        UserError: the project holds no jobs or no contract.
    """
    keys, jobs = code_keys(root), _jobs(root)
    return {
        **{f"{keys.jobs}/{name}": content for name, content in jobs.items()},
        keys.source: archive(jobs),
        **{f"{keys.contract}/{name}": content for name, content in _contract(root).items()},
        f"{keys.empty_prefix}/_NOTHING": b"",
    }


def content_hash(files: Mapping[str, bytes]) -> str:
    """16 hexadecimal digits that stand for the names and the bytes of some files."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def archive(files: Mapping[str, bytes]) -> bytes:
    """A .tar.gz that is the same for the same files: no time, owner or order of this machine is in it."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as writer:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            writer.addfile(member, io.BytesIO(content))
    return gzip.compress(tar.getvalue(), mtime=0)


def _jobs(root: Path) -> dict[str, bytes]:
    """The team's scripts and, in a folder beside them, the job library: a container can install neither."""
    return {**_scripts(root), **library_files()}


def _scripts(root: Path) -> dict[str, bytes]:
    """The scripts; any other file beside them would exist in the tests and be missing in the cloud."""
    folder = open_project(root).jobs
    visible = [path for path in sorted(folder.glob("*")) if not path.name.startswith((".", "__pycache__"))]
    for path in visible:
        if path.suffix != ".py" or not path.is_file():
            raise UserError(f"jobs/{path.name}: is no .py file, and only those reach the jobs; move it out of jobs/")
    found = {path.name: path.read_bytes() for path in visible}
    if not found:
        raise UserError(f"{folder}: holds no .py file; the pipelines run the scripts that lie there")
    return found


def library_files() -> dict[str, bytes]:
    """The modules of the job library as installed: bytes by path, for example mlops_jobs/contract.py."""
    folder = Path(mlops_jobs.__file__).parent
    return {f"{folder.name}/{path.name}": path.read_bytes() for path in sorted(folder.glob("*.py"))}


def _contract(root: Path) -> dict[str, bytes]:
    path = open_project(root).config / CONTRACT
    if not path.is_file():
        raise UserError(f"{path}: is not there; the data contract is what every job reads first")
    return {CONTRACT: path.read_bytes()}
