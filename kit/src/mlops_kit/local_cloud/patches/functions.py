"""Lambda functions: what moto takes about them and does not give back, so that Terraform would set it again each time.

Dead-letter queue and logging are dropped; of two configurations of asynchronous calls the first counts, not the second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from moto.awslambda.models import LambdaBackend, LambdaFunction

from mlops_kit.local_cloud.patches.patch import replaced

KEPT = ("DeadLetterConfig", "LoggingConfig")

Method = Callable[..., Any]


@contextmanager
def functions_are_kept_whole() -> Iterator[None]:
    """Within this block functions keep all that they are given."""
    with ExitStack() as block:
        block.enter_context(replaced(LambdaFunction, "__init__", _keeping))
        block.enter_context(replaced(LambdaFunction, "update_configuration", _keeping_updates))
        block.enter_context(replaced(LambdaFunction, "get_configuration", _with_kept))
        block.enter_context(replaced(LambdaBackend, "put_function_event_invoke_config", _in_place_of_the_last))
        yield


def _keeping(original: Method) -> Method:
    def __init__(function: Any, account_id: str, spec: Mapping[str, Any], *given: Any, **named: Any) -> None:  # noqa: N807
        function.kept = {key: spec[key] for key in KEPT if key in spec}
        original(function, account_id, spec, *given, **named)

    return __init__


def _keeping_updates(original: Method) -> Method:
    def update_configuration(function: Any, updates: Mapping[str, Any]) -> Any:
        function.kept |= {key: updates[key] for key in KEPT if key in updates}
        return original(function, updates)

    return update_configuration


def _with_kept(original: Method) -> Method:
    def get_configuration(function: Any, *given: Any, **named: Any) -> dict[str, Any]:
        return {**original(function, *given, **named), **function.kept}

    return get_configuration


def _in_place_of_the_last(original: Method) -> Method:
    def put_function_event_invoke_config(backend: Any, function_name: str, config: dict[str, Any]) -> Any:
        backend.get_function(function_name).event_invoke_config.clear()
        return original(backend, function_name, config)

    return put_function_event_invoke_config
