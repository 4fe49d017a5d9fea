"""Pipeline steps whose arguments are the request of the AWS API.

The SDK's job builders upload files and call AWS while a definition is compiled. These steps do not: they take the
request as the API reference describes it, with pipeline variables as values, and mix with all other steps of the SDK.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sagemaker.core.workflow.properties import Properties, PropertyFile
from sagemaker.mlops.workflow.retry import RetryPolicy, SageMakerJobStepRetryPolicy
from sagemaker.mlops.workflow.steps import CacheConfig, ConfigurableRetryStep, Step, StepTypeEnum

from mlops_kit.definition.sdk_session import refusal

Request = dict[str, Any]


class OfflineSession:
    """The session of a Pipeline that is compiled: it has a region and no connection."""

    boto_region_name = "us-east-1"
    local_mode = False

    @property
    def boto_session(self) -> OfflineSession:
        """A substitute for boto3's session."""
        return self

    def client(self, service: str) -> None:
        """No client: code that used it would fail instead of calling AWS."""

    def resource(self, service: str) -> None:
        """No resource: a step that needs one calls AWS.

        Raises:
            UserError: always; the message has the service.
        """
        raise refusal(service)


class RequestStep(ConfigurableRetryStep):
    """A step that makes one request to SageMaker.

    Args:
        name: the name of the step.
        request: the parameters of the API's operation, without the name of the job, which SageMaker generates.
        cache: whether and for how long an earlier result of the same request is reused.
        retry_policies: the failures that are retried.
        depends_on: steps that have to end first, in addition to those whose properties the request refers to.
    """

    type: ClassVar[StepTypeEnum]
    described_by: ClassVar[tuple[str, ...]]  # the shapes of the API's responses that have the `properties`

    def __init__(
        self,
        name: str,
        request: Request,
        *,
        cache: CacheConfig | None = None,
        retry_policies: Sequence[RetryPolicy] = (),
        depends_on: Sequence[Step | str] = (),
        display_name: str | None = None,
        description: str | None = None,
    ) -> None:
        super().__init__(name, self.type, display_name, description, list(depends_on), list(retry_policies))
        self.cache = cache
        self._request = request
        self._properties = Properties(step_name=name, step=self, shape_names=list(self.described_by))

    @property
    def arguments(self) -> Request:
        """The request."""
        return self._request

    @property
    def properties(self) -> Properties:
        """The step's properties, by the names in the API's response."""
        return self._properties

    def to_request(self) -> Request:
        """The step in the definition."""
        return super().to_request() | (self.cache.config if self.cache else {})


class ProcessingJobStep(RequestStep):
    """CreateProcessingJob.

    Args:
        property_files: JSON files in the outputs that later steps read with JsonGet.
    """

    type = StepTypeEnum.PROCESSING
    described_by = ("DescribeProcessingJobResponse",)

    def __init__(
        self, name: str, request: Request, *, property_files: Sequence[PropertyFile] = (), **more: Any
    ) -> None:
        super().__init__(name, request, **more)
        self.property_files = list(property_files)

    def to_request(self) -> Request:
        """The step in the definition."""
        files = {"PropertyFiles": [file.expr for file in self.property_files]}
        return super().to_request() | (files if self.property_files else {})

    def output(self, name: str) -> Properties:
        """The S3 URI of an output, by its name."""
        return self.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri


class TrainingJobStep(RequestStep):
    """CreateTrainingJob."""

    type = StepTypeEnum.TRAINING
    described_by = ("DescribeTrainingJobResponse",)


class TuningJobStep(RequestStep):
    """CreateHyperParameterTuningJob."""

    type = StepTypeEnum.TUNING
    described_by = ("DescribeHyperParameterTuningJobResponse", "ListTrainingJobsForHyperParameterTuningJobResponse")


class TransformJobStep(RequestStep):
    """CreateTransformJob."""

    type = StepTypeEnum.TRANSFORM
    described_by = ("DescribeTransformJobResponse",)


