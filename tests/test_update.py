"""A project is brought to a newer template without losing what its team wrote, whichever engine made it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml
from plumbum import local

from cookiecutter_rules import address
from support import ENGINES, ROOT, TREE, clean_copy, git, keep_what_answers_change, run_cookiecutter, snapshot

pytestmark = pytest.mark.slow

ANSWERS = ".copier-answers.yml"


@pytest.fixture(scope="module")
def merged_files(tmp_path_factory: pytest.TempPathFactory, bare_machine: None) -> Path:
    """A copy of the template with the files that answers change, and a few others, as good as the rest."""
    copy = clean_copy(tmp_path_factory.mktemp("merged") / "cookiecutter-sagemaker-mlops")
    return keep_what_answers_change(copy, also=("Makefile", "config", "jobs"))


@pytest.fixture
def releases(merged_files: Path, tmp_path: Path) -> Path:
    """Make a repository of a part of the template with one release, v1.0.0."""
    return released(merged_files, tmp_path)


def released(template: Path, folder: Path) -> Path:
    """Make a repository of a template with one release, v1.0.0."""
    repository = folder / "template"
    shutil.copytree(template, repository)
    git(folder, "init", "--quiet", "--initial-branch=main", str(repository))
    release(repository, "v1.0.0")
    return repository


def commit(repository: Path, message: str) -> None:
    """Commit everything that changed."""
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", message)


def release(repository: Path, tag: str) -> None:
    """Commit everything that changed as a release."""
    commit(repository, tag)
    git(repository, "tag", tag)


def born(engine: str, source: Path | str, folder: Path, *arguments: str) -> Path:
    """Make a project with one of the engines and commit it, as its team would."""
    folder.mkdir(exist_ok=True)
    project = folder / "abalone-rings"
    if engine == "cookiecutter":
        run = run_cookiecutter(source, folder, "--no-input", *arguments)
        assert run.returncode == 0, run.stdout + run.stderr
    else:
        copier.run_copy(str(source), project, defaults=True, quiet=True)
    git(folder, "init", "--quiet", "--initial-branch=main", str(project))
    commit(project, "Born")
    return project


def update(project: Path, **answers: Any) -> None:
    """Run `copier update` as a person would who trusts nobody: never with --trust."""
    copier.run_update(project, data=answers, defaults=True, overwrite=True, quiet=True)


def recorded(project: Path) -> dict[str, Any]:
    """Read the answers that a project was made with."""
    answers: dict[str, Any] = yaml.safe_load((project / ANSWERS).read_text("utf-8"))
    return answers


def insert(path: Path, line: str, at: int) -> None:
    """Insert a line into a file; at 0 it becomes the first, at -1 the last."""
    lines = path.read_text("utf-8").splitlines(keepends=True)
    lines.insert(len(lines) if at < 0 else at, f"{line}\n")
    path.write_text("".join(lines), encoding="utf-8")


def conflicts(project: Path) -> list[str]:
    """List the files that hold a conflict."""
    return [line[3:] for line in git(project, "status", "--porcelain").splitlines() if line.startswith(("UU", "AA"))]


def changed(project: Path) -> set[str]:
    """List the files that differ from the last commit."""
    return {line[-1] for line in map(str.split, git(project, "status", "--porcelain").splitlines())}


@pytest.mark.parametrize("engine", ENGINES)
def test_an_update_keeps_what_the_team_wrote(engine: str, releases: Path, tmp_path: Path) -> None:
    project = born(engine, releases, tmp_path / "team")
    insert(project / "README.md", "Ask Ada first.", at=-1)
    insert(project / "Makefile", "# ours", at=-1)
    insert(project / "jobs" / "train.py", "# Ours.", at=-1)
    (project / "jobs" / "predict.py").unlink()
    (project / "scoring").mkdir()
    moved = (project / "jobs" / "evaluate.py").read_bytes()
    git(project, "mv", "jobs/evaluate.py", "scoring/evaluate.py")
    (project / "jobs" / "own.py").write_text("OWN = 1\n")
    commit(project, "Ours")
    for name in ("README.md", "Makefile", "jobs/train.py", "jobs/predict.py", "jobs/evaluate.py"):
        insert(releases / TREE / name, "# Theirs.", at=0)
    (releases / TREE / "jobs" / "new.py").write_text("NEW = 1\n")
    release(releases, "v2.0.0")

    update(project)

    assert conflicts(project) == []
    assert (project / "README.md").read_text("utf-8").startswith("# Theirs.\n")
    assert (project / "README.md").read_text("utf-8").endswith("Ask Ada first.\n")
    assert (project / "Makefile").read_text("utf-8").startswith("# Theirs.\n")
    assert (project / "Makefile").read_text("utf-8").endswith("# ours\n")
    assert (project / "jobs" / "train.py").read_text("utf-8").startswith("# Theirs.\n")
    assert (project / "jobs" / "train.py").read_text("utf-8").endswith("# Ours.\n")
    assert not (project / "jobs" / "predict.py").exists()
    assert not (project / "jobs" / "evaluate.py").exists()
    # A file that the team moved is the team's from then on: later changes to it do not arrive.
    assert (project / "scoring" / "evaluate.py").read_bytes() == moved
    assert (project / "jobs" / "own.py").exists()
    assert (project / "jobs" / "new.py").exists()
    assert recorded(project)["_commit"] == "v2.0.0"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_line_that_both_changed_is_an_inline_conflict_and_the_rest_is_merged(
    engine: str, releases: Path, tmp_path: Path
) -> None:
    project = born(engine, releases, tmp_path / "team")
    insert(project / "README.md", "Ask Ada first.", at=0)
    commit(project, "Ours")
    insert(releases / TREE / "README.md", "Read the runbook first.", at=0)
    insert(releases / TREE / "Makefile", "# Theirs.", at=0)
    release(releases, "v2.0.0")

    update(project)

    assert conflicts(project) == ["README.md"]
    readme = (project / "README.md").read_text("utf-8")
    for line in (
        "<<<<<<< before updating",
        "Ask Ada first.",
        "=======",
        "Read the runbook first.",
        ">>>>>>> after updating",
    ):
        assert f"{line}\n" in readme
    assert (project / "Makefile").read_text("utf-8").startswith("# Theirs.\n")


@pytest.mark.parametrize("engine", ENGINES)
def test_an_update_to_the_same_release_changes_nothing(engine: str, template: Path, tmp_path: Path) -> None:
    project = born(engine, released(template, tmp_path), tmp_path / "team")
    update(project)
    assert changed(project) == set()


def test_both_engines_record_the_same_origin(releases: Path, tmp_path: Path) -> None:
    projects = [born(engine, releases, tmp_path / engine) for engine in ENGINES]
    assert len({(project / ANSWERS).read_bytes() for project in projects}) == 1
    assert recorded(projects[0]).items() >= {"_commit": "v1.0.0", "_src_path": str(releases)}.items()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_release_that_looks_like_a_number_is_recorded_as_it_is(engine: str, releases: Path, tmp_path: Path) -> None:
    insert(releases / TREE / "Makefile", "# Theirs.", at=0)
    release(releases, "1.10")
    assert recorded(born(engine, releases, tmp_path / "team"))["_commit"] == "1.10"


def add_a_question(repository: Path) -> None:
    """Ask for a contact, in both engines, and write it into the tree."""
    question = {
        "type": "str",
        "help": "Whom do people ask?\nFor example ml-team.",
        "default": "ml-team",
        "validator": "{% if ' ' in contact %}contact must be one word, for example ml-team.{% endif %}",
    }
    questions = (repository / "copier.yml").read_text("utf-8")
    asked = questions.replace("# Copier's settings\n", yaml.safe_dump({"contact": question}))
    assert asked != questions
    (repository / "copier.yml").write_text(asked, encoding="utf-8")
    cookiecutter = json.loads((repository / "cookiecutter.json").read_text("utf-8"))
    (repository / "cookiecutter.json").write_text(json.dumps({"contact": "ml-team", **cookiecutter}), encoding="utf-8")
    (repository / TREE / "CONTACT").write_text("{{ cookiecutter.contact }}\n")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_question_added_later_takes_its_default_or_an_answer(engine: str, releases: Path, tmp_path: Path) -> None:
    by_default = born(engine, releases, tmp_path / "team")
    answered = born(engine, releases, tmp_path / "other")
    add_a_question(releases)
    release(releases, "v2.0.0")

    update(by_default)
    update(answered, contact="ada")

    assert (by_default / "CONTACT").read_text("utf-8") == "ml-team\n"
    assert recorded(by_default)["contact"] == "ml-team"
    assert (answered / "CONTACT").read_text("utf-8") == "ada\n"
    assert changed(answered) == {"CONTACT", ANSWERS}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_bad_answer_to_a_question_added_later_changes_nothing(engine: str, releases: Path, tmp_path: Path) -> None:
    project = born(engine, releases, tmp_path / "team")
    add_a_question(releases)
    release(releases, "v2.0.0")
    with pytest.raises(ValueError, match="must be one word"):
        update(project, contact="two words")
    assert changed(project) == set()


@pytest.mark.parametrize("engine", ENGINES)
def test_an_answer_changed_on_update_changes_what_depends_on_it(engine: str, releases: Path, tmp_path: Path) -> None:
    project = born(engine, releases, tmp_path / "team")
    insert(project / "README.md", "Ask Ada first.", at=-1)
    commit(project, "Ours")

    update(project, aws_account_id="000000000012", notification_email="ada@example.com")

    environment = yaml.safe_load((project / "config" / "environments" / "dev.yaml").read_text("utf-8"))
    assert environment["account_id"] == recorded(project)["aws_account_id"] == "000000000012"
    assert "ada@example.com" in (project / "infra" / "envs" / "dev.tfvars").read_text("utf-8")
    assert (project / "README.md").read_text("utf-8").endswith("Ask Ada first.\n")
    assert conflicts(project) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_team_tunes_never_conflicts(engine: str, releases: Path, tmp_path: Path) -> None:
    project = born(engine, releases, tmp_path / "team")
    ours = {f"config/{name}.yaml": f"# {name}, all ours\n" for name in ("dataset", "hyperparameters", "pipelines")}
    ours["jobs/features.py"] = '"""Ours."""\n'
    for name, text in ours.items():
        (project / name).write_text(text)
        insert(releases / TREE / name, "# Theirs.", at=0)
    commit(project, "Ours")
    release(releases, "v2.0.0")

    update(project, metric="r2")

    assert conflicts(project) == []
    assert {name: (project / name).read_text("utf-8") for name in ours} == ours
    assert recorded(project).items() >= {"_commit": "v2.0.0", "metric": "r2"}.items()


@pytest.mark.parametrize("engine", ENGINES)
def test_ci_is_taken_away_and_brought_back_by_an_update(engine: str, template: Path, tmp_path: Path) -> None:
    project = born(engine, released(template, tmp_path), tmp_path / "team")
    of_ci = {name for name in snapshot(project) if name.startswith((".gitlab", "docs/ci.md", "infra/ci/"))}
    tell_of_ci = {ANSWERS, "README.md", "docs/infrastructure.md"}
    assert len(of_ci) > 3

    update(project, ci="none")
    assert changed(project) == of_ci | tell_of_ci
    assert not [name for name in of_ci if (project / name).exists()]
    commit(project, "Without CI")

    update(project, ci="gitlab")
    commit(project, "With CI")
    assert git(project, "diff", "--stat", "HEAD~2") == ""


@pytest.mark.parametrize("engine", ENGINES)
def test_a_template_without_a_release_is_followed_by_commit(engine: str, releases: Path, tmp_path: Path) -> None:
    git(releases, "tag", "--delete", "v1.0.0")
    project = born(engine, releases, tmp_path / "team")
    assert recorded(project)["_commit"] == git(releases, "describe", "--always")
    insert(releases / TREE / "Makefile", "# Theirs.", at=0)
    commit(releases, "Second")

    update(project)

    assert (project / "Makefile").read_text("utf-8").startswith("# Theirs.\n")
    assert recorded(project)["_commit"] == git(releases, "describe", "--always")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("secret", "kept"),
    [
        ("https://ada:gl%40pat@git.example.com/ml/template.git", "https://git.example.com/ml/template.git"),
        ("https://glpat-token@git.example.com/ml/template.git", "https://git.example.com/ml/template.git"),
        ("ssh://git:word@git.example.com/ml/template.git", "ssh://git@git.example.com/ml/template.git"),
    ],
)
def test_a_token_in_the_template_s_address_is_in_no_file_of_the_project_and_updates_do_without_it(
    engine: str, secret: str, kept: str, releases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(releases, monkeypatch, secret, kept)
    project = born(engine, secret, tmp_path / "team")
    assert recorded(project)["_src_path"] == kept
    for path in project.rglob("*"):
        assert not path.is_file() or ".git" in path.parts or secret.partition("@")[0].encode() not in path.read_bytes()
    insert(releases / TREE / "Makefile", "# Theirs.", at=0)
    release(releases, "v2.0.0")

    update(project)

    assert (project / "Makefile").read_text("utf-8").startswith("# Theirs.\n")
    assert recorded(project)["_src_path"] == kept


# Cookiecutter clones no such address.
def test_a_token_in_the_query_of_the_address_is_left_out(
    releases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = "https://git.example.com/ml/template.git"
    stand_in(releases, monkeypatch, f"{kept}?private_token=x", kept)
    project = born("copier", f"git+{kept}?private_token=x", tmp_path / "team")
    assert recorded(project)["_src_path"] == f"git+{kept}"


@pytest.mark.parametrize("kept", ["git@git.example.com:ml/template.git", "ssh://git@git.example.com/ml/template.git"])
def test_the_user_of_an_ssh_address_is_no_secret(
    kept: str, releases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(releases, monkeypatch, kept)
    projects = [born(engine, kept, tmp_path / engine) for engine in ENGINES]
    assert [recorded(project)["_src_path"] for project in projects] == [kept, kept]


def stand_in(repository: Path, monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let git find a repository at other addresses."""
    # Copier caches a clone under its address without the user: a later test, with another one, would be given it.
    monkeypatch.setenv("COPIER_CACHE_DIR", str(repository.parent / "mirrors"))
    variables = {"GIT_CONFIG_COUNT": str(len(addresses))}
    for number, replaced in enumerate(addresses):
        variables[f"GIT_CONFIG_KEY_{number}"] = f"url.{repository.as_uri()}.insteadOf"
        variables[f"GIT_CONFIG_VALUE_{number}"] = replaced
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
        monkeypatch.setitem(local.env, name, value)  # type: ignore[arg-type]  # Copier runs git in the environment of plumbum's import


