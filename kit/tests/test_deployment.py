"""Deployment is idempotent and safe against concurrent deployments; `diff` shows what it would change."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from mlops_jobs.errors import UserError
from mlops_kit.aws import deployment
from mlops_kit.aws.deployment import diff
from mlops_kit.aws.environment import Environment
from mlops_kit.aws.refusals import in_sentences
from mlops_kit.definition.changes import ABSENT, PartChange, PipelineChanges, ValueChange, compare, render
from mlops_kit.definition.code import code_keys, library_files
from mlops_kit.definition.compile import compile_all
from mlops_kit.definition.lineage import Lineage

LINEAGE = Lineage("a1b2c3d", "17", "https://git.example/flats")
KINDS = ("training", "training-hpo", "inference")

deploy = partial(deployment.deploy, lineage=LINEAGE, say=lambda _: None)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def keys(environment: Environment) -> set[str]:
    listed = environment.client("s3").list_objects_v2(Bucket=environment.bucket)
    return {entry["Key"] for entry in listed.get("Contents", [])}


def key_arn(environment: Environment) -> str:
    """The key behind the environment's alias."""
    return str(environment.client("kms").describe_key(KeyId=environment.kms_key_arn)["KeyMetadata"]["Arn"])


def described(environment: Environment, kind: str) -> dict[str, Any]:
    name = environment.pipeline_name(kind)
    return dict(environment.client("sagemaker").describe_pipeline(PipelineName=name))


# deploy


def test_deployment_is_idempotent(environment: Environment, project: Path) -> None:
    printed: list[str] = []
    assert deploy(environment, project, say=printed.append) == dict.fromkeys(KINDS, "created")
    assert printed[1:] == [
        f"created the model package group {environment.model_package_group}",
        *(f"created {environment.pipeline_name(kind)}" for kind in KINDS),
    ]
    printed.clear()
    assert deploy(environment, project, say=printed.append) == dict.fromkeys(KINDS, "unchanged")
    assert printed == [
        f"0 files of code uploaded to s3://{environment.bucket}/code/",
        *(f"unchanged {environment.pipeline_name(kind)}" for kind in KINDS),
    ]


def test_a_pipeline_is_created_with_role_description_and_tags(environment: Environment, root: Path) -> None:
    edit(root / "config" / "pipelines.yaml", "tags: {}", 'tags: {cost-center: "4711"}')
    deploy(environment, root)
    pipeline = described(environment, "training-hpo")
    assert pipeline["RoleArn"] == environment.role_arn
    assert pipeline["PipelineDisplayName"] == f"{environment.project}-dev-training-hpo"
    assert "hyperparameters" in pipeline["PipelineDescription"]
    tags = environment.client("sagemaker").list_tags(ResourceArn=pipeline["PipelineArn"])["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {
        "cost-center": "4711",
        "project": environment.project,
        "environment": "dev",
        "pipeline": "training-hpo",
    }


def test_a_deployed_definition_has_no_placeholder(environment: Environment, project: Path) -> None:
    deploy(environment, project)
    for kind in KINDS:
        definition = described(environment, kind)["PipelineDefinition"]
        assert "${" not in definition
        assert environment.bucket in definition
    assert "a1b2c3d" in described(environment, "training")["PipelineDefinition"]


def test_a_deployed_definition_names_the_key_and_not_its_alias(environment: Environment, project: Path) -> None:
    deploy(environment, project)
    for kind in KINDS:
        definition = described(environment, kind)["PipelineDefinition"]
        assert ":key/" in key_arn(environment)
        assert key_arn(environment) in definition
        assert environment.kms_key_arn not in definition
    assert not any(diff(environment, project, LINEAGE).values())
    named = replace(environment, kms_key_arn=key_arn(environment))
    assert not any(diff(named, project, LINEAGE).values()), "the key itself needs no look-up"


def test_a_missing_key_is_named_with_the_remedy(environment: Environment, project: Path) -> None:
    lost = replace(environment, kms_key_arn=f"{environment.kms_key_arn}-lost")
    for command in (deploy, diff):
        with pytest.raises(UserError) as refused, in_sentences(lost):
            command(lost, project)
        assert str(refused.value) == (
            f"there is no KMS key {lost.kms_key_arn}; apply the infrastructure first, which creates it "
            "(docs/infrastructure.md), or set another as kms_key_arn in config/environments/dev.yaml"
        )
    assert keys(environment) == set()


