"""Pipeline steps whose arguments are the request of the AWS API itself.

The SDK's own job builders upload files and call AWS while a definition is written. These steps do not: they take the
request as the API reference describes it, with pipeline variables wherever they are wanted, and every other step of the
SDK can stand beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sagemaker.core.workflow.properties import Properties, PropertyFile
from sagemaker.mlops.workflow.retry import RetryPolicy, SageMakerJobStepRetryPolicy
from sagemaker.mlops.workflow.steps import CacheConfig, ConfigurableRetryStep, Step, StepTypeEnum

Request = dict[str, Any]


class OfflineSession:
    """What a Pipeline asks of a session while it is compiled: a region, and nobody to talk to."""

    boto_region_name = "us-east-1"
    local_mode = False

    @property
    def boto_session(self) -> OfflineSession:
        """Stands for boto3's session."""
        return self

    def client(self, service: str) -> None:
        """There is no client: whoever used it would fail, and not reach AWS."""


class RequestStep(ConfigurableRetryStep):
    """A step that makes one request to SageMaker.

    Args:
        name: the name of the step.
        request: the parameters of the API's operation, without the name of the job, which SageMaker gives.
        cache: whether an earlier result is taken for the same request, and for how long.
        retry_policies: what is tried again.
        depends_on: steps that have to end first, beside those whose properties the request holds.
    """

    type: ClassVar[StepTypeEnum]
    described_by: ClassVar[tuple[str, ...]]  # the shapes of the API's answers, in which `properties` are looked up

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
        """What the step will have made, by the names of the API's answer."""
        return self._properties

    def to_request(self) -> Request:
        """The step as it stands in the definition."""
        return super().to_request() | (self.cache.config if self.cache else {})


class ProcessingJobStep(RequestStep):
    """CreateProcessingJob.

    Args:
        property_files: JSON files among the outputs that later steps read with JsonGet.
    """

    type = StepTypeEnum.PROCESSING
    described_by = ("DescribeProcessingJobResponse",)

    def __init__(
        self, name: str, request: Request, *, property_files: Sequence[PropertyFile] = (), **more: Any
    ) -> None:
        super().__init__(name, request, **more)
        self.property_files = list(property_files)

    def to_request(self) -> Request:
        """The step as it stands in the definition."""
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


class _StoredStep(RequestStep):
    """A step that stores something and starts no job."""

    def __init__(self, name: str, request: Request, *, retry_policies: Sequence[RetryPolicy] = (), **more: Any) -> None:
        if any(isinstance(policy, SageMakerJobStepRetryPolicy) for policy in retry_policies):
            raise ValueError(f"{name}: starts no job, so it takes a StepRetryPolicy only")
        super().__init__(name, request, retry_policies=retry_policies, **more)


class ModelStep(_StoredStep):
    """CreateModel."""

    type = StepTypeEnum.CREATE_MODEL
    described_by = ("DescribeModelOutput",)


class RegisterModelStep(_StoredStep):
    """CreateModelPackage."""

    type = StepTypeEnum.REGISTER_MODEL
    described_by = ("DescribeModelPackageOutput",)


class QualityCheckJobStep(RequestStep):
    """CreateProcessingJob of SageMaker's model monitor, which makes a baseline or checks data against one.

    Args:
        skip_check: make a baseline only.
        register_new_baseline: hand the baseline that is made to later steps as the one to check against.
        fail_on_violation: let a violation end the execution.
        supplied_statistics: the S3 URI of the baseline's statistics.json.
        supplied_constraints: the S3 URI of the baseline's constraints.json.
    """

    type = StepTypeEnum.QUALITY_CHECK
    described_by = ()
    found: ClassVar = (
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
        for path in self.found:
            setattr(self._properties, path, Properties(step_name=name, step=self, path=path))

    def to_request(self) -> Request:
        """The step as it stands in the definition."""
        return super().to_request() | self._check


class LambdaFunctionStep(Step):
    """Invoke a Lambda function that is there already.

    Args:
        name: the name of the step.
        function_arn: the function.
        inputs: its event.
        outputs: the keys of its answer, all of them strings.
        depends_on: steps that have to end first, beside those whose properties the inputs hold.
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
        """The event that the function gets."""
        return self._inputs

    @property
    def properties(self) -> Properties:
        """None by the names of an API's answer: `output` has those of the function's."""
        return self._properties

    def output(self, name: str) -> Properties:
        """One value of the function's answer."""
        return Properties(step_name=self.name, step=self, path=f"OutputParameters['{name}']")

    def to_request(self) -> Request:
        """The step as it stands in the definition."""
        outputs = [{"OutputName": name, "OutputType": "String"} for name in self._outputs]
        return super().to_request() | {"FunctionArn": self._function_arn, "OutputParameters": outputs}
