# Which events are acted upon. A rule is known by a short name; the names of those that tell people of something are,
# with _ for -, the switches of `notifications.tell` in config/events.yaml.

locals {
  pipelines = values(var.pipeline_arns)
  step      = "SageMaker Model Building Pipeline Execution Step Status Change"
  execution = "SageMaker Model Building Pipeline Execution Status Change"
  package   = "SageMaker Model Package State Change"

  triggers = {
    new-data = {
      description = "New data has come into the bucket: start the pipeline that is for it."
      function    = "start-pipeline"
      source      = "aws.s3"
      type        = "Object Created"
      detail = {
        bucket = { name = [var.bucket_name] }
        object = { key = [for prefix in keys(var.prefixes) : { prefix = prefix }] }
      }
    }
    # A step that crashed has the status Failed and leaves no verdict: it never retrains.
    model-quality-verdict = {
      description = "The model was judged by labels that came in: train again if it has gone bad."
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

  messages = {
    model-registered = {
      description = "A model was registered, and waits for approval: tell people."
      source      = "aws.sagemaker"
      type        = local.package
      detail = {
        ModelPackageGroupName = [var.model_package_group_name]
        ModelApprovalStatus   = ["PendingManualApproval"]
      }
    }
    model-approved = {
      description = "A model was approved: tell people."
      source      = "aws.sagemaker"
      type        = local.package
      detail = {
        ModelPackageGroupName = [var.model_package_group_name]
        ModelApprovalStatus   = ["Approved"]
      }
    }
    model-rejected = {
      description = "A model was rejected: tell people."
      source      = "aws.sagemaker"
      type        = local.package
      detail = {
        ModelPackageGroupName = [var.model_package_group_name]
        ModelApprovalStatus   = ["Rejected"]
      }
    }
    step-failed = {
      description = "A step of a pipeline failed: tell people."
      source      = "aws.sagemaker"
      type        = local.step
      detail      = { pipelineArn = local.pipelines, currentStepStatus = ["Failed"] }
    }
    execution-failed = {
      description = "An execution of a pipeline failed: tell people."
      source      = "aws.sagemaker"
      type        = local.execution
      detail      = { pipelineArn = local.pipelines, currentPipelineExecutionStatus = ["Failed"] }
    }
    execution-succeeded = {
      description = "An execution of a pipeline succeeded: tell people."
      source      = "aws.sagemaker"
      type        = local.execution
      detail      = { pipelineArn = local.pipelines, currentPipelineExecutionStatus = ["Succeeded"] }
    }
    data-quality-violation = {
      description = "Data to predict on broke the baseline: tell people."
      source      = "mlops.${var.project}"
      type        = "Data Quality Violation"
      detail      = { environment = [var.environment] }
    }
    retraining = {
      description = "The model has gone bad, and training was started or held back: tell people."
      source      = "mlops.${var.project}"
      type        = "Retraining Decision"
      detail      = { environment = [var.environment] }
    }
  }

  tellable = [for key in keys(local.messages) : replace(key, "-", "_")]

  # As JSON, since the patterns of two rules have not the same shape.
  rules = merge(
    {
      for key, rule in local.triggers : key => {
        description = rule.description
        function    = rule.function
        pattern     = jsonencode({ source = [rule.source], detail-type = [rule.type], detail = rule.detail })
      } if key != "new-data" || var.new_data_starts_pipelines
    },
    {
      for key, rule in local.messages : key => {
        description = rule.description
        function    = "notify"
        pattern     = jsonencode({ source = [rule.source], detail-type = [rule.type], detail = rule.detail })
      } if lookup(var.tell, replace(key, "-", "_"), false)
    },
  )
}
