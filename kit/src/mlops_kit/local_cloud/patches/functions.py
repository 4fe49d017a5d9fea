"""Lambda functions: settings that moto accepts and does not return, so that Terraform would set them on every apply.

moto drops the dead-letter queue and the logging settings; of two configurations of asynchronous invocation it returns
the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from moto.awslambda.models import LambdaBackend, LambdaFunction

from mlops_kit.local_cloud.patches.patch import patch

KEPT = ("DeadLetterConfig", "LoggingConfig")

Method = Callable[..., Any]


@contextmanager
def patch_function_settings() -> Iterator[None]:
    """Within this block functions keep all their settings."""
    with ExitStack() as patches:
        patches.enter_context(patch(LambdaFunction, "__init__", _keep_settings))
        patches.enter_context(patch(LambdaFunction, "update_configuration", _keep_updates))
        patches.enter_context(patch(LambdaFunction, "get_configuration", _return_kept))
        patches.enter_context(patch(LambdaBackend, "put_function_event_invoke_config", _replace_earlier))
        yield


def _keep_settings(original: Method) -> Method:
    def __init__(function: Any, account_id: str, spec: Mapping[str, Any], *args: Any, **kwargs: Any) -> None:  # noqa: N807
        function.kept = {key: spec[key] for key in KEPT if key in spec}
        original(function, account_id, spec, *args, **kwargs)

    return __init__


def _keep_updates(original: Method) -> Method:
    def update_configuration(function: Any, updates: Mapping[str, Any]) -> Any:
        function.kept |= {key: updates[key] for key in KEPT if key in updates}
        return original(function, updates)

    return update_configuration


def _return_kept(original: Method) -> Method:
    def get_configuration(function: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {**original(function, *args, **kwargs), **function.kept}

    return get_configuration


def _replace_earlier(original: Method) -> Method:
    def put_function_event_invoke_config(backend: Any, function_name: str, config: dict[str, Any]) -> Any:
        backend.get_function(function_name).event_invoke_config.clear()
        return original(backend, function_name, config)

    return put_function_event_invoke_config
