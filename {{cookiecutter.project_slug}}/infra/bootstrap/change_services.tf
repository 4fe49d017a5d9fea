# What the deploy role makes, changes and destroys of infra/live that does something, and the pipelines that
# `python -m pipelines` brings.

locals {
  change_services = [
    {
      Sid    = "Models"
      Effect = "Allow"
      Action = [
        "sagemaker:AddTags", "sagemaker:CreateModelPackageGroup", "sagemaker:DeleteModelPackage",
        "sagemaker:DeleteModelPackageGroup", "sagemaker:DeleteModelPackageGroupPolicy", "sagemaker:DeleteTags",
        "sagemaker:ListModelPackages", "sagemaker:PutModelPackageGroupPolicy",
      ]
      Resource = concat(local.groups, local.packages)
    },
    {
      Sid    = "Pipelines"
      Effect = "Allow"
      Action = [
        "sagemaker:AddTags", "sagemaker:CreatePipeline", "sagemaker:DeletePipeline", "sagemaker:DeleteTags",
        "sagemaker:ListPipelineExecutions", "sagemaker:StopPipelineExecution", "sagemaker:UpdatePipeline",
      ]
      Resource = local.pipeline_set
    },
    {
      Sid    = "Functions"
      Effect = "Allow"
      Action = [
        "lambda:AddPermission", "lambda:CreateFunction", "lambda:DeleteFunction", "lambda:DeleteFunctionConcurrency",
        "lambda:DeleteFunctionEventInvokeConfig", "lambda:PutFunctionConcurrency",
        "lambda:PutFunctionEventInvokeConfig", "lambda:RemovePermission", "lambda:TagResource", "lambda:UntagResource",
        "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration",
      ]
      Resource = ["${local.arn.lambda}:function:${local.stem}-*"]
    },
    {
      Sid    = "Rules"
      Effect = "Allow"
      Action = [
        "events:DeleteRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets", "events:TagResource",
        "events:UntagResource",
      ]
      Resource = ["${local.arn.events}:rule/${local.stem}-*"]
    },
    {
      Sid    = "Schedules"
      Effect = "Allow"
      Action = [
        "scheduler:CreateSchedule", "scheduler:CreateScheduleGroup", "scheduler:DeleteSchedule",
        "scheduler:DeleteScheduleGroup", "scheduler:TagResource", "scheduler:UntagResource", "scheduler:UpdateSchedule",
      ]
      Resource = local.schedules
    },
    {
      Sid    = "Topic"
      Effect = "Allow"
      Action = [
        "sns:CreateTopic", "sns:DeleteTopic", "sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource",
        "sns:UntagResource",
      ]
      Resource = ["${local.arn.sns}:${local.stem}-*"]
    },
    {
      Sid      = "Unsubscribe"
      Effect   = "Allow"
      Action   = ["sns:Unsubscribe"]
      Resource = ["*"] # SNS takes no narrower resource
    },
    {
      Sid      = "Queues"
      Effect   = "Allow"
      Action   = ["sqs:CreateQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"]
      Resource = ["${local.arn.sqs}:${local.stem}-*"]
    },
    {
      Sid    = "Monitoring"
      Effect = "Allow"
      Action = [
        "cloudwatch:DeleteAlarms", "cloudwatch:DeleteDashboards", "cloudwatch:PutDashboard",
        "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource", "cloudwatch:UntagResource",
      ]
      Resource = ["${local.arn.cloudwatch}:alarm:${local.stem}-*", local.dashboard]
    },
    {
      Sid      = "Budget"
      Effect   = "Allow"
      Action   = ["budgets:ModifyBudget", "budgets:TagResource", "budgets:UntagResource"]
      Resource = [local.budget]
    },
  ]
}
