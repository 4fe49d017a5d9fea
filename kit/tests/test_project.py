"""`[tool.mlops]` in pyproject.toml: what a project is made of, and refusals with file, key and remedy."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mlops_jobs.errors import UserError
from mlops_kit import __version__
from mlops_kit.cli.main import main
from mlops_kit.definition.compile import compile_all
from mlops_kit.project import find_root, open_project, require_same_release

PIPELINE = '[tool.mlops.pipelines.training]\nbuild = "pipelines.training:build"\n'


def write(folder: Path, text: str) -> Path:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_folder_without_pyproject_has_the_usual_folders_and_no_pipelines(tmp_path: Path) -> None:
    project = open_project(tmp_path)
    assert (project.kinds, project.release, project.work) == ((), None, tmp_path / ".local")
    assert (project.jobs, project.infrastructure) == (tmp_path / "jobs", tmp_path / "infra")


def test_a_project_may_name_its_folders_and_its_pipelines(tmp_path: Path) -> None:
    text = f'[tool.mlops]\njobs = "src/jobs"\n{PIPELINE}description = "Train."\n'
    project = open_project(write(tmp_path, text))
    assert project.jobs == tmp_path / "src" / "jobs"
    assert {kind: (entry.build, entry.description) for kind, entry in project.pipelines.items()} == {
        "training": ("pipelines.training:build", "Train.")
    }


def test_commands_work_in_the_nearest_folder_that_is_a_project(tmp_path: Path) -> None:
    write(tmp_path, PIPELINE)
    inner = tmp_path / "jobs" / "deep"
    inner.mkdir(parents=True)
    write(tmp_path / "jobs", "[tool.ruff]\n")
    assert find_root(inner) == tmp_path
    assert find_root(tmp_path.parent) == tmp_path.parent


# mistakes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[tool.mlops]\njob = "src"',
            r"[tool.mlops] has the unknown key 'job'; write jobs instead (known: kit, settings",
        ),
        ("[tool.mlops]\nzone = 1", "[tool.mlops] has the unknown key 'zone'; remove it (known: kit, "),
        (
            f'{PIPELINE}descripton = ""',
            "training] has the unknown key 'descripton'; write description instead (known: ",
        ),
        ("[tool]\nmlops = 1", "[tool.mlops] must be a table; it is 1"),
        ("[tool.mlops]\nkit = 0.4", '[tool.mlops] kit is 0.4; it must be the release of the kit, for example "0.6.0"'),
        ("[tool.mlops]\njobs = []", "[tool.mlops] jobs is []; it must be the name of a folder"),
        ('[tool.mlops]\ndata = ""', "[tool.mlops] data is ''; it must be the name of a folder"),
        (
            '[tool.mlops]\nsettings = "pipelines.settings"',
            "settings is 'pipelines.settings'; it must be module:function, for example pipelines.settings:load_se",
        ),
        (
            '[tool.mlops]\npipelines = ["a"]',
            "pipelines is ['a']; it must be a table for each pipeline, for example [to",
        ),
        ('[tool.mlops.pipelines]\na = "b"', "pipelines.a is 'b'; it must be a table: [tool.mlops.pipelines.a]"),
        ("[tool.mlops.pipelines.a]", '[tool.mlops.pipelines.a] has no build; add build = "module:function"'),
        ("[tool.mlops.pipelines.a]\nbuild = 1", "pipelines.a.build is 1; it must be module:function, for example pip"),
        ('[tool.mlops.pipelines.a]\nbuild = "a:b:c"', "pipelines.a.build is 'a:b:c'; it must be module:function"),
        ('[tool.mlops.pipelines.a]\nbuild = "x:y"\ndescription = 1', "a.description is 1; it must be a sentence"),
        ('[tool.mlops.pipelines.A_b]\nbuild = "x:y"', "A_b] must be named with lower-case words joined by hyphens"),
        ("[tool.mlops", "is not TOML: "),
    ],
)
def test_a_mistake_is_refused_with_file_key_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as refused:
        open_project(write(tmp_path, text))
    assert str(refused.value).startswith(f"{tmp_path / 'pyproject.toml'}: ")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        ("team_pipelines.trainin:build", "module:function, and there is no module team_pipelines.trainin"),
        ("no_such_package.training:build", "module:function, and there is no module no_such_package"),
        ("team_pipelines.training:biuld", "module:function, and team_pipelines.training has no function biuld"),
        ("team_pipelines.training:NUMBER", "module:function, and NUMBER of team_pipelines.training is not a function"),
    ],
)
def test_a_build_that_does_not_exist_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build: str, message: str
) -> None:
    package(tmp_path, monkeypatch, "NUMBER = 1")
    write(tmp_path, f'[tool.mlops.pipelines.training]\nbuild = "{build}"\n')
    with pytest.raises(UserError) as refused:
        compile_all(tmp_path)
    assert str(refused.value) == (
        f"{tmp_path / 'pyproject.toml'}: [tool.mlops] pipelines.training.build is '{build}'; it must be {message}"
    )


def test_an_import_that_fails_inside_a_teams_module_is_not_taken_for_a_wrong_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(tmp_path, monkeypatch, "import no_such_module")
    project = open_project(write(tmp_path, '[tool.mlops.pipelines.a]\nbuild = "team_pipelines.training:build"\n'))
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        project.builder("a")


def package(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Write a package `team_pipelines` with a module `training`, importable in this test only."""
    (folder / "team_pipelines").mkdir()
    (folder / "team_pipelines" / "__init__.py").write_text("", encoding="utf-8")
    (folder / "team_pipelines" / "training.py").write_text(f"{text}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    for name in [name for name in sys.modules if name.startswith("team_pipelines")]:
        monkeypatch.delitem(sys.modules, name)


# releases


@pytest.mark.parametrize("more", ["", 'environments = "config/environments"\n'], ids=["known keys", "a newer key"])
def test_a_project_of_another_release_is_refused_in_one_sentence(tmp_path: Path, more: str) -> None:
    write(tmp_path, f'[tool.mlops]\nkit = "0.3.9"\n{more}')
    with pytest.raises(UserError) as refused:
        main(["local", "down"], tmp_path)
    assert str(refused.value) == (
        f"{tmp_path / 'pyproject.toml'}: [tool.mlops] kit is '0.3.9', and the installed kit is of release "
        f"{__version__}; install the one in vendor/ with: make setup"
    )


def test_a_project_of_the_same_release_or_of_none_is_accepted(tmp_path: Path) -> None:
    require_same_release(open_project(tmp_path))
    require_same_release(open_project(write(tmp_path, f'[tool.mlops]\nkit = "{__version__}"\n')))


def test_the_example_is_of_the_kits_release(project: Path) -> None:
    assert open_project(project).release == __version__


def test_a_project_of_another_release_still_shows_the_help(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, '[tool.mlops]\nkit = "0.3.9"\n')
    with pytest.raises(SystemExit, match="0"):
        main(["--version"], tmp_path)
    assert capsys.readouterr().out == f"mlops {__version__}\n"
