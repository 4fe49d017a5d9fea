"""The tree is plain: what stands in it can be checked out, opened and run on any machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from binaryornot.check import is_binary

from cookiecutter_rules import FOLDER
from support import ENGINES, JINJA, TREE, Bake, run_cookiecutter, snapshot

LEFT_OVER = re.compile(r"\{\{|\{%|\{##")  # `{#` may be Bash: ${#array[@]}
RESERVED_ON_WINDOWS = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
ILLEGAL_ON_WINDOWS = re.compile(r'[<>:"|?*\\\x00-\x1f]|[. ]$')
OF_CI = (".gitlab", ".gitlab-ci.yml", "docs/ci.md", "infra/ci")
OF_AN_IMAGE = (
    ".gitlab/image.yml",
    "images/",
    "infra/bootstrap/images.tf",
    "infra/bootstrap/tests/images.tftest.hcl",
    "infra/ci/image.sh",
    "infra/live/images.tf",
    "infra/live/tests/images.tftest.hcl",
    "infra/modules/images/",
)
LONGEST_PATH = 120  # Windows allows 260, of which the folders above the project take their part


@pytest.fixture(scope="module")
def tree(template: Path) -> dict[str, Path]:
    """Map the path of each file of the tree to the file."""
    root = template / TREE
    return {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if path.is_file()}


def text(path: Path) -> str | None:
    """Read a text file as both engines do; None if it is not one."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return None


def folders(root: Path) -> set[str]:
    """List the folders below another, empty ones too."""
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_dir()}


def test_every_part_names_the_tree_alike(template: Path) -> None:
    subdirectory = yaml.safe_load((template / "copier.yml").read_text("utf-8"))["_subdirectory"]
    assert (template / TREE).is_dir()
    assert TREE == FOLDER
    assert subdirectory == f"{{% raw %}}{TREE}{{% endraw %}}"


def test_lines_end_in_lf_and_no_file_starts_with_a_byte_order_mark(tree: dict[str, Path]) -> None:
    for name, path in tree.items():
        content = text(path) or ""
        assert "\r" not in content, name
        assert not content.startswith("\ufeff"), name


def test_every_name_is_legal_on_windows(tree: dict[str, Path]) -> None:
    for name in tree:
        assert len(name) <= LONGEST_PATH, name
        for part in name.split("/"):
            assert not RESERVED_ON_WINDOWS.match(part), name
            assert not ILLEGAL_ON_WINDOWS.search(part), name
    assert len({name.lower() for name in tree}) == len(tree)


def test_no_name_is_a_template(tree: dict[str, Path]) -> None:
    # cookiecutter_rules.py takes every path but that of the tree as it stands.
    assert not [name for name in tree if JINJA.search(name)]


def test_python_and_terraform_are_plain(tree: dict[str, Path]) -> None:
    plain = [path for name, path in tree.items() if name.endswith((".py", ".tf"))]
    assert not [path for path in plain if JINJA.search(path.read_text("utf-8"))]


def test_both_engines_agree_on_what_is_binary(tree: dict[str, Path]) -> None:
    # Copier renders whatever decodes as UTF-8; Cookiecutter looks at the bytes.
    assert {name for name, path in tree.items() if text(path) is None} == {
        name for name, path in tree.items() if is_binary(str(path))
    }


@pytest.mark.parametrize("ci", ["gitlab", "none"])
def test_both_engines_write_the_same_bytes_and_modes_of_the_whole_tree(bake: Bake, ci: str) -> None:
    by_cookiecutter, by_copier = (bake(engine, ci=ci, own_image="docker") for engine in ENGINES)
    assert snapshot(by_cookiecutter) == snapshot(by_copier)
    assert folders(by_cookiecutter) == folders(by_copier)


@pytest.mark.parametrize("engine", ENGINES)
def test_without_ci_just_its_files_are_left_out(bake: Bake, tree: dict[str, Path], engine: str) -> None:
    project = bake(engine, ci="none", own_image="docker")
    left_out = set(tree) - set(snapshot(project))
    assert {name for name in tree if name.startswith(OF_CI)} == left_out
    assert not [name for name in OF_CI if (project / name).exists()]


@pytest.mark.parametrize("engine", ENGINES)
def test_without_an_image_of_its_own_just_the_images_files_are_left_out(
    bake: Bake, tree: dict[str, Path], engine: str
) -> None:
    project = bake(engine)
    assert {name for name in tree if name.startswith(OF_AN_IMAGE)} == set(tree) - set(snapshot(project))
    assert not [name for name in OF_AN_IMAGE if (project / name).exists()]


def test_cookiecutter_without_hooks_leaves_nothing_out(template: Path, tree: dict[str, Path], tmp_path: Path) -> None:
    run = run_cookiecutter(template, tmp_path, "--no-input", "--accept-hooks", "no", "ci=none")
    assert run.returncode == 0, run.stdout + run.stderr
    assert set(snapshot(tmp_path / "abalone-rings")) == set(tree)


def test_what_is_left_out_is_named_by_whole_paths_of_the_tree(template: Path) -> None:
    # The hook of Cookiecutter deletes paths; of Copier's patterns it knows no other.
    for rule in yaml.safe_load((template / "copier.yml").read_text("utf-8"))["_exclude"]:
        for path in [line for line in rule.splitlines() if not JINJA.search(line)]:
            assert path.startswith("/")
            assert (template / TREE / path[1:]).exists(), path


def test_no_file_is_larger_than_a_megabyte_and_the_uncompressed_wheel_is_below_two(tree: dict[str, Path]) -> None:
    limits = {name: 2_000_000 if name.endswith(".whl") else 1_000_000 for name in tree}
    assert not [name for name, path in tree.items() if path.stat().st_size > limits[name]]


def test_a_file_is_executable_if_and_only_if_it_starts_with_a_shebang(tree: dict[str, Path]) -> None:
    for name, path in tree.items():
        assert bool(path.stat().st_mode & 0o111) == path.read_bytes().startswith(b"#!"), name


@pytest.mark.parametrize("engine", ENGINES)
def test_no_jinja_is_left_in_a_project(bake: Bake, engine: str) -> None:
    project = bake(engine)
    files = [path for path in project.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if LEFT_OVER.search(text(path) or "")]