class _ResourceStep(RequestStep):
    """A step that creates a resource and starts no job."""

    def __init__(self, name: str, request: Request, *, retry_policies: Sequence[RetryPolicy] = (), **more: Any) -> None:
        if any(isinstance(policy, SageMakerJobStepRetryPolicy) for policy in retry_policies):
            raise ValueError(f"{name}: starts no job, so it takes a StepRetryPolicy only")
        super().__init__(name, request, retry_policies=retry_policies, **more)


class ModelStep(_ResourceStep):
    """CreateModel."""

    type = StepTypeEnum.CREATE_MODEL
    described_by = ("DescribeModelOutput",)


class RegisterModelStep(_ResourceStep):
    """CreateModelPackage."""

    type = StepTypeEnum.REGISTER_MODEL
    described_by = ("DescribeModelPackageOutput",)


class QualityCheckJobStep(RequestStep):
    """CreateProcessingJob of SageMaker's Model Monitor, which computes a baseline or checks data against one.

    Args:
        skip_check: compute a baseline only.
        register_new_baseline: let later steps use the computed baseline for drift checks.
        fail_on_violation: fail the step on a violation.
        supplied_statistics: the S3 URI of the baseline's statistics.json.
        supplied_constraints: the S3 URI of the baseline's constraints.json.
    """

    type = StepTypeEnum.QUALITY_CHECK
    described_by = ()
    result_paths: ClassVar = (
        "CalculatedBaselineConstraints",
        "CalculatedBaselineStatistics",
        "BaselineUsedForDriftCheckConstraints",
        "BaselineUsedForDriftCheckStatistics",
    )

    def __init__(
        self,
        name: str,
        request: Request,
        *,
        skip_check: bool,
        register_new_baseline: bool,
        fail_on_violation: bool,
        supplied_statistics: Any = None,
        supplied_constraints: Any = None,
        **more: Any,
    ) -> None:
        super().__init__(name, request, **more)
        self._check = {
            "CheckType": "DATA_QUALITY",
            "ModelPackageGroupName": None,
            "SkipCheck": skip_check,
            "FailOnViolation": fail_on_violation,
            "RegisterNewBaseline": register_new_baseline,
            "SuppliedBaselineStatistics": supplied_statistics,
            "SuppliedBaselineConstraints": supplied_constraints,
        }
        for path in self.result_paths:
            setattr(self._properties, path, Properties(step_name=name, step=self, path=path))

    def to_request(self) -> Request:
        """The step in the definition."""
        return super().to_request() | self._check


class LambdaFunctionStep(Step):
    """Invoke an existing Lambda function.

    Args:
        name: the name of the step.
        function_arn: the function.
        inputs: its event.
        outputs: the keys of its response, whose values are strings.
        depends_on: steps that have to end first, in addition to those whose properties the inputs refer to.
    """

    def __init__(
        self,
        name: str,
        function_arn: str,
        inputs: Mapping[str, Any],
        outputs: Sequence[str],
        depends_on: Sequence[Step | str] = (),
    ) -> None:
        super().__init__(name, step_type=StepTypeEnum.LAMBDA, depends_on=list(depends_on))
        self._function_arn, self._inputs, self._outputs = function_arn, dict(inputs), tuple(outputs)
        self._properties = Properties(step_name=name, step=self)

    @property
    def arguments(self) -> Request:
        """The event of the function."""
        return self._inputs

    @property
    def properties(self) -> Properties:
        """No properties of an API's response; `output` has those of the function's response."""
        return self._properties

    def output(self, name: str) -> Properties:
        """One value of the function's response."""
        return Properties(step_name=self.name, step=self, path=f"OutputParameters['{name}']")

    def to_request(self) -> Request:
        """The step in the definition."""
        outputs = [{"OutputName": name, "OutputType": "String"} for name in self._outputs]
        return super().to_request() | {"FunctionArn": self._function_arn, "OutputParameters": outputs}
