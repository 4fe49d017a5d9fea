# The EventBridge rules, and the Lambda function that each of them invokes. Every rule has a short name. A rule that
# sends a notification is switched by `notifications.tell` in config/events.yaml, under its short name with _ for -.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.100" }
  }
}

locals {
  name_prefix = var.context.name_prefix
  pipelines   = values(var.pipeline_arns)

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

  notifications = merge(
    {
      for event, status in { registered = "PendingManualApproval", approved = "Approved", rejected = "Rejected" } :
      "model-${event}" => {
        description = "Notify: a model was ${event}."
        source      = "aws.sagemaker"
        type        = local.package
        detail      = { ModelPackageGroupName = [var.model_package_group_name], ModelApprovalStatus = [status] }
      }
    },
    {
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
    },
  )

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
  )
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.rules

  name          = "${local.name_prefix}-${each.key}"
  description   = each.value.description
  event_pattern = each.value.pattern
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.rules

  rule      = aws_cloudwatch_event_rule.this[each.key].name
  target_id = each.value.function
  arn       = var.functions[each.value.function].arn

  # After six hours an alarm is more useful than another retry.
  retry_policy {
    maximum_event_age_in_seconds = 6 * 60 * 60
    maximum_retry_attempts       = 100
  }

  dead_letter_config {
    arn = var.undelivered_events_queue_arn
  }
}

resource "aws_lambda_permission" "rule" {
  for_each = local.rules

  statement_id  = each.key
  action        = "lambda:InvokeFunction"
  function_name = var.functions[each.value.function].name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.this[each.key].arn
}

output "rule_names" {
  description = "The name of each rule by its short name, for example model-approved."
  value       = { for key, rule in aws_cloudwatch_event_rule.this : key => rule.name }
}

output "patterns" {
  description = "The event pattern of each rule as JSON, by its short name."
  value       = { for key, rule in aws_cloudwatch_event_rule.this : key => rule.event_pattern }
}