def test_all_code_is_uploaded_under_its_hash_and_with_the_environments_key(
    environment: Environment, project: Path
) -> None:
    deploy(environment, project)
    at = code_keys(project)
    assert keys(environment) == {
        *(f"{at.jobs}/{path.name}" for path in (project / "jobs").glob("*.py")),
        *(f"{at.jobs}/{name}" for name in library_files()),
        at.source,
        f"{at.contract}/dataset.yaml",
        "code/nothing/_NOTHING",
    }
    for key in keys(environment):
        head = environment.client("s3").head_object(Bucket=environment.bucket, Key=key)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key_arn(environment))


def test_only_code_that_is_not_in_the_bucket_is_uploaded(environment: Environment, root: Path) -> None:
    deploy(environment, root)
    before = keys(environment)
    edit(root / "jobs" / "train.py", '"""Job: ', '"""A job: ')
    assert deploy(environment, root) == dict.fromkeys(KINDS, "updated")
    at = code_keys(root)
    new = {
        *(f"{at.jobs}/{path.name}" for path in (root / "jobs").glob("*.py")),
        *(f"{at.jobs}/{name}" for name in library_files()),
        at.source,
    }
    assert keys(environment) == before | new
    assert not before & new


def test_an_upload_that_was_interrupted_is_completed(environment: Environment, project: Path) -> None:
    deploy(environment, project)
    before = keys(environment)
    environment.client("s3").delete_object(Bucket=environment.bucket, Key=code_keys(project).source)
    assert deploy(environment, project) == dict.fromkeys(KINDS, "unchanged")
    assert keys(environment) == before


def test_concurrent_deployments_do_not_hinder_each_other(environment: Environment, project: Path) -> None:
    with ThreadPoolExecutor(max_workers=4) as pool:
        runs = [pool.submit(deploy, environment, project) for _ in range(4)]
    outcomes = [run.result() for run in runs]
    for kind in KINDS:
        assert "created" in [outcome[kind] for outcome in outcomes]
    assert deploy(environment, project) == dict.fromkeys(KINDS, "unchanged")


def test_a_pipeline_that_other_deployments_keep_changing_is_reported(
    environment: Environment, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def conflict(*_: Any) -> str:
        raise ClientError({"Error": {"Code": "ConflictException", "Message": "no"}}, "UpdatePipeline")

    monkeypatch.setattr(deployment, "_put_pipeline", conflict)
    with pytest.raises(UserError, match=r"another deployment is changing .*-dev-training; wait .* deploy again"):
        deploy(environment, project)


@pytest.mark.parametrize(
    ("describe_error", "create_error", "outcome"),
    [
        ("does not exist", None, True),
        ("does not exist", "Model Package Group already exists.", False),
        (None, None, False),
    ],
)
def test_a_model_package_group_that_another_deployment_has_just_created_is_used(
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
    describe_error: str | None,
    create_error: str | None,
    outcome: bool,
) -> None:
    def answer(refusal: str | None) -> Mock:
        error = {"Error": {"Code": "ValidationException", "Message": refusal or ""}}
        return Mock(side_effect=ClientError(error, "IsThere") if refusal else None)

    sagemaker = SimpleNamespace(
        describe_model_package_group=answer(describe_error), create_model_package_group=answer(create_error)
    )
    monkeypatch.setattr(Environment, "client", lambda *_: sagemaker)
    assert deployment.create_model_package_group(environment, {}) is outcome


def test_an_existing_model_package_group_keeps_its_tags(environment: Environment, project: Path) -> None:
    sagemaker, group = environment.client("sagemaker"), environment.model_package_group
    tags = [{"Key": "managed-by", "Value": "terraform"}, {"Key": "project", "Value": "ours"}]
    arn = sagemaker.create_model_package_group(ModelPackageGroupName=group, Tags=tags)["ModelPackageGroupArn"]
    deploy(environment, project)
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == tags


def test_without_permission_no_model_package_group_is_created(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}, "IsThere")
    sagemaker = SimpleNamespace(describe_model_package_group=Mock(side_effect=error))
    monkeypatch.setattr(Environment, "client", lambda *_: sagemaker)
    with pytest.raises(ClientError, match="not authorized"):
        deployment.create_model_package_group(environment, {})


