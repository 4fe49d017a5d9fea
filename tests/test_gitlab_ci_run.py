"""What the pipeline of a generated project does in AWS: from an account with nothing but infra/bootstrap, and back.

The jobs that check, lint and test, call what test_generated.py and tests/infrastructure call.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import copier
import pytest

from ci_runner import Runner
from mlops_kit.local_cloud.cloud import LocalCloud
from support import git
from terraform import Terraform, require_terraform, root_module

pytestmark = [pytest.mark.ci_runner, pytest.mark.terraform, pytest.mark.xdist_group("gitlab-ci")]

ON_MAIN = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main"}
ON_A_SCHEDULE = {"CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_BRANCH": "main"}

# The commands let no AWS_ENDPOINT_URL lead them astray. Here they must: botocore listens to it in each Python of a job.
LED_ASTRAY = """
from botocore.config import Config
make = Config.__init__
def listening(self, *args, ignore_configured_endpoint_urls=None, **options):
    make(self, *args, **options)
Config.__init__ = listening
"""

# Of bootstrap what the pipeline meets; the rest of it takes minutes.
MET = ("aws_s3_bucket.state", "aws_iam_role.ci", "aws_iam_policy.boundary")


@dataclass
class Repository:
    """A project in GitLab, and the AWS that its pipeline works on.

    Attributes:
        project: its folder.
        runner: runs its pipeline.
        cloud: that AWS.
        roles: the ARNs of the roles that bootstrap made, by what they are for.
    """

    project: Path
    runner: Runner
    cloud: LocalCloud
    roles: dict[str, str]

    def pipelines(self) -> set[str]:
        """The names of the pipelines in SageMaker."""
        listed = self.cloud.client("sagemaker").list_pipelines()["PipelineSummaries"]
        return {pipeline["PipelineName"] for pipeline in listed}


@pytest.fixture(scope="module")
def repository(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """A new project, whose account has seen an administrator apply infra/bootstrap, and nothing else."""
    providers = require_terraform()
    folder = tmp_path_factory.mktemp("gitlab")
    born = folder / "abalone-rings"
    copier.run_copy(str(template), born, defaults=True, quiet=True)
    git(folder, "init", "--quiet", "--initial-branch=main", str(born))
    git(born, "add", "--all")
    git(born, "commit", "--quiet", "--message", "Born")
    (folder / "python").mkdir()
    (folder / "python" / "sitecustomize.py").write_text(LED_ASTRAY, encoding="utf-8")
    with LocalCloud(born, folder / "cloud", empty_account=True) as cloud:
        bootstrap = Terraform(root_module(born, folder / "administrator", "bootstrap"), cloud.url)
        bootstrap.init()
        answers = ["-var=environment=dev", "-var=gitlab_project=ml/abalone-rings"]
        bootstrap.apply(*answers, *(f"-target={resource}" for resource in MET))
        outputs = bootstrap.outputs()
        variables = {
            "AWS_ENDPOINT_URL": cloud.url,
            "AWS_ENDPOINT_URL_STS": cloud.url,
            "AWS_ID_TOKEN": "what.GitLab.signed",
            "TF_PLUGIN_DIR": str(providers),
            "PYTHONPATH": str(folder / "python"),
            "MAKEFLAGS": f"VENV={sys.prefix}",
        }
        runner = Runner(born, folder / "home", variables)
        yield Repository(born, runner, cloud, {use: outputs[f"{use}_role_arn"] for use in ("plan", "deploy")})


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    """What jobs said that ended well."""
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_first_run_plans_applies_and_deploys(repository: Repository) -> None:
    jobs = ["package", "compile", "plan:dev", "apply:dev", "deploy:dev"]
    said = succeeded(repository.runner.run(jobs, ON_MAIN, manual=["apply:dev"]))
    assert f"As {repository.roles['plan']} in eu-west-1" in said
    assert f"As {repository.roles['deploy']} in eu-west-1" in said
    plan = repository.runner.artifact("build/infra/dev.txt").read_text("utf-8")
    report = json.loads(repository.runner.artifact("build/infra/dev.json").read_text("utf-8"))
    assert f"Plan: {report['create']} to add, 0 to change, 0 to destroy." in plan
    assert report["create"] > 50
    assert report["update"] == report["delete"] == 0
    assert repository.pipelines() == {f"abalone-rings-dev-{kind}" for kind in ("training", "training-hpo", "inference")}


def test_the_same_plan_is_not_applied_again(repository: Repository) -> None:
    again = repository.runner.run(["apply:dev"], ON_MAIN, manual=["apply:dev"])
    assert again.returncode == 1
    assert "The state has changed since the plan was created" in again.stdout


def test_a_schedule_finds_no_drift_where_there_is_none(repository: Repository) -> None:
    succeeded(repository.runner.run(["drift:dev", "drift:dev:pipelines"], ON_A_SCHEDULE))


def test_a_schedule_finds_what_somebody_changed_by_hand(repository: Repository) -> None:
    queue = repository.cloud.client("sqs").get_queue_url(QueueName="abalone-rings-dev-failed-calls")["QueueUrl"]
    retention = {"MessageRetentionPeriod": "60"}
    repository.cloud.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes=retention)
    repository.cloud.client("sagemaker").update_pipeline(
        PipelineName="abalone-rings-dev-training", PipelineDefinition='{"Version": "2020-12-01", "Steps": []}'
    )

    found = repository.runner.run(["drift:dev", "drift:dev:pipelines"], ON_A_SCHEDULE)

    assert found.returncode == 1
    assert "message_retention_seconds" in found.stdout
    assert "AWS differs from this commit" in found.stdout
    assert "## abalone-rings-dev-training" in found.stdout


def test_what_is_destroyed_is_gone(repository: Repository) -> None:
    bucket = "abalone-rings-dev-123456789012"
    repository.cloud.client("s3").put_object(Bucket=bucket, Key="data/training/rows.csv", Body=b"1")

    jobs = ["destroy:dev", "destroy:dev:infrastructure"]
    succeeded(repository.runner.run(jobs, ON_MAIN, manual=["destroy:dev"]))

    assert repository.pipelines() == set()
    buckets = {found["Name"] for found in repository.cloud.client("s3").list_buckets()["Buckets"]}
    assert buckets == {"abalone-rings-tfstate-123456789012"}
    state = repository.cloud.client("s3").get_object(
        Bucket="abalone-rings-tfstate-123456789012", Key="dev/live.tfstate"
    )
    assert json.loads(state["Body"].read())["resources"] == []
