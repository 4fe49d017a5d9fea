"""The interface between SageMaker's framework images and a training script: files, variables, arguments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlops_kit.runner.steps.hosts import Host
from mlops_kit.runner.steps.task import s3_source

CONFIGURATION = "/opt/ml/input/config"
# Hyperparameters that a script does not get, besides those that begin with sagemaker_: a tuning job in AWS adds the
# first to each of its training jobs. As SAGEMAKER_HYPERPARAMETERS in src/sagemaker_training/params.py of
# github.com/aws/sagemaker-training-toolkit.
RESERVED = ("_tuning_objective_metric", "default_user_module_name")


def write_configuration(request: Mapping[str, Any], hyperparameters: Mapping[str, str], host: Host) -> None:
    """Write the files in /opt/ml/input/config.

    Args:
        request: the CreateTrainingJob request.
        hyperparameters: its hyperparameters.
        host: the instance.
    """
    channels = {
        channel["ChannelName"]: {
            "ContentType": channel.get("ContentType", ""),
            "TrainingInputMode": channel.get("InputMode", "File"),
            "S3DistributionType": s3_source(channel["DataSource"]["S3DataSource"])[1],
            "RecordWrapperType": "None",
        }
        for channel in request.get("InputDataConfig", [])
    }
    container = host.container
    container.write_json(f"{CONFIGURATION}/hyperparameters.json", hyperparameters)
    container.write_json(f"{CONFIGURATION}/inputdataconfig.json", channels)
    resources = {"current_host": host.name, "hosts": host.names, "network_interface_name": "lo"}
    container.write_json(f"{CONFIGURATION}/resourceconfig.json", resources)


def arguments_of(hyperparameters: Mapping[str, str]) -> list[str]:
    """A script's arguments: the hyperparameters that are not SageMaker's, ordered by name."""
    return [text for name, value in sorted(own(hyperparameters).items()) for text in (_option(name), _argument(value))]


def own(hyperparameters: Mapping[str, str]) -> dict[str, Any]:
    """The hyperparameters for the script; a JSON value is decoded, like true to True.

    The framework images decode them, because the SDK encodes them as JSON.
    """
    return {
        name: _decoded(value)
        for name, value in hyperparameters.items()
        if not name.startswith("sagemaker_") and name not in RESERVED
    }


def environment_of(
    request: Mapping[str, Any], hyperparameters: Mapping[str, str], name: str, host: Host
) -> dict[str, str]:
    """A script's environment variables; `name` is the job's, the other arguments are those of `write_configuration`."""
    channels = [channel["ChannelName"] for channel in request.get("InputDataConfig", [])]
    return {
        "SM_MODEL_DIR": "/opt/ml/model",
        "SM_OUTPUT_DIR": "/opt/ml/output",
        "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
        "SM_INPUT_DIR": "/opt/ml/input",
        "SM_INPUT_CONFIG_DIR": CONFIGURATION,
        "SM_CHANNELS": json.dumps(sorted(channels)),
        **{f"SM_CHANNEL_{channel.upper()}": f"/opt/ml/input/data/{channel}" for channel in channels},
        "SM_HPS": json.dumps(own(hyperparameters)),
        **{f"SM_HP_{key.upper()}": _variable(value) for key, value in own(hyperparameters).items()},
        "SM_USER_ARGS": json.dumps(arguments_of(hyperparameters)),
        "SM_USER_ENTRY_POINT": hyperparameters.get("sagemaker_program", ""),
        "SM_HOSTS": json.dumps(host.names),
        "SM_CURRENT_HOST": host.name,
        "SM_NUM_CPUS": "1",
        "SM_NUM_GPUS": "0",
        "SM_LOG_LEVEL": hyperparameters.get("sagemaker_container_log_level", "20"),
        "TRAINING_JOB_NAME": name,
        **{key: str(value) for key, value in request.get("Environment", {}).items()},
    }


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _option(name: str) -> str:
    return f"--{name}" if len(name) > 1 else f"-{name}"


def _argument(value: Any) -> str:
    if isinstance(value, dict):
        return ",".join(f"{key}={inner}" for key, inner in sorted(value.items()))
    return str(value)


def _variable(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, separators=(",", ":"))
