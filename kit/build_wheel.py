"""Build the kit's wheel into the generated tree: the same bytes for the same sources, on every machine.

    python kit/build_wheel.py            write it, and vendor/README.md
    python kit/build_wheel.py --check    exit 1 where the wheel in the tree is not what kit/ builds

The wheel is stored and not compressed: git finds what two releases share, and compressors differ between machines.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import sys
import tempfile
import zipfile
from pathlib import Path

KIT = Path(__file__).parent
VENDOR = KIT.parent / "{{cookiecutter.project_slug}}" / "vendor"
FIXED_TIME = (1980, 1, 1, 0, 0, 0)
READABLE = 0o100644 << 16
UNIX = 3

README = """# The kit

`{name}` is the machinery of this project: the command `mlops`, the local cloud, and the job library `mlops_jobs`.
requirements.txt installs it from here, so no package index has to hold it. `copier update` replaces it; do not edit it.

    sha256  {digest}

- Look inside: `unzip -l vendor/*.whl`, and for one file `unzip -p vendor/*.whl mlops_kit/cli/main.py`. Nothing is
  compressed, so `git log -p --text` shows changes, too.
- Build it yourself: check out the tag v{version} of the template, run `make wheel` there, and compare the sha256.
- Change it: unzip it, edit, and `pip install -e` a checkout of the template's `kit/`. Give your own build another
  version, so that an update does not take it for the original.
- Take it from a package index instead: upload the wheel there, and write `sagemaker-mlops-kit=={version}` in place of
  its path in requirements.in and requirements.txt.
"""


def build() -> tuple[str, bytes]:
    """Build the wheel: its file name and its bytes."""
    from hatchling.build import build_wheel

    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(KIT)  # a build backend works on the current directory
        try:
            name = build_wheel(folder)
        finally:
            os.chdir(before)
        return name, repacked((Path(folder) / name).read_bytes())


def repacked(wheel: bytes) -> bytes:
    """The same members, sorted, stored, with fixed times and modes; RECORD comes last, as the format recommends."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(wheel)) as source, zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as target:
        for name in sorted(source.namelist(), key=lambda name: (name.endswith("/RECORD"), name)):
            entry = zipfile.ZipInfo(name, FIXED_TIME)
            entry.external_attr, entry.create_system = READABLE, UNIX
            target.writestr(entry, source.read(name))
    return content.getvalue()


def wanted_files() -> dict[str, bytes]:
    """What vendor/ has to hold: bytes by file name."""
    name, wheel = build()
    readme = README.format(name=name, version=name.split("-")[1], digest=hashlib.sha256(wheel).hexdigest())
    return {name: wheel, "README.md": readme.encode()}


def main() -> None:
    """Write vendor/, or check it."""
    parser = argparse.ArgumentParser(description="Build the kit's wheel into the generated tree.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the wheel is not current")
    wanted = wanted_files()
    found = {path.name: path.read_bytes() for path in VENDOR.glob("*")}
    if parser.parse_args().check:
        if found != wanted:
            sys.exit("error: vendor/ in the tree is not what kit/ builds; run: make wheel")
        return
    VENDOR.mkdir(exist_ok=True)
    for name in found.keys() - wanted.keys():
        (VENDOR / name).unlink()
    for name, content in wanted.items():
        (VENDOR / name).write_bytes(content)
        print(VENDOR / name)


if __name__ == "__main__":
    main()
