"""The CI of a generated project: what may run where, with which rights, and that GitLab would take it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ci_runner import Runner
from support import Bake, git
from tools import tool

Job = dict[str, Any]

MAIN = "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"
KEYWORDS = {"workflow", "stages", "default", "variables"}

# What GitLab would say of the pipeline's occasion. Of a merge request it does not say which branch it is.
ON_MAIN = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main"}
ON_A_BRANCH = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "try"}
ON_A_MERGE_REQUEST = {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_COMMIT_BRANCH": None}
ON_A_SCHEDULE = {"CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_BRANCH": "main"}
ON_A_SCHEDULE_OF_A_BRANCH = {"CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_BRANCH": "try"}

CHECKS = {"lint", "lint:terraform", "test", "test:terraform", "package", "compile"}
BY_HAND = {"apply:dev", "destroy:dev"}
FOLLOW = {"deploy:dev", "destroy:dev:infrastructure"}


@pytest.fixture
def project(bake: Bake) -> Path:
    """A project whose answers are easy to find again."""
    return bake("copier", project_slug="findable", aws_account_id="987654321098", aws_region="sa-east-1")


@pytest.fixture
def pipeline(project: Path) -> dict[str, Any]:
    """What .gitlab-ci.yml says."""
    return dict(yaml.safe_load((project / ".gitlab-ci.yml").read_text("utf-8")))


@pytest.fixture
def jobs(pipeline: dict[str, Any]) -> dict[str, Job]:
    """Each job with all that it extends."""
    names = [name for name in pipeline if name not in KEYWORDS and not name.startswith(".")]
    return {name: whole(pipeline, name) for name in names}


def whole(pipeline: Mapping[str, Any], name: str) -> Job:
    """A job merged with what it extends, as GitLab does: the later wins, and mappings are merged."""
    extended = pipeline[name].get("extends", [])
    job: Job = {}
    for part in [extended] if isinstance(extended, str) else extended:
        job = merged(job, whole(pipeline, part))
    return merged(job, {key: value for key, value in pipeline[name].items() if key != "extends"})


def merged(under: Job, over: Job) -> Job:
    """Two mappings, the second over the first."""
    both = {**under, **over}
    return {
        key: merged(under[key], value) if isinstance(value, dict) and isinstance(under.get(key), dict) else value
        for key, value in both.items()
    }


def role(job: Job) -> str | None:
    """The role that a job takes on: plan, deploy or none."""
    taken: str | None = job.get("variables", {}).get("ROLE")
    return taken


def commands(job: Job) -> str:
    """All lines that a job runs."""
    return "\n".join([*job.get("before_script", []), *job["script"]])


@pytest.mark.ci_runner
def test_gitlab_takes_it(project: Path) -> None:
    checker = [str(tool("check-jsonschema")), "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
    done = subprocess.run([*checker, str(project / ".gitlab-ci.yml")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


# Who may do what


def test_what_changes_aws_runs_on_the_default_branch_alone(jobs: dict[str, Job]) -> None:
    changing = {name: job for name, job in jobs.items() if role(job) == "deploy"}
    assert {"apply:dev", "deploy:dev", "apply:prod", "deploy:prod", "destroy:dev"} < set(changing)
    for name, job in changing.items():
        assert job["rules"], name
        assert all(rule["if"].startswith(f"{MAIN} && ") and "||" not in rule["if"] for rule in job["rules"]), name


def test_two_changes_of_an_environment_never_overlap_nor_are_cut_off(jobs: dict[str, Job]) -> None:
    for name, job in jobs.items():
        if role(job) == "deploy":
            assert job["resource_group"] == job["environment"]["name"] == "$ENVIRONMENT", name
            assert job["interruptible"] is False, name
            assert job["variables"]["ENVIRONMENT"] == name.split(":")[1], name


def test_only_a_job_with_a_role_has_a_token_and_no_job_has_a_key(project: Path, jobs: dict[str, Job]) -> None:
    for name, job in jobs.items():
        assert ("id_tokens" in job) == (role(job) in ("plan", "deploy")) == ("infra/ci/role.sh" in commands(job)), name
    for path in [project / ".gitlab-ci.yml", *(project / "infra" / "ci").iterdir()]:
        text = re.sub(r"^unset .*", "", path.read_text("utf-8"), flags=re.MULTILINE)
        assert not re.search(r"AKIA|(ACCESS|SECRET|PRIVATE)_?KEY|PASSWORD", text), path


def test_a_job_that_plans_changes_nothing(project: Path, jobs: dict[str, Job]) -> None:
    reading = {name: commands(job) for name, job in jobs.items() if role(job) == "plan"}
    assert reading
    for name, lines in reading.items():
        assert not re.search(r"\b(apply|deploy|destroy|delete|start|approve)\b", lines), name
    script = (project / "infra" / "ci" / "infrastructure.sh").read_text("utf-8")
    assert script.count("live plan") == script.count("live plan -no-color -input=false -lock=false") == 1


def test_production_has_a_gate_and_no_button_that_destroys_it(jobs: dict[str, Job]) -> None:
    production = {name: job for name, job in jobs.items() if job.get("variables", {}).get("ENVIRONMENT") == "prod"}
    assert set(production) == {"plan:prod", "apply:prod", "deploy:prod", "drift:prod", "drift:prod:pipelines"}
    for name, job in production.items():
        assert all(rule["exists"] == ["config/environments/prod.yaml"] for rule in job["rules"]), name
    assert [rule["when"] for rule in production["apply:prod"]["rules"]] == ["manual"]
    assert production["plan:prod"]["needs"] == ["package", "deploy:dev"]
    assert production["deploy:prod"]["needs"] == ["apply:prod"]


def test_a_commit_has_one_pipeline_that_of_its_merge_request_first(pipeline: dict[str, Any]) -> None:
    # The runner of the tests below does not look at these.
    assert pipeline["workflow"]["rules"] == [
        {"if": '$CI_PIPELINE_SOURCE == "merge_request_event"'},
        {"if": MAIN},
        {"if": "$CI_COMMIT_BRANCH && $CI_OPEN_MERGE_REQUESTS", "when": "never"},
        {"if": "$CI_COMMIT_BRANCH"},
    ]


# That it hangs together


def test_every_image_is_pinned_to_a_version(jobs: dict[str, Job]) -> None:
    for name, job in jobs.items():
        image = job["image"] if isinstance(job["image"], str) else job["image"]["name"]
        assert re.search(r":\d+\.\d+\.\d+(-[a-z]+)?$", image), name


def test_a_job_needs_jobs_that_there_are_and_that_come_no_later(pipeline: dict[str, Any], jobs: dict[str, Job]) -> None:
    for name, job in jobs.items():
        for needed in job.get("needs", []):
            assert pipeline["stages"].index(jobs[needed]["stage"]) <= pipeline["stages"].index(job["stage"]), name


def test_what_is_applied_was_checked_and_planned_before(jobs: dict[str, Job]) -> None:
    assert set(jobs["apply:dev"]["needs"]) == CHECKS | {"plan:dev"}


def test_it_calls_what_is_there(project: Path, jobs: dict[str, Job]) -> None:
    targets = set(re.findall(r"^([a-z]+):", (project / "Makefile").read_text("utf-8"), re.MULTILINE))
    for name, job in jobs.items():
        assert set(re.findall(r"^make (\S+)", commands(job), re.MULTILINE)) <= targets, name
        for script in re.findall(r"\binfra/\S+\.sh", commands(job)):
            assert (project / script).is_file(), name


def test_no_answer_stands_in_it(project: Path) -> None:
    # So that an update never conflicts in it; and each value stands in config/ alone.
    for path in [project / ".gitlab-ci.yml", *(project / "infra" / "ci").iterdir()]:
        text = path.read_text("utf-8")
        assert not [answer for answer in ("findable", "987654321098", "sa-east-1") if answer in text], path


def commit_all(project: Path) -> None:
    """Commit a project as it is, the first time into a new repository."""
    git(project, "init", "--quiet", "--initial-branch=main")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "Work")


# When a job runs


@pytest.fixture
def runner(project: Path, tmp_path: Path) -> Runner:
    """A runner for the project as a repository."""
    commit_all(project)
    return Runner(project, tmp_path / "home")


def by_occasion(runner: Runner, context: Mapping[str, str | None]) -> dict[str, set[str]]:
    """The jobs that run by themselves, and those that wait for a person."""
    jobs = runner.jobs(context)
    return {
        occasion: {name for name, when in jobs.items() if when == occasion} for occasion in ("on_success", "manual")
    }


@pytest.mark.ci_runner
def test_a_merge_request_is_checked_and_planned(runner: Runner) -> None:
    assert by_occasion(runner, ON_A_MERGE_REQUEST) == {
        "on_success": CHECKS | {"compile:diff", "plan:dev"},
        "manual": set(),
    }


@pytest.mark.ci_runner
def test_a_branch_is_checked_and_asks_nothing_of_aws(runner: Runner) -> None:
    assert by_occasion(runner, ON_A_BRANCH) == {"on_success": CHECKS, "manual": set()}


@pytest.mark.ci_runner
def test_what_is_merged_waits_for_a_person_before_it_is_applied(runner: Runner) -> None:
    assert by_occasion(runner, ON_MAIN) == {"on_success": CHECKS | {"plan:dev"} | FOLLOW, "manual": BY_HAND}


@pytest.mark.ci_runner
def test_a_schedule_looks_for_drift_and_does_nothing_else(runner: Runner) -> None:
    looks = {"on_success": {"package", "drift:dev", "drift:dev:pipelines"}, "manual": set()}
    assert by_occasion(runner, ON_A_SCHEDULE) == looks
    assert by_occasion(runner, ON_A_SCHEDULE_OF_A_BRANCH) == {"on_success": {"package"}, "manual": set()}


@pytest.mark.ci_runner
def test_production_appears_once_its_account_is_described(project: Path, runner: Runner) -> None:
    environments = project / "config" / "environments"
    (environments / "prod.yaml").write_bytes((environments / "dev.yaml").read_bytes())
    on_main = by_occasion(runner, ON_MAIN)
    assert on_main["manual"] == BY_HAND | {"apply:prod"}
    assert on_main["on_success"] == CHECKS | {"plan:dev"} | FOLLOW | {"plan:prod", "deploy:prod"}
    assert by_occasion(runner, ON_A_SCHEDULE)["on_success"] > {"drift:prod", "drift:prod:pipelines"}
    assert by_occasion(runner, ON_A_MERGE_REQUEST)["on_success"] == CHECKS | {"compile:diff", "plan:dev"}


# The scripts


def shell(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run lines as a job does, in the plainest of shells."""
    environment = {"PATH": "/usr/bin:/bin", "CI_JOB_ID": "7", **variables}
    return subprocess.run(["sh", "-euc", script], cwd=folder, env=environment, capture_output=True, text=True)


