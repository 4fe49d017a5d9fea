# The rules by short name. A rule that sends a notification is switched by `notifications.tell` in config/events.yaml,
# under its short name with _ for -.

locals {
  group     = [var.model_package_group_name]
  pipelines = values(var.pipeline_arns)

  step      = "SageMaker Model Building Pipeline Execution Step Status Change"
  execution = "SageMaker Model Building Pipeline Execution Status Change"
  package   = "SageMaker Model Package State Change"

  triggers = {
    new-data = {
      description = "A new object in the bucket starts the pipeline that reads it."
      function    = "start-pipeline"
      source      = "aws.s3"
      type        = "Object Created"
      detail = {
        bucket = { name = [var.bucket_name] }
        object = { key = [for prefix in keys(var.prefixes) : { prefix = prefix }] }
      }
    }
    # A step that crashed has the status Failed and no verdict: it never starts retraining.
    model-quality-verdict = {
      description = "The quality of the model was measured: retrain if it is too low."
      function    = "guard-retraining"
      source      = "aws.sagemaker"
      type        = local.step
      detail = {
        pipelineArn       = [var.pipeline_arns.inference]
        stepName          = ["ModelQuality"]
        currentStepStatus = ["Succeeded"]
      }
    }
  }

  notifications = {
    model-registered = {
      description = "Notify: a model was registered."
      source      = "aws.sagemaker"
      type        = local.package
      detail      = { ModelPackageGroupName = local.group, ModelApprovalStatus = ["PendingManualApproval"] }
    }
    model-approved = {
      description = "Notify: a model was approved."
      source      = "aws.sagemaker"
      type        = local.package
      detail      = { ModelPackageGroupName = local.group, ModelApprovalStatus = ["Approved"] }
    }
    model-rejected = {
      description = "Notify: a model was rejected."
      source      = "aws.sagemaker"
      type        = local.package
      detail      = { ModelPackageGroupName = local.group, ModelApprovalStatus = ["Rejected"] }
    }
    step-failed = {
      description = "Notify: a step of a pipeline failed."
      source      = "aws.sagemaker"
      type        = local.step
      detail      = { pipelineArn = local.pipelines, currentStepStatus = ["Failed"] }
    }
    execution-failed = {
      description = "Notify: an execution of a pipeline failed."
      source      = "aws.sagemaker"
      type        = local.execution
      detail      = { pipelineArn = local.pipelines, currentPipelineExecutionStatus = ["Failed"] }
    }
    execution-succeeded = {
      description = "Notify: an execution of a pipeline succeeded."
      source      = "aws.sagemaker"
      type        = local.execution
      detail      = { pipelineArn = local.pipelines, currentPipelineExecutionStatus = ["Succeeded"] }
    }
    data-quality-violation = {
      description = "Notify: inference data violates the baseline."
      source      = "mlops.${var.context.project}"
      type        = "Data Quality Violation"
      detail      = { environment = [var.context.environment] }
    }
    retraining = {
      description = "Notify: the quality of the model is too low, and retraining was started or held back."
      source      = "mlops.${var.context.project}"
      type        = "Retraining Decision"
      detail      = { environment = [var.context.environment] }
    }
  }

  # A step's success is notified where a text of the team asks for it.
  succeeded = {
    for key in length(var.succeeded_steps) > 0 ? ["step-succeeded"] : [] : key => {
      description = "Notify: a step of a pipeline succeeded."
      function    = "notify"
      pattern = jsonencode({
        source      = ["aws.sagemaker"]
        detail-type = [local.step]
        detail = merge(
          { pipelineArn = local.pipelines, currentStepStatus = ["Succeeded"] },
          { for key in ["stepName"] : key => var.succeeded_steps if !contains(var.succeeded_steps, "*") },
        )
      })
    }
  }

  switches = [for key in keys(local.notifications) : replace(key, "-", "_")]

  # Patterns are JSON here, because those of two rules differ in type.
  rules = merge(
    {
      for key, rule in local.triggers : key => {
        description = rule.description
        function    = rule.function
        pattern     = jsonencode({ source = [rule.source], detail-type = [rule.type], detail = rule.detail })
      } if key != "new-data" || var.new_data_starts_pipelines
    },
    {
      for key, rule in local.notifications : key => {
        description = rule.description
        function    = "notify"
        pattern     = jsonencode({ source = [rule.source], detail-type = [rule.type], detail = rule.detail })
      } if lookup(var.enabled, replace(key, "-", "_"), false)
    },
    local.succeeded,
  )
}
