"""The SDK's own step classes compile without AWS, or are refused, as the table in docs/steps.md lists them."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import socket
from collections.abc import Callable
from typing import Any

import pytest
from sagemaker.core.clarify import BiasConfig, DataConfig
from sagemaker.core.lambda_helper import Lambda
from sagemaker.core.lineage.artifact import Artifact
from sagemaker.core.model_monitor import DatasetFormat
from sagemaker.core.parameter import ContinuousParameter
from sagemaker.core.processing import FrameworkProcessor, Processor, ScriptProcessor
from sagemaker.core.spark.processing import PySparkProcessor
from sagemaker.core.telemetry import telemetry_logging
from sagemaker.core.training.configs import Compute, OutputDataConfig, SourceCode
from sagemaker.core.transformer import Transformer
from sagemaker.core.workflow.conditions import ConditionEquals
from sagemaker.mlops.workflow.callback_step import CallbackStep
from sagemaker.mlops.workflow.check_job_config import CheckJobConfig
from sagemaker.mlops.workflow.clarify_check_step import ClarifyCheckStep, DataBiasCheckConfig
from sagemaker.mlops.workflow.cleanup_step import CleanupStep, S3CleanupSource
from sagemaker.mlops.workflow.condition_step import ConditionStep
from sagemaker.mlops.workflow.emr_serverless_step import EMRServerlessJobConfig, EMRServerlessStep
from sagemaker.mlops.workflow.emr_step import EMRStep, EMRStepConfig
from sagemaker.mlops.workflow.endpoint_step import EndpointStep
from sagemaker.mlops.workflow.fail_step import FailStep
from sagemaker.mlops.workflow.for_each_step import ForEachStep
from sagemaker.mlops.workflow.function_step import step as function_step
from sagemaker.mlops.workflow.lambda_step import LambdaStep
from sagemaker.mlops.workflow.lineage_step import LineageStep
from sagemaker.mlops.workflow.model_step import ModelStep
from sagemaker.mlops.workflow.monitor_batch_transform_step import MonitorBatchTransformStep
from sagemaker.mlops.workflow.notebook_job_step import NotebookJobStep
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.quality_check_step import DataQualityCheckConfig, QualityCheckStep
from sagemaker.mlops.workflow.steps import ProcessingStep, TrainingStep, TransformStep, TuningStep
from sagemaker.serve.model_builder import ModelBuilder
from sagemaker.train.model_trainer import ModelTrainer
from sagemaker.train.tuner import HyperparameterTuner

from example import TREE
from mlops_jobs.errors import UserError
from mlops_kit.definition.compile import compile_pipeline
from mlops_kit.definition.sdk_session import sdk_session
from mlops_kit.definition.steps import OfflineSession

Steps = list[Any]
PAGE = TREE / "docs" / "steps.md"
SCRIPT = str(TREE / "jobs" / "evaluate.py")
ROLE, IMAGE, INSTANCE = "${role_arn}", "${image_uri}", "ml.m5.large"


def processor(kind: type[Any], session: Any, **more: Any) -> Any:
    return kind(role=ROLE, image_uri=IMAGE, instance_count=1, instance_type=INSTANCE, sagemaker_session=session, **more)


def plain(session: Any, name: str = "A") -> ProcessingStep:
    return ProcessingStep(name, step_args=processor(Processor, session, entrypoint=["python3", "x.py"]).run())


def scripted(session: Any) -> Steps:
    script = processor(ScriptProcessor, session, command=["python3"])
    spark = processor(PySparkProcessor, session)
    return [
        plain(session),
        ProcessingStep("B", step_args=script.run(code="s3://${bucket}/code/x.py", arguments=["--a", "1"])),
        ProcessingStep("C", step_args=spark.run(submit_app="s3://${bucket}/code/x.py")),
    ]


def local_script(session: Any) -> Steps:
    script = processor(ScriptProcessor, session, command=["python3"])
    return [ProcessingStep("A", step_args=script.run(code=SCRIPT))]


def framework(session: Any) -> Steps:
    job = processor(FrameworkProcessor, session, command=["python3"])
    return [ProcessingStep("A", step_args=job.run(code="x.py", source_dir="s3://${bucket}/code/source.tar.gz"))]


def trainer(session: Any, **more: Any) -> ModelTrainer:
    return ModelTrainer(
        sagemaker_session=session,
        role=ROLE,
        training_image=IMAGE,
        compute=Compute(instance_type=INSTANCE, instance_count=1),
        output_data_config=OutputDataConfig(s3_output_path="s3://${bucket}/x"),
        **more,
    )


def script_mode(session: Any) -> ModelTrainer:
    return trainer(session, hyperparameters={"sagemaker_program": "train.py"})


def training(session: Any) -> Steps:
    return [TrainingStep("A", step_args=script_mode(session).train())]


def training_of_source(session: Any) -> Steps:
    source = SourceCode(source_dir=str(TREE / "jobs"), entry_script="train.py")
    return [TrainingStep("A", step_args=trainer(session, source_code=source).train())]


def tuning(session: Any) -> Steps:
    ranges = {"eta": ContinuousParameter(0.1, 0.3)}
    tuner = HyperparameterTuner(script_mode(session), "validation:rmse", ranges, max_jobs=2)
    return [TuningStep("A", step_args=tuner.tune(inputs=[]))]


def builder(session: Any) -> ModelBuilder:
    return ModelBuilder(
        s3_model_data_url="s3://${bucket}/model.tar.gz", image_uri=IMAGE, role_arn=ROLE, sagemaker_session=session
    )


def models(session: Any) -> Steps:
    registered = builder(session).register(
        model_package_group_name="${model_package_group}",
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=[INSTANCE],
        transform_instances=[INSTANCE],
    )
    return [ModelStep("M", step_args=builder(session).build()), ModelStep("R", step_args=registered)]


def transform_arguments(session: Any, model_name: Any) -> Any:
    job = Transformer(model_name, 1, INSTANCE, output_path="s3://${bucket}/o", sagemaker_session=session)
    return job.transform(data="s3://${bucket}/i")


def transform(session: Any) -> Steps:
    model = models(session)[0]
    return [model, TransformStep("A", step_args=transform_arguments(session, model.properties.ModelName))]


def transform_of_a_name(session: Any) -> Steps:
    return [TransformStep("A", step_args=transform_arguments(session, "a-model"))]


def check_config(session: Any) -> CheckJobConfig:
    return CheckJobConfig(role=ROLE, sagemaker_session=session)


def data_quality() -> DataQualityCheckConfig:
    return DataQualityCheckConfig(
        baseline_dataset="s3://${bucket}/d",
        dataset_format=DatasetFormat.csv(header=True),
        output_s3_uri="s3://${bucket}/o",
    )


def quality_check(session: Any) -> Steps:
    return [QualityCheckStep("A", data_quality(), check_config(session), skip_check=True)]


def clarify_check(session: Any) -> Steps:
    data = DataConfig(
        s3_data_input_path="s3://${bucket}/d",
        s3_output_path="s3://${bucket}/o",
        label="y",
        headers=["y", "x"],
        dataset_type="text/csv",
    )
    bias = DataBiasCheckConfig(data, BiasConfig(label_values_or_threshold=[1], facet_name="x"))
    return [ClarifyCheckStep("A", bias, check_config(session), skip_check=True)]


def monitored_transform(session: Any) -> Steps:
    model = models(session)[0]
    collection = MonitorBatchTransformStep(
        name="A",
        transform_step_args=transform_arguments(session, model.properties.ModelName),
        monitor_configuration=data_quality(),
        check_job_configuration=check_config(session),
        supplied_baseline_constraints="s3://${bucket}/c",
        supplied_baseline_statistics="s3://${bucket}/s",
    )
    return [model, *collection.steps]


def existing_function(session: Any) -> Steps:
    return [LambdaStep("A", Lambda(function_arn="${resolve_inputs_arn}", session=session), inputs={"a": "b"})]


def new_function(session: Any) -> Steps:
    function = Lambda(function_name="f", execution_role_arn=ROLE, script=SCRIPT, handler="h.h", session=session)
    return [LambdaStep("A", function, inputs={"a": "b"})]


def condition(session: Any) -> Steps:
    fail = FailStep("F", error_message="no")
    return [ConditionStep(name="A", conditions=[ConditionEquals(left=1, right=1)], if_steps=[fail], else_steps=[])]


def elsewhere(session: Any) -> Steps:
    spark = {"sparkSubmit": {"entryPoint": "s3://${bucket}/x.py"}}
    return [
        CallbackStep(name="A", sqs_queue_url="https://sqs.example/q", inputs={"a": "b"}, outputs=[]),
        EMRStep("B", "B", "B", cluster_id="j-1", step_config=EMRStepConfig(jar="s3://${bucket}/x.jar")),
        EMRServerlessStep(
            name="C",
            display_name="C",
            description="C",
            application_id="a",
            job_config=EMRServerlessJobConfig(job_driver=spark, execution_role_arn=ROLE),
        ),
    ]


def others(session: Any) -> Steps:
    job = plain(session)
    artifact = Artifact.create(
        artifact_name="a", source_uri="s3://${bucket}/x", artifact_type="t", sagemaker_session=session
    )
    return [
        job,
        CleanupStep(name="C", s3_sources=[S3CleanupSource(job)]),
        ForEachStep("F", iterable_items=["a"], max_concurrency=1, for_each_body=[plain(session, "B")]),
        EndpointStep("E", session.create_endpoint(endpoint_name="e", config_name="c")),
        LineageStep("L", artifacts=artifact),
    ]


def notebook(session: Any) -> Steps:
    file = str(TREE / "notebooks" / "explore.ipynb")
    return [NotebookJobStep(file, IMAGE, "python3", name="A", role=ROLE, instance_type=INSTANCE)]


def decorated(session: Any) -> Steps:
    @function_step(  # type: ignore[untyped-decorator]
        name="A", image_uri=IMAGE, role=ROLE, instance_type=INSTANCE
    )
    def double() -> int:
        return 2

    return [double()]


# The rows of the table in docs/steps.md, in its order: the classes, whether they compile, and what shows it.
ROWS: list[tuple[str, str, list[Callable[[Any], Steps]]]] = [
    ("`ProcessingStep`", "yes", [scripted]),
    ("`ProcessingStep`", "no: s3:PutObject", [local_script, framework]),
    ("`TrainingStep`", "yes", [training]),
    ("`TrainingStep`", "no: s3:PutObject", [training_of_source]),
    ("`TuningStep`", "yes", [tuning]),
    ("`TransformStep`", "yes", [transform]),
    ("`TransformStep`", "no: sagemaker:DescribeModel", [transform_of_a_name]),
    ("`ModelStep`", "yes", [models]),
    ("`QualityCheckStep`", "yes", [quality_check]),
    ("`ClarifyCheckStep`", "no: s3:PutObject", [clarify_check]),
    ("`MonitorBatchTransformStep`", "yes", [monitored_transform]),
    ("`LambdaStep`", "yes", [existing_function]),
    ("`LambdaStep`", "no: lambda:CreateFunction", [new_function]),
    ("`ConditionStep`, `FailStep`", "yes", [condition]),
    ("`CallbackStep`, `EMRStep`, `EMRServerlessStep`", "yes", [elsewhere]),
    ("`CleanupStep`, `ForEachStep`, `EndpointStep`, `LineageStep`", "yes", [others]),
    ("`NotebookJobStep`, `@step`", "no: iam", [notebook, decorated]),
    ("`AutoMLStep`", "no: there is no class", []),
]
CASES = [(verdict, case) for _, verdict, cases in ROWS for case in cases]


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, no credentials and no region."""

    def refuse(*_: Any) -> None:
        raise AssertionError("a definition went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)


def compiled(case: Callable[[Any], Steps]) -> str:
    """The definition of a pipeline of the steps of a case."""
    with sdk_session() as session:
        pipeline = Pipeline("p", steps=case(session), sagemaker_session=OfflineSession())
    return compile_pipeline(pipeline)


def test_the_page_lists_what_is_tried_here() -> None:
    rows = re.findall(r"^\| (.*?) \| (yes|no.*?) \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert rows == [(classes, verdict) for classes, verdict, _ in ROWS]


@pytest.mark.parametrize(("verdict", "case"), CASES, ids=[case.__name__ for _, case in CASES])
def test_a_class_compiles_to_the_same_bytes_each_time_or_is_refused_by_the_call_that_it_makes(
    verdict: str, case: Callable[[Any], Steps], offline: None
) -> None:
    if verdict == "yes":
        text = compiled(case)
        assert text == compiled(case)
        assert json.loads(text)["Steps"]
    else:
        call = verdict.removeprefix("no: ")
        with pytest.raises(UserError, match=f"the SDK calls {call} for one of its steps; docs/steps.md lists"):
            compiled(case)


def test_the_sdk_still_has_no_class_for_the_arguments_of_an_automl_step() -> None:
    assert importlib.util.find_spec("sagemaker.train.automl") is None, "try AutoMLStep, and correct docs/steps.md"


def test_nothing_is_sent_to_the_sdks_makers_and_the_process_is_left_as_it_was(
    offline: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(telemetry_logging, "_send_telemetry_request", lambda *_: sent.append(_))
    before = dict(os.environ)
    compiled(training)
    assert sent == []
    assert dict(os.environ) == before
    telemetry_logging._send_telemetry_request(1, [])
    assert len(sent) == 1


def test_a_placeholder_stays_what_it_is(offline: None) -> None:
    [job, *_] = json.loads(compiled(training))["Steps"]
    assert job["Arguments"]["RoleArn"] == ROLE
    assert job["Arguments"]["AlgorithmSpecification"]["TrainingImage"] == IMAGE


def test_other_code_that_needs_aws_is_refused_in_the_same_words() -> None:
    with pytest.raises(UserError, match="the SDK calls s3 for one of its steps"):
        OfflineSession().boto_session.resource("s3")
