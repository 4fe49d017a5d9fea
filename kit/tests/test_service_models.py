"""botocore's models of services are parsed once while a local cloud is open."""

from __future__ import annotations

from typing import Any

import botocore.session

from mlops_kit.local_cloud.patches.service_models import patch_service_models


def model_of_a_new_session() -> Any:
    return botocore.session.Session().get_component("data_loader").load_service_model("sqs", "service-2")


def test_sessions_share_the_models_of_services_in_the_block_only() -> None:
    outside = model_of_a_new_session()
    with patch_service_models():
        first, second = (model_of_a_new_session()["operations"] for _ in range(2))
        assert first is second
        assert first == outside["operations"]
    assert model_of_a_new_session()["operations"] is not first


def test_a_file_that_does_not_exist_stays_unknown() -> None:
    with patch_service_models():
        loader = botocore.session.Session().get_component("data_loader")
        assert loader.file_loader.load_file("no/such/file") is None
