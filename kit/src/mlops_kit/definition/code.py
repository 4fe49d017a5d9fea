"""The code of the pipelines in S3: each key contains a hash of its content.

The content of a key never changes, so a step's cache is valid, and an upload that exists need not be repeated.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import mlops_jobs
from mlops_jobs.errors import UserError
from mlops_kit.project import open_project

SOURCE = "sourcedir.tar.gz"
CONTRACT = "dataset.yaml"


@dataclass(frozen=True)
class CodeKeys:
    """The keys of a definition's code in the bucket.

    Attributes:
        jobs: the prefix of the jobs' scripts and the job library.
        source: the archive of the same files, for training jobs.
        contract: the prefix of the data contract.
        empty_prefix: a prefix with a marker only, for an input that must exist and be empty.
    """

    jobs: str
    source: str
    contract: str
    empty_prefix: str = "code/nothing"


def code_keys(root: Path) -> CodeKeys:
    """The keys of the project's present code.

    Raises:
        UserError: the project has no jobs or no contract.
    """
    return _keys_of(_jobs(root), _contract(root))


def code_files(root: Path) -> dict[str, bytes]:
    """The objects that the project's definitions need in the bucket: bytes by key.

    Raises:
        UserError: the project has no jobs or no contract.
    """
    jobs, contract = _jobs(root), _contract(root)
    keys = _keys_of(jobs, contract)  # of these bytes: a second reading could include a file that was saved meanwhile
    return {
        **{f"{keys.jobs}/{name}": content for name, content in jobs.items()},
        keys.source: archive(jobs),
        **{f"{keys.contract}/{name}": content for name, content in contract.items()},
        f"{keys.empty_prefix}/_NOTHING": b"",
    }


def _keys_of(jobs: Mapping[str, bytes], contract: Mapping[str, bytes]) -> CodeKeys:
    code = content_hash(jobs)
    return CodeKeys(f"code/jobs-{code}", f"code/source-{code}/{SOURCE}", f"code/contract-{content_hash(contract)}")


def fingerprint(root: Path) -> str:
    """A hash of the project's files that decide what is deployed: configuration, jobs, functions, definitions."""
    project = open_project(root)
    folders = (project.config, project.jobs, project.lambdas, root / "pipelines")
    paths = [path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix in (".py", ".yaml")]
    return content_hash({path.relative_to(root).as_posix(): path.read_bytes() for path in paths})


def content_hash(files: Mapping[str, bytes]) -> str:
    """A hash of the names and bytes of some files: 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def archive(files: Mapping[str, bytes]) -> bytes:
    """A .tar.gz whose bytes depend on the files alone, not on times, owners or the order of a file system."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as writer:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o644
            writer.addfile(member, io.BytesIO(content))
    return gzip.compress(tar.getvalue(), mtime=0)


def _jobs(root: Path) -> dict[str, bytes]:
    """The team's scripts, and the job library in a folder beside them: a container can install neither."""
    return {**_scripts(root), **library_files()}


def _scripts(root: Path) -> dict[str, bytes]:
    """The scripts. Other files are refused: they would exist in the tests and be missing in the cloud."""
    folder = open_project(root).jobs
    visible = [path for path in sorted(folder.glob("*")) if not path.name.startswith((".", "__pycache__"))]
    for path in visible:
        if path.suffix != ".py" or not path.is_file():
            raise UserError(f"jobs/{path.name}: is not a .py file, and only those reach the jobs; move it out of jobs/")
    scripts = {path.name: path.read_bytes() for path in visible}
    if not scripts:
        raise UserError(f"{folder}: has no .py file; add the scripts that the pipelines run")
    return scripts


def library_files() -> dict[str, bytes]:
    """The modules of the job library as installed: bytes by path, for example mlops_jobs/contract.py."""
    modules = {path.name: path for path in resources.files(mlops_jobs).iterdir() if path.name.endswith(".py")}
    return {f"{mlops_jobs.__name__}/{name}": path.read_bytes() for name, path in sorted(modules.items())}


def _contract(root: Path) -> dict[str, bytes]:
    path = open_project(root).config / CONTRACT
    if not path.is_file():
        raise UserError(f"{path}: does not exist; write the data contract, which every job reads")
    return {CONTRACT: path.read_bytes()}