SHOW = 'echo "$AWS_ROLE_ARN $AWS_REGION $STEM $(cat "$AWS_WEB_IDENTITY_TOKEN_FILE")"'


def as_plan(script: str, project: Path, environment: str = "dev", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run lines as a job that has taken on the role plan."""
    job = {"ENVIRONMENT": environment, "CI_JOB_NAME": f"plan:{environment}", "ROLE": "plan", "AWS_ID_TOKEN": "a.b.c"}
    return shell(f". infra/ci/role.sh; {script}", project, **{**job, **variables})


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-west-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("eusc-de-east-1", "aws-eusc"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("us-isof-south-1", "aws-iso-f"),
    ],
)
def test_a_role_is_named_by_rule_in_the_account_that_the_configuration_names(
    bake: Bake, region: str, partition: str
) -> None:
    project = bake("copier", project_slug="rings", aws_account_id="000000000012", aws_region=region)
    told = as_plan(SHOW, project)
    arn = f"arn:{partition}:iam::000000000012:role/rings-dev-ci-plan"
    assert told.stdout == f"As {arn} in {region}\n{arn} {region} rings-dev a.b.c\n"


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        ("config/environments/dev.yaml", 'account_id: "', 'account: "', "dev.yaml: account_id is missing"),
        ("config/environments/dev.yaml", "region: ", "where: ", "dev.yaml: region is missing"),
        ("config/environments/dev.yaml", "region: eu-west-1", "region: $(id)", "dev.yaml: region is missing"),
        ("config/pipelines.yaml", "project: ", "name: ", "config/pipelines.yaml: project is missing"),
    ],
)
def test_a_role_of_nowhere_is_refused_with_a_sentence(bake: Bake, file: str, old: str, new: str, sentence: str) -> None:
    project = bake("copier")
    text = (project / file).read_text("utf-8")
    (project / file).write_text(text.replace(f"\n{old}", f"\n{new}", 1), encoding="utf-8")
    told = as_plan(SHOW, project)
    assert told.returncode == 1
    assert sentence in told.stderr
    assert told.stdout == ""


@pytest.mark.parametrize("end", ["true", "false"])
def test_a_token_is_gone_when_its_job_has_ended(bake: Bake, end: str) -> None:
    told = as_plan(f'ls -l "$AWS_WEB_IDENTITY_TOKEN_FILE"; {end}', bake("copier"))
    mode, *_, token = told.stdout.splitlines()[1].split()
    assert mode == "-rw-------"
    assert not Path(token).exists()


def test_a_key_from_the_variables_of_a_group_does_not_take_the_place_of_the_role(bake: Bake) -> None:
    stored = {"AWS_ACCESS_KEY_ID": "stored", "AWS_SECRET_ACCESS_KEY": "stored", "AWS_PROFILE": "stored"}
    told = as_plan("env", bake("copier"), **stored)
    assert "AWS_ROLE_ARN=" in told.stdout
    assert "stored" not in told.stdout


def test_an_environment_from_the_variables_of_a_group_is_refused(bake: Bake) -> None:
    told = as_plan(SHOW, bake("copier"), CI_JOB_NAME="deploy:prod")
    assert told.returncode == 1
    assert "the job deploy:prod has ENVIRONMENT=dev from outside" in told.stderr


def test_an_environment_that_is_not_described_is_refused_with_a_sentence(bake: Bake) -> None:
    project = bake("copier")
    role = as_plan(SHOW, project, "prod")
    assert role.stderr.startswith("config/environments/prod.yaml does not exist: copy config/environments/dev.yaml")
    plan = shell("infra/ci/infrastructure.sh plan prod", project)
    assert plan.stderr == "infra/envs/prod.tfvars does not exist: copy dev.tfvars\n"
    assert shell("infra/ci/infrastructure.sh apply", project).stderr.startswith("usage: ")


def test_a_merge_request_shows_what_it_changes_in_the_definitions(project: Path) -> None:
    commit_all(project)
    settings = project / "config" / "pipelines.yaml"
    settings.write_text(settings.read_text("utf-8").replace("  jobs: 20\n", "  jobs: 30\n"), encoding="utf-8")
    commit_all(project)

    told = shell("infra/ci/definitions.sh HEAD~1 build/definitions.md", project, PATH=f"{sys.prefix}/bin:/usr/bin:/bin")

    assert told.returncode == 0, told.stderr
    page = (project / "build" / "definitions.md").read_text("utf-8")
    assert page.count("unchanged") == 2
    assert "## training-hpo\n\n- changed" in page
    assert git(project, "worktree", "list").count("\n") == 0


def test_a_merge_request_from_definitions_that_do_not_compile_says_so(project: Path) -> None:
    settings = project / "config" / "pipelines.yaml"
    good = settings.read_text("utf-8")
    settings.write_text("project: [\n", encoding="utf-8")
    commit_all(project)
    settings.write_text(good, encoding="utf-8")

    told = shell("infra/ci/definitions.sh HEAD build/definitions.md", project, PATH=f"{sys.prefix}/bin:/usr/bin:/bin")

    assert told.returncode == 0, told.stderr
    assert "The definitions of HEAD do not compile" in (project / "build" / "definitions.md").read_text("utf-8")


def test_a_project_in_a_folder_of_a_repository_shows_its_changes_too(bake: Bake, tmp_path: Path) -> None:
    repository = tmp_path / "monorepo"
    (repository / "other").mkdir(parents=True)
    (repository / "other" / "README.md").write_text("Of another team.\n", encoding="utf-8")
    git(tmp_path, "init", "--quiet", str(repository))
    commit_all(repository)
    project = repository / "ml" / "rings"
    shutil.copytree(bake("copier"), project, ignore=shutil.ignore_patterns(".git"))
    commit_all(repository)
    settings = project / "config" / "pipelines.yaml"
    settings.write_text(settings.read_text("utf-8").replace("  jobs: 20\n", "  jobs: 30\n"), encoding="utf-8")
    commit_all(repository)
    pages = {}
    for base in ("HEAD~1", "HEAD~2"):
        told = shell(f"infra/ci/definitions.sh {base} build/page.md", project, PATH=f"{sys.prefix}/bin:/usr/bin:/bin")
        assert told.returncode == 0, told.stderr
        pages[base] = (project / "build" / "page.md").read_text("utf-8")
    assert "## training-hpo\n\n- changed" in pages["HEAD~1"]
    assert pages["HEAD~2"] == "HEAD~2 has no project in ml/rings/ yet, so there is nothing to compare.\n"
