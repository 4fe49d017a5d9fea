"""The AWS of a local cloud: moto with patches, and a port where it will answer."""

from __future__ import annotations

import functools
import secrets
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_kit.aws.environment import Environment
from mlops_kit.local_cloud.account import local_environment
from mlops_kit.local_cloud.emails import EmailLog
from mlops_kit.local_cloud.in_process import handled_in_process
from mlops_kit.local_cloud.patches.buckets import patch_bucket_notifications
from mlops_kit.local_cloud.patches.dispatch import patch_service_list
from mlops_kit.local_cloud.patches.functions import patch_function_settings
from mlops_kit.local_cloud.patches.model_cards import patch_model_cards
from mlops_kit.local_cloud.patches.policies import patch_bucket_policies
from mlops_kit.local_cloud.patches.service_models import patch_service_models
from mlops_kit.local_cloud.patches.topics import patch_topics
from mlops_kit.local_cloud.server import Server
from mlops_kit.runner.stop import Stop
from mlops_kit.runner.work_folder import claimed


@dataclass(frozen=True)
class Options:
    """How a local cloud is opened; see `LocalCloud`.

    Attributes:
        dismissed: is set by a POST to the cloud's address.
    """

    root: Path
    work: Path
    port: int
    wait: Callable[[Stop, float], None]
    clock: Callable[[], float]
    empty_account: bool
    dismissed: threading.Event


@dataclass(frozen=True)
class Backend:
    """The AWS of a local cloud.

    Attributes:
        server: listens, and answers once it has an application.
        environment: the names of all resources, and where to reach them.
        client: returns a boto3 client of a service.
        path: the path of the cloud's address, which is unique.
    """

    server: Server
    environment: Environment
    client: Callable[[str], Any]
    path: str

    @property
    def address(self) -> str:
        """The URL that identifies this cloud."""
        return f"{self.server.url}{self.path}"


def open_backend(stack: ExitStack, options: Options) -> Backend:
    """Claim the working folder, patch moto, and listen.

    Args:
        stack: closes it.
        options: of the cloud.

    Raises:
        OccupiedError: another local cloud uses the working folder.
        UserError: the project's configuration is invalid.
    """
    stack.enter_context(claimed(options.work))
    stack.enter_context(patch_function_settings())
    stack.enter_context(patch_bucket_notifications())
    stack.enter_context(patch_bucket_policies())
    stack.enter_context(patch_model_cards())
    stack.enter_context(patch_service_list())
    stack.enter_context(patch_service_models())
    stack.enter_context(patch_topics(EmailLog(options.work)))
    if options.empty_account:
        # not at the top: only Terraform uses EC2, which takes most of a second to import
        from mlops_kit.local_cloud.patches.security_groups import patch_security_group_rules

        stack.enter_context(patch_security_group_rules())
    server = Server(options.port)
    stack.callback(server.close)
    stack.enter_context(handled_in_process(server.url, server.answer))  # before the first client is created
    environment = local_environment(options.root, server.url, options.empty_account)
    return Backend(
        server=server,
        environment=environment,
        client=functools.cache(environment.client),
        path=f"/local-cloud/{secrets.token_hex(8)}",
    )