# As cruft 2.16 does: it generates from a clone in a temporary folder, which it does not pass as `_repo_dir`.
AS_CRUFT = """
import sys
from cookiecutter.generate import generate_context, generate_files
from cookiecutter.prompt import prompt_for_config
context = generate_context(context_file="cookiecutter.json")
context["cookiecutter"] = prompt_for_config(context, no_input=True)
context["cookiecutter"]["_template"] = sys.argv[1]
generate_files(repo_dir=".", context=context, output_dir=sys.argv[2])
"""


def as_cruft(clone: Path, address: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Generate a project into a folder."""
    folder.mkdir()
    command = [sys.executable, "-c", AS_CRUFT, address, str(folder)]
    return subprocess.run(command, cwd=clone, capture_output=True, text=True)


def test_cruft_creates_a_project_that_copier_can_update(releases: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", releases.as_uri(), str(clone))
    run = as_cruft(clone, releases.as_uri(), tmp_path / "team")
    assert run.returncode == 0, run.stderr
    answers = recorded(tmp_path / "team" / "abalone-rings")
    assert answers.items() >= {"_commit": "v1.0.0", "_src_path": f"git+{releases.as_uri()}"}.items()


def test_cruft_is_refused_an_address_with_a_token_that_it_would_commit(releases: Path, tmp_path: Path) -> None:
    run = as_cruft(releases, "https://glpat-token@git.example.com/ml/template.git", tmp_path / "team")
    assert "into .cruft.json: give the address without it" in run.stderr
    assert list((tmp_path / "team").iterdir()) == []


def test_cookiecutter_can_start_from_an_older_release_of_a_remote_template(releases: Path, tmp_path: Path) -> None:
    insert(releases / TREE / "Makefile", "# Theirs.", at=0)
    release(releases, "v2.0.0")

    project = born("cookiecutter", f"git+{releases.as_uri()}", tmp_path / "team", "--checkout", "v1.0.0")

    assert recorded(project)["_commit"] == "v1.0.0"
    assert recorded(project)["_src_path"] == f"git+{releases.as_uri()}"
    assert not (project / "Makefile").read_text("utf-8").startswith("# Theirs.\n")
    update(project)
    assert (project / "Makefile").read_text("utf-8").startswith("# Theirs.\n")


def test_cookiecutter_records_a_relative_path_as_an_absolute_one(releases: Path, tmp_path: Path) -> None:
    project = born("cookiecutter", Path("..", releases.name), tmp_path / "team")
    assert recorded(project)["_src_path"] == str(releases)
    insert(releases / TREE / "Makefile", "# Theirs.", at=0)
    release(releases, "v2.0.0")

    update(project)

    assert (project / "Makefile").read_text("utf-8").startswith("# Theirs.\n")


@pytest.mark.parametrize(
    ("remote", "recorded"),
    [
        ("https://gitlab.example.com/ml/template", "git+https://gitlab.example.com/ml/template"),
        ("ssh://git@gitlab.example.com/ml/template", "git+ssh://git@gitlab.example.com/ml/template"),
        ("https://gitlab.example.com/ml/template.git", "https://gitlab.example.com/ml/template.git"),
        ("git@gitlab.example.com:ml/template", "git@gitlab.example.com:ml/template"),
        ("https://github.com/ml/template", "https://github.com/ml/template"),
        ("https://gitlab.com/ml/template", "https://gitlab.com/ml/template"),
    ],
)
def test_an_address_that_copier_does_not_know_for_git_gets_a_prefix(remote: str, recorded: str) -> None:
    assert address(remote) == recorded


def test_a_project_from_an_archive_says_that_it_cannot_be_updated(template: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "template"), "zip", template.parent, template.name)
    run = run_cookiecutter(archive, tmp_path, "--no-input")
    assert run.returncode == 0
    assert run.stderr.startswith("`copier update` will not work on this project: the template is not a git repository")
    assert run.stderr.count("\n") == 1
    answers = recorded(tmp_path / "abalone-rings")
    assert answers["_commit"] is None
    assert answers["_src_path"] is None


def test_a_template_inside_another_repository_does_not_take_its_version(template: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    shutil.copytree(template, outer / "template")
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(outer))
    release(outer, "v9.0.0")
    project = born("cookiecutter", outer / "template", tmp_path / "team")
    assert recorded(project)["_commit"] is None


# From the releases before this one, as they were


@dataclass(frozen=True)
class Release:
    """A release, and what the team of a project made from it has done since."""

    version: str
    successor: str  # a folder of the tree that the release after it brought
    answers: dict[str, str]  # to the questions that were asked since
    edits: tuple[tuple[str, str, str], ...]  # a file, the words that stood there, and the team's
    deleted: str  # a file that the team does not want
    machinery: str | None = "local/sample.py"  # a file of the template's that left, edited against docs/update.md

    def commit(self) -> str:
        """Find it in this repository's history: by its tag, or as the last commit without its successor's folder."""
        added = git(ROOT, "log", "--diff-filter=A", "--format=%H", "--", f"{TREE}/{self.successor}").split()
        for name in (f"v{self.version}", f"{added[-1]}^" if added else "HEAD"):
            command = ["git", "-C", str(ROOT), "rev-parse", "--quiet", "--verify", f"{name}^{{commit}}"]
            if commit := subprocess.run(command, capture_output=True, text=True).stdout.strip():
                return commit
        pytest.fail(f"release {self.version} is not in the history of this clone: git fetch --unshallow brings all")


IN_EACH_RELEASE = (
    ("config/dataset.yaml", "threshold: 2.5", "threshold: 2.75"),
    ("README.md", "TARGET=price ID=order_number", "TARGET=price ID=invoice"),
    ("Makefile", "-m pytest\n", "-m pytest --maxfail=1\n"),
)
IN_EACH_RELEASE_SINCE_0_4_0 = (
    ("config/hyperparameters.yaml", "max_depth: 4", "max_depth: 6"),
    ("config/pipelines.yaml", "  jobs: 20", "  jobs: 30"),
    ("jobs/features.py", "return pd.DataFrame(index=batch.index)", "return pd.DataFrame({}, batch.index)"),
    ("jobs/train.py", "required=default is None", "required=not default"),
    ("lambdas/notify/links.py", "import re", "import re  # ours"),
    ("pipelines/training.py", "Train with the hyperparameters of", "Train with our hyperparameters of"),
    ("tests/test_shards.py", "import pytest", "import pytest  # ours"),
)
SINCE_0_2_0 = {"triggers": "s3", "notification_email": "", "ci": "gitlab"}
RELEASES = [
    Release(
        version="0.1.0",
        successor="pipelines",
        answers={
            "aws_region": "eu-west-1",
            "aws_account_id": "123456789012",
            "batch_inference": "processing",
            **SINCE_0_2_0,
        },
        edits=(
            ("jobs/train.py", "required=default is None", "required=not default"),
            ("tests/test_bad_input.py", "def test_a_job_does_not_write", "def test_our_job_does_not_write"),
        ),
        deleted="tests/test_metrics.py",
    ),
    Release(
        version="0.2.0",
        successor="infra",
        answers=SINCE_0_2_0,
        edits=(
            ("config/environments/dev.yaml", "subnets: []  #", "subnets: [subnet-11111111, subnet-22222222]  #"),
            ("config/environments/dev.yaml", "security_groups: []  #", "security_groups: [sg-11111111]  #"),
            ("config/environments/dev.yaml", "# bucket: abalone-rings-dev-123456789012", "bucket: our-own"),
            ("config/hyperparameters.yaml", "max_depth: 4", "max_depth: 6"),
            ("config/pipelines.yaml", "  jobs: 20", "  jobs: 30"),
            ("pipelines/training.py", "Train with the hyperparameters of", "Train with our hyperparameters of"),
            ("tests/test_start_up.py", '"train": ("matplotlib",)', '"train": ("matplotlib", "sklearn.svm")'),
        ),
        deleted="tests/test_metrics.py",
    ),
    Release(
        version="0.3.0",
        successor="vendor",
        answers={},
        edits=(
            ("config/hyperparameters.yaml", "max_depth: 4", "max_depth: 6"),
            ("config/pipelines.yaml", "  jobs: 20", "  jobs: 30"),
            ("jobs/train.py", "required=default is None", "required=not default"),
            ("lambdas/notify/links.py", "import re", "import re  # ours"),
            ("pipelines/training.py", "Train with the hyperparameters of", "Train with our hyperparameters of"),
            ("tests/test_shards.py", "import pytest", "import pytest  # ours"),
        ),
        deleted="tests/test_metrics.py",
    ),
    Release(
        version="0.4.0",
        successor="vendor/sagemaker_mlops_kit-0.5.0-py3-none-any.whl",
        answers={},
        edits=IN_EACH_RELEASE_SINCE_0_4_0,
        deleted="tests/test_metrics.py",
        machinery=None,
    ),
    Release(
        version="0.5.0",
        successor="vendor/sagemaker_mlops_kit-0.6.0-py3-none-any.whl",
        answers={},
        edits=IN_EACH_RELEASE_SINCE_0_4_0,
        deleted="tests/test_metrics.py",
        machinery=None,
    ),
]
# Folders that files left: with 0.4.0 for the kit, in infra/ for the main.tf beside them, in lambdas/ for other names;
# with each release the wheel of the one before.
LEFT_BEHIND = ("infra/", "jobs/", "lambdas/", "local/", "pipelines/", "tests/", "vendor/")


@pytest.fixture(params=RELEASES, ids=lambda release: release.version)
def former(request: pytest.FixtureRequest) -> Release:
    """A release before this one."""
    former: Release = request.param
    return former


@pytest.fixture
def former_template(former: Release, tmp_path: Path) -> Path:
    """Make a repository of the template as that release left it."""
    archive, repository = tmp_path / "release.tar", tmp_path / "template"
    git(ROOT, "archive", f"--output={archive}", former.commit())
    shutil.unpack_archive(archive, repository, filter="data")
    git(tmp_path, "init", "--quiet", "--initial-branch=main", str(repository))
    release(repository, f"v{former.version}")
    return repository


def release_today(repository: Path, template: Path) -> None:
    """Release today's template as v1.0.0."""
    git(repository, "rm", "--quiet", "-r", ".")
    shutil.copytree(template, repository, dirs_exist_ok=True)
    release(repository, "v1.0.0")


def edit(path: Path, old: str, new: str) -> None:
    """Put other words in a place of a file."""
    text = path.read_text("utf-8")
    assert text.count(old) == 1, path
    path.write_text(text.replace(old, new), encoding="utf-8")


def work_of_a_team(project: Path, former: Release) -> list[tuple[str, str]]:
    """Edit a project in every way that a team does, and return the words that must still be there, with their files."""
    edits = (*IN_EACH_RELEASE, *former.edits)
    for name, old, new in edits:
        edit(project / name, old, new)
    insert(project / "README.md", "Ask Ada first.", at=1)
    insert(project / ".gitignore", ".idea/", at=-1)
    insert(project / "Makefile", "ours:", at=-1)
    insert(project / "Makefile", "\techo ours", at=-1)
    (project / "jobs" / "own.py").write_text('"""Ours."""\n\nOWN = 1\n', encoding="utf-8")
    if former.machinery:
        insert(project / former.machinery, "# Ours, in what was the template's.", at=-1)
    (project / former.deleted).unlink()
    return [
        *((name, new) for name, _, new in edits),
        ("README.md", "# Abalone Rings\nAsk Ada first.\n"),
        (".gitignore", "\n.idea/\n"),
        ("Makefile", "\nours:\n\techo ours\n"),
        ("jobs/own.py", "\nOWN = 1\n"),
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_project_of_a_former_release_becomes_one_of_today_and_keeps_its_team_s_work(
    engine: str, former: Release, former_template: Path, template: Path, tmp_path: Path
) -> None:
    project = born(engine, former_template, tmp_path / "team")
    before = snapshot(former_template / TREE)
    assert recorded(project)["_commit"] == f"v{former.version}"
    ours = work_of_a_team(project, former)
    commit(project, "Ours")
    release_today(former_template, template)

    update(project)

    assert conflicts(project) == []
    for name, words in ours:
        assert words in (project / name).read_text("utf-8"), name
    # The template's own files leave, wherever they were edited, and git still has the edit. Nothing else is missing.
    missing = {name for name in before if not (project / name).is_file()}
    dropped = {name for name in missing if not (template / TREE / name).exists()}
    assert missing == {former.deleted} | dropped
    assert all(name.startswith(LEFT_BEHIND) for name in dropped), dropped
    if former.machinery:
        assert former.machinery in dropped
        assert "# Ours, in what was the template's." in git(project, "show", f"HEAD:{former.machinery}")
    assert recorded(project).items() >= {"_commit": "v1.0.0", **former.answers}.items()


@pytest.mark.parametrize("former", RELEASES[-1:], ids=lambda release: release.version, indirect=True)
def test_what_a_team_s_project_has_become_passes_its_own_suite(
    former: Release, former_template: Path, template: Path, tmp_path: Path
) -> None:
    project = born("copier", former_template, tmp_path / "team")
    work_of_a_team(project, former)
    commit(project, "Ours")
    release_today(former_template, template)

    update(project)

    tests = subprocess.run([sys.executable, "-m", "pytest"], cwd=project, capture_output=True, text=True)
    assert tests.returncode == 0, tests.stdout + tests.stderr


# With 0.6.0 the training call left train.py for model.py.
@pytest.mark.parametrize("former", RELEASES[-1:], ids=lambda release: release.version, indirect=True)
def test_a_team_s_edit_of_code_that_moved_to_another_file_is_a_conflict_and_not_lost(
    former_template: Path, template: Path, tmp_path: Path
) -> None:
    project = born("copier", former_template, tmp_path / "team")
    edit(project / "jobs" / "train.py", "verbose_eval=25", "verbose_eval=50")
    commit(project, "Ours")
    release_today(former_template, template)

    update(project)

    assert conflicts(project) == ["jobs/train.py"]
    assert "verbose_eval=50" in (project / "jobs" / "train.py").read_text("utf-8")


# Of the release before the template had a CI configuration.
@pytest.mark.parametrize("former", RELEASES[1:2], ids=lambda release: release.version, indirect=True)
@pytest.mark.parametrize(("ci", "conflicting"), [("none", []), ("gitlab", [".gitlab-ci.yml"])])
def test_a_team_s_own_ci_stays_where_it_declines_the_template_s_and_else_is_a_conflict(
    ci: str, conflicting: list[str], former_template: Path, template: Path, tmp_path: Path
) -> None:
    project = born("copier", former_template, tmp_path / "team")
    ours = "ours: {script: [make test]}\n"
    (project / ".gitlab-ci.yml").write_text(ours, encoding="utf-8")
    commit(project, "Ours")
    release_today(former_template, template)

    update(project, ci=ci)

    assert conflicts(project) == conflicting
    kept = (project / ".gitlab-ci.yml").read_text("utf-8")
    assert ours in kept
    assert (kept == ours) == (not conflicting)
    assert (project / "infra" / "ci").exists() == (ci == "gitlab")
