"""A person approves or rejects versions of the model, with a reason; tuned hyperparameters are adopted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
import yaml
from botocore.exceptions import ClientError

from mlops_jobs.errors import UserError
from mlops_kit.aws.environment import Environment
from mlops_kit.aws.promote_hyperparameters import adopt_hyperparameters, replaced
from mlops_kit.aws.registry import approve, model_packages, reject
from moto_cloud import register_model

CALLER = "arn:aws:sts::123456789012:user/moto"
TUNED = {"kind": "training-hpo", "hp_eta": "0.071", "hp_max_depth": "7"}


def statuses(environment: Environment) -> dict[int, str]:
    return {package.version: package.status for package in model_packages(environment)}


# approve


def test_the_pending_version_is_approved(environment: Environment) -> None:
    for status in ("Rejected", "PendingManualApproval", "Rejected"):
        register_model(environment, status=status)
    package = approve(environment, comment="better on the\nnew district ")
    assert (package.version, package.status) == (2, "Approved")
    assert package.comment == "better on the new district"
    assert package.metadata == {"kind": "training", "metric": "rmse", "value": "2.1", "approved_by": CALLER}
    assert statuses(environment) == {1: "Rejected", 2: "Approved", 3: "Rejected"}


@pytest.mark.parametrize(("decide", "verb"), [(approve, "approve"), (reject, "reject")])
def test_where_several_are_pending_one_has_to_be_chosen(environment: Environment, decide: Any, verb: str) -> None:
    register_model(environment, {"value": "2.0949999"})
    register_model(environment, {"kind": "training-hpo", "value": "1.9"})
    with pytest.raises(UserError) as refused:
        decide(environment, comment="good")
    assert str(refused.value) == (
        f"2 versions of {environment.model_package_group} are pending: version 2, from training-hpo, rmse 1.9; "
        f"version 1, from training, rmse 2.095; choose the one to {verb} with --version"
    )
    assert set(statuses(environment).values()) == {"PendingManualApproval"}
    assert decide(environment, 1, comment="good").version == 1


def test_a_version_can_be_chosen(environment: Environment) -> None:
    register_model(environment)
    register_model(environment)
    assert approve(environment, 1, comment="good").version == 1
    assert statuses(environment) == {1: "Approved", 2: "PendingManualApproval"}


def test_an_approved_version_is_not_approved_again(environment: Environment) -> None:
    register_model(environment)
    approve(environment, comment="good")
    with pytest.raises(UserError, match=r"no version is pending, and the latest, version 1, is Approved"):
        approve(environment, comment="good")
    with pytest.raises(UserError, match=rf"version 1 of {environment.model_package_group} is approved already"):
        approve(environment, 1, comment="good")
    assert model_packages(environment)[0].comment == "good"


def test_without_a_model_there_is_nothing_to_approve(environment: Environment) -> None:
    with pytest.raises(UserError, match=r"has no model yet; train one with: mlops start training"):
        approve(environment, comment="good")


def test_an_unknown_version_is_refused_with_the_known_ones(environment: Environment) -> None:
    with pytest.raises(UserError, match=r"has no version 3; there is none yet"):
        approve(environment, 3, comment="good")
    register_model(environment)
    register_model(environment)
    with pytest.raises(UserError, match=r"has no version 3; there is 1, 2"):
        approve(environment, 3, comment="good")


@pytest.mark.parametrize("comment", ["", " \n"])
def test_a_decision_needs_a_reason(environment: Environment, comment: str) -> None:
    register_model(environment)
    for decide in (approve, reject):
        with pytest.raises(UserError, match=r'a decision needs a reason: add --comment "\.\.\."'):
            decide(environment, comment=comment)
    assert statuses(environment) == {1: "PendingManualApproval"}


@pytest.mark.parametrize("evidence", [None, " "])
def test_a_tuned_model_needs_the_record_of_the_review_board(environment: Environment, evidence: str | None) -> None:
    register_model(environment, TUNED)
    with pytest.raises(UserError, match=r"version 1 comes from training-hpo, so the review board decides"):
        approve(environment, comment="good", evidence=evidence)
    assert statuses(environment) == {1: "PendingManualApproval"}


def test_the_record_of_the_review_board_is_kept(environment: Environment) -> None:
    register_model(environment, TUNED)
    package = approve(environment, comment="good", evidence="minutes of 21 Nov, §4: https://board.example/4?page=2")
    assert package.comment == "good Evidence: minutes of 21 Nov, §4: https://board.example/4?page=2"
    assert package.metadata == {
        **TUNED,
        "metric": "rmse",
        "value": "2.1",
        "approved_by": CALLER,
        "evidence": "minutes of 21 Nov_ _4: https://board.example/4_page=2",
    }


def test_a_comment_that_is_too_long_for_the_registry_is_refused(environment: Environment) -> None:
    register_model(environment)
    with pytest.raises(UserError, match=r"are 1025 characters long and the registry keeps 1024"):
        approve(environment, comment="x" * 1025)
    assert approve(environment, comment="x" * 500, evidence="y" * 500).metadata["evidence"] == "y" * 256


def test_credentials_of_another_account_decide_nothing(environment: Environment) -> None:
    register_model(environment)
    with pytest.raises(UserError, match="the credentials belong to the account 123456789012"):
        approve(replace(environment, account_id="999999999999"), comment="good")
    assert statuses(environment) == {1: "PendingManualApproval"}


# reject


def test_the_pending_version_is_rejected(environment: Environment) -> None:
    register_model(environment)
    package = reject(environment, comment="overfits")
    assert (package.version, package.status, package.comment) == (1, "Rejected", "overfits")
    assert package.metadata["rejected_by"] == CALLER
    with pytest.raises(UserError, match="nothing to reject"):
        reject(environment, comment="overfits")
    with pytest.raises(UserError, match="is rejected already"):
        reject(environment, 1, comment="overfits")


def test_an_approved_version_is_rejected_when_it_is_chosen(environment: Environment) -> None:
    register_model(environment)
    approve(environment, comment="good")
    assert reject(environment, 1, comment="it was not").status == "Rejected"


# model_packages


def test_versions_are_listed_latest_first(environment: Environment) -> None:
    assert model_packages(environment) == []
    for _ in range(3):
        register_model(environment)
    assert [package.version for package in model_packages(environment)] == [3, 2, 1]
    assert [package.version for package in model_packages(environment, limit=2)] == [3, 2]


@pytest.mark.parametrize("code", ["ResourceNotFound", "ValidationException"])
def test_a_group_that_does_not_exist_has_no_versions(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    refuse_to_list(monkeypatch, code, "ModelPackageGroup flats does not exist.")
    assert model_packages(environment) == []


def test_a_group_without_permission_does_not_count_as_empty(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_to_list(monkeypatch, "AccessDeniedException", "not authorized")
    with pytest.raises(ClientError, match="not authorized"):
        model_packages(environment)


def refuse_to_list(monkeypatch: pytest.MonkeyPatch, code: str, message: str) -> None:
    """Let AWS refuse, as moto does not: in moto, a group that does not exist is empty."""
    error = ClientError({"Error": {"Code": code, "Message": message}}, "ListModelPackages")
    pages = SimpleNamespace(paginate=Mock(side_effect=error))
    monkeypatch.setattr(Environment, "client", lambda *_: SimpleNamespace(get_paginator=lambda _: pages))


# adopt


def hyperparameters(root: Path) -> Path:
    return root / "config" / "hyperparameters.yaml"


def test_the_winning_hyperparameters_of_a_tuning_job_are_adopted(environment: Environment, root: Path) -> None:
    register_model(environment, {**TUNED, "hp_subsample": "0.8"})
    approve(environment, comment="good", evidence="minutes")
    before = hyperparameters(root).read_text(encoding="utf-8")
    assert adopt_hyperparameters(environment, root) == {"eta": (0.05, 0.071), "max_depth": (4, 7)}
    after = before.replace("eta: 0.05", "eta: 0.071").replace("max_depth: 4", "max_depth: 7")
    assert hyperparameters(root).read_text(encoding="utf-8") == after


def test_adoption_is_idempotent(environment: Environment, root: Path) -> None:
    register_model(environment, TUNED, "Approved")
    adopt_hyperparameters(environment, root)
    written = hyperparameters(root).read_bytes()
    assert adopt_hyperparameters(environment, root) == {}
    assert hyperparameters(root).read_bytes() == written


def test_the_latest_approved_tuned_version_is_adopted_by_default(environment: Environment, root: Path) -> None:
    register_model(environment, TUNED, "Approved")
    register_model(environment, status="Approved")
    register_model(environment, {**TUNED, "hp_eta": "0.2"})
    assert adopt_hyperparameters(environment, root)["eta"] == (0.05, 0.071)
    assert adopt_hyperparameters(environment, root, 3)["eta"] == (0.071, 0.2)


def test_a_version_that_was_not_tuned_is_refused(environment: Environment, root: Path) -> None:
    register_model(environment, status="Approved")
    with pytest.raises(UserError, match="has no approved version from training-hpo; approve one"):
        adopt_hyperparameters(environment, root)
    with pytest.raises(UserError, match="version 1 comes from training: it has no tuned hyperparameters"):
        adopt_hyperparameters(environment, root, 1)


@pytest.mark.parametrize(
    ("tuned", "message"),
    [
        ({"hp_booster": "1"}, r"tuned in booster, which config/hyperparameters.yaml lacks; it has num_round, "),
        ({"hp_max_depth": "6.5"}, r"hp_max_depth of version 1 is '6.5'; it must be a number of the type int"),
        ({"hp_eta": "fast"}, r"hp_eta of version 1 is 'fast'; it must be a number of the type float"),
        ({"hp_eta": "nan"}, r"hp_eta of version 1 is 'nan'; it must be a number of the type float"),
    ],
)
def test_invalid_hyperparameters_are_refused(
    environment: Environment, root: Path, tuned: dict[str, str], message: str
) -> None:
    register_model(environment, {"kind": "training-hpo", **tuned}, "Approved")
    before = hyperparameters(root).read_bytes()
    with pytest.raises(UserError, match=message):
        adopt_hyperparameters(environment, root)
    assert hyperparameters(root).read_bytes() == before


def test_a_file_in_another_style_is_not_edited(environment: Environment, root: Path) -> None:
    register_model(environment, TUNED, "Approved")
    path = hyperparameters(root)
    flow = yaml.safe_dump(yaml.safe_load(path.read_text(encoding="utf-8")), default_flow_style=True, width=1000)
    path.write_text(flow, encoding="utf-8")
    with pytest.raises(
        UserError, match=r"is not written as one `name: value` a line; set by hand: eta: 0.071, max_depth: 7"
    ):
        adopt_hyperparameters(environment, root)
    assert path.read_text(encoding="utf-8") == flow


@pytest.mark.parametrize(
    ("text", "value", "written"),
    [
        ("eta: 0.05  # slow\nbeta: 1\n", 0.1, "eta: 0.1  # slow\nbeta: 1\n"),
        ("# eta: 0.05\r\neta:\t0.05\r\n", 0.1, "# eta: 0.05\r\neta:\t0.1\r\n"),
        ("theta: 1\neta : 0.05", 1e-05, "theta: 1\neta : 1.0e-05"),
        ("eta: 0.05#no comment\n", 1.5e-07, "eta: 1.5e-07#no comment\n"),
    ],
)
def test_the_text_around_a_value_stays(text: str, value: float, written: str) -> None:
    assert replaced(text, {"eta": value}) == written
