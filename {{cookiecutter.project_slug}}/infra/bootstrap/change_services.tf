# What the deploy role creates, changes and destroys: the services of infra/live, and the pipelines that `mlops deploy`
# creates.

locals {
  change_services = {
    Models = {
      Action = [
        "sagemaker:AddTags", "sagemaker:CreateModelPackageGroup", "sagemaker:DeleteModelPackage",
        "sagemaker:DeleteModelPackageGroup", "sagemaker:DeleteModelPackageGroupPolicy", "sagemaker:DeleteTags",
        "sagemaker:ListModelPackages", "sagemaker:PutModelPackageGroupPolicy",
      ]
      Resource = concat(local.groups, local.packages)
    }
    Pipelines = {
      Action = [
        "sagemaker:AddTags", "sagemaker:CreatePipeline", "sagemaker:DeletePipeline", "sagemaker:DeleteTags",
        "sagemaker:ListPipelineExecutions", "sagemaker:StopPipelineExecution", "sagemaker:UpdatePipeline",
      ]
      Resource = local.pipeline_set
    }
    Functions = {
      Action = [
        "lambda:AddPermission", "lambda:CreateFunction", "lambda:DeleteFunction", "lambda:DeleteFunctionConcurrency",
        "lambda:DeleteFunctionEventInvokeConfig", "lambda:PutFunctionConcurrency",
        "lambda:PutFunctionEventInvokeConfig", "lambda:RemovePermission", "lambda:TagResource", "lambda:UntagResource",
        "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration",
      ]
      Resource = ["${local.arn.lambda}:function:${local.name_prefix}-*"]
    }
    Rules = {
      Action = [
        "events:DeleteRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets", "events:TagResource",
        "events:UntagResource",
      ]
      Resource = ["${local.arn.events}:rule/${local.name_prefix}-*"]
    }
    Schedules = {
      Action = [
        "scheduler:CreateSchedule", "scheduler:CreateScheduleGroup", "scheduler:DeleteSchedule",
        "scheduler:DeleteScheduleGroup", "scheduler:TagResource", "scheduler:UntagResource", "scheduler:UpdateSchedule",
      ]
      Resource = local.schedules
    }
    Topic = {
      Action = [
        "sns:CreateTopic", "sns:DeleteTopic", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource",
        "sns:UntagResource",
      ]
      Resource = ["${local.arn.sns}:${local.name_prefix}-*"]
    }
    Unsubscribe = {
      Action   = ["sns:Unsubscribe"]
      Resource = ["*"] # SNS has no resource-level permission for it
    }
    Queues = {
      Action   = ["sqs:CreateQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"]
      Resource = ["${local.arn.sqs}:${local.name_prefix}-*"]
    }
    Monitoring = {
      Action = [
        "cloudwatch:DeleteAlarms", "cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard",
        "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource",
      ]
      Resource = ["${local.arn.cloudwatch}:alarm:${local.name_prefix}-*", local.dashboard]
    }
    Budget = {
      Action   = ["budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource"]
      Resource = [local.budget]
    }
  }
}