def test_a_definition_with_a_fault_is_not_deployed(
    environment: Environment, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(root: Path) -> dict[str, str]:
        return {
            kind: text.replace('"Type": "Processing"', '"Type": "Procesing"')
            for kind, text in compile_all(root).items()
        }

    monkeypatch.setattr(deployment, "compile_all", faulty)
    with pytest.raises(UserError, match=r"nothing was deployed, because the check finds: .*-dev-training: .*Procesing"):
        deploy(environment, project)
    assert keys(environment) == set()
    assert deployment.describe(environment, environment.pipeline_name("training")) is None


def test_another_role_updates_the_pipeline(environment: Environment, project: Path) -> None:
    deploy(environment, project)
    moved = replace(environment, role_arn="arn:aws:iam::123456789012:role/other")
    (part,) = diff(moved, project, LINEAGE)["inference"].parts[:1]
    assert (part.part, part.changes) == ("pipeline", (ValueChange("RoleArn", environment.role_arn, moved.role_arn),))
    assert deploy(moved, project) == dict.fromkeys(KINDS, "updated")
    assert described(environment, "inference")["RoleArn"] == moved.role_arn


def test_missing_tags_are_added_and_other_tags_stay(environment: Environment, root: Path) -> None:
    deploy(environment, root)
    sagemaker, arn = environment.client("sagemaker"), described(environment, "training")["PipelineArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "audited", "Value": "yes"}])
    assert deploy(environment, root)["training"] == "unchanged"
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["project"])
    assert deploy(environment, root)["training"] == "updated"
    tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    assert (tags["project"], tags["audited"]) == (environment.project, "yes")


# diff


def test_a_pipeline_that_is_not_deployed_would_be_created(environment: Environment, project: Path) -> None:
    changes = diff(environment, project, LINEAGE)
    assert all(changes[kind].created for kind in KINDS)
    assert render(changes["training"]) == (
        f"## {environment.project}-dev-training\n\n- does not exist yet: would be created"
    )


def test_nothing_differs_after_a_deployment(environment: Environment, project: Path) -> None:
    deploy(environment, project)
    changes = diff(environment, project, LINEAGE)
    assert not any(changes.values())
    assert render(changes["training"]) == f"## {environment.project}-dev-training\n\nunchanged"


def test_another_hyperparameter_is_shown_with_its_step_and_path(environment: Environment, root: Path) -> None:
    deploy(environment, root)
    edit(root / "config" / "hyperparameters.yaml", "eta: 0.05", "eta: 0.1")
    changes = diff(environment, root, LINEAGE)
    change = PartChange("step `Train`", "changed", (ValueChange("HyperParameters.eta", "0.05", "0.1"),))
    assert changes["training"].parts == (change,)
    assert not changes["training-hpo"], "there, the search chooses eta"
    assert not changes["inference"]
    assert render(changes["training"]).splitlines()[2:] == [
        "- changed step `Train`",
        '  - `HyperParameters.eta`: `"0.05"` -> `"0.1"`',
    ]
    assert deploy(environment, root) == {"training": "updated", "training-hpo": "unchanged", "inference": "unchanged"}
    assert not any(diff(environment, root, LINEAGE).values())


def test_other_code_is_shown_as_such(environment: Environment, root: Path) -> None:
    deploy(environment, root)
    edit(root / "jobs" / "train.py", '"""Job: ', '"""A job: ')
    changes = diff(environment, root, LINEAGE)["training"]
    assert changes.parts == tuple(
        PartChange(f"step `{step}`", "changed", contents=("code",)) for step in ("Preprocess", "Train", "Evaluate")
    )
    assert render(changes).splitlines()[2:4] == ["- changed step `Preprocess`", "  - code changed"]


def test_another_threshold_is_shown_with_the_contract(environment: Environment, root: Path) -> None:
    deploy(environment, root)
    edit(root / "config" / "dataset.yaml", "threshold: ", "threshold: 1")
    changes = diff(environment, root, LINEAGE)["training"]
    assert [part.part for part in changes.parts] == ["parameter `MetricThreshold`", "step `Preprocess`"]
    assert [change.path for change in changes.parts[0].changes] == ["DefaultValue"]
    assert changes.parts[1].contents == ("data contract",)


def test_another_commit_alone_is_shown_in_one_line_and_is_not_a_change(environment: Environment, project: Path) -> None:
    deploy(environment, project)
    changes = diff(environment, project, replace(LINEAGE, git_commit="d4e5f6", build_id="18"))["training"]
    assert not changes
    assert render(changes).splitlines()[2:] == [
        '- lineage: git_commit `"a1b2c3d"` -> `"d4e5f6"`, build_id `"17"` -> `"18"`'
    ]


def test_another_commit_is_deployed_so_that_models_record_it(environment: Environment, project: Path) -> None:
    deploy(environment, project)
    assert deploy(environment, project, lineage=replace(LINEAGE, git_commit="d4e5f6"))["training"] == "updated"
    assert "d4e5f6" in described(environment, "training")["PipelineDefinition"]


# the comparison itself

Definition = dict[str, Any]


def pipeline(*steps: Definition, **parameters: Definition) -> Definition:
    known = [{"Name": name, **parameter} for name, parameter in parameters.items()]
    return {"Version": "2020-12-01", "Parameters": known, "Steps": list(steps)}


def step(name: str, type_: str = "Processing", **arguments: Any) -> Definition:
    return {"Name": name, "Type": type_, "Arguments": arguments}


def compared(old: Definition, new: Definition) -> PipelineChanges:
    return compare("flats", json.loads(json.dumps(old)), json.loads(json.dumps(new)), LINEAGE)


def test_steps_and_parameters_come_and_go() -> None:
    old = pipeline(step("A"), step("B"), Rows={"Type": "Integer"})
    new = pipeline(step("A"), step("C"), Columns={"Type": "Integer"})
    assert [(part.how, part.part) for part in compared(old, new).parts] == [
        ("added", "parameter `Columns`"),
        ("added", "step `C`"),
        ("removed", "parameter `Rows`"),
        ("removed", "step `B`"),
    ]


def condition(*yes: Definition, no: Any = (), value: float = 1) -> Definition:
    return step("Check", "Condition", Conditions=[{"Value": value}], IfSteps=list(yes), ElseSteps=list(no))


CASES: dict[str, tuple[Definition, Definition, str, list[ValueChange]]] = {
    "an element of a list is known by its name": (
        step("A", Inputs=[{"InputName": "a", "Uri": "1"}, {"InputName": "b", "Uri": "2"}]),
        step("A", Inputs=[{"InputName": "b", "Uri": "3"}]),
        "A",
        [ValueChange("Inputs[a]", {"InputName": "a", "Uri": "1"}, ABSENT), ValueChange("Inputs[b].Uri", "2", "3")],
    ),
    "an element without a name is known by its place": (
        step("A", Arguments=["--x", "1", "--y", "2"]),
        step("A", Arguments=["--x", "1", "--y", "3"]),
        "A",
        [ValueChange("Arguments[3]", "2", "3")],
    ),
    "what came into a list is shown without the rest of it": (
        step("A", Arguments=["--x", "1", "--y", "2"]),
        step("A", Arguments=["--x", "1", "--z", "--y", "2"]),
        "A",
        [ValueChange("Arguments[2:2]", [], ["--z"])],
    ),
    "a list that came is shown in full": (
        step("A"),
        step("A", Arguments=["--x"]),
        "A",
        [ValueChange("Arguments", ABSENT, ["--x"])],
    ),
    "a variable is one value": (
        step("A", Uri={"Get": "Parameters.A"}),
        step("A", Uri={"Get": "Parameters.B"}),
        "A",
        [ValueChange("Uri", {"Get": "Parameters.A"}, {"Get": "Parameters.B"})],
    ),
    "a step is compared inside a branch too": (
        condition(step("A", Rows=1)),
        condition(step("A", Rows=2)),
        "A",
        [ValueChange("Rows", 1, 2)],
    ),
    "a step that moves to the other branch has changed": (
        condition(step("A")),
        condition(no=[step("A")]),
        "A",
        [ValueChange("Branch", "Check.IfSteps", "Check.ElseSteps")],
    ),
    "a condition is compared without its branches": (
        condition(step("A", Rows=1)),
        condition(step("A", Rows=1), value=2),
        "Check",
        [ValueChange("Conditions[0].Value", 1, 2)],
    ),
    "another hash beside another folder is more than other code": (
        step("A", Uri="s3://a/code/jobs-0123456789abcdef/x.py"),
        step("A", Uri="s3://b/code/jobs-fedcba9876543210/x.py"),
        "A",
        [ValueChange("Uri", "s3://a/code/jobs-0123456789abcdef/x.py", "s3://b/code/jobs-fedcba9876543210/x.py")],
    ),
    "a text around the commit is no lineage": (
        step("A", Note="made of a1b2c3d"),
        step("A", Note="built from ${git_commit}"),
        "A",
        [ValueChange("Note", "made of a1b2c3d", "built from ${git_commit}")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_of_two_definitions(case: str) -> None:
    old, new, name, changes = CASES[case]
    assert compared(pipeline(old), pipeline(new)).parts == (PartChange(f"step `{name}`", "changed", tuple(changes)),)


def test_an_added_or_removed_value_is_shown_as_nothing_on_the_other_side() -> None:
    text = render(compared(pipeline(step("A", Old=1)), pipeline(step("A", New="ä"))))
    assert '  - `New`: nothing -> `"ä"`' in text
    assert "  - `Old`: `1` -> nothing" in text
