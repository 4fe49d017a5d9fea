# The role of the pipelines and their jobs: SageMaker starts each step as this role, and passes it to the job.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.100" }
  }
}

locals {
  partition = var.context.partition
  region    = var.context.region
  account   = var.context.account_id

  name      = "${var.context.name_prefix}-pipeline"
  arn       = "arn:${local.partition}:iam::${local.account}:role/${local.name}"
  sagemaker = "arn:${local.partition}:sagemaker:${local.region}:${local.account}"

  # What the steps create, by its type in ARNs, with its log group. SageMaker names it pipelines-<execution>-<step>-...,
  # except a tuning job, whose name is limited to 32 characters.
  created = merge(
    {
      processing-job = {
        names   = "pipelines-*"
        logs    = "ProcessingJobs"
        actions = ["CreateProcessingJob", "DescribeProcessingJob", "StopProcessingJob"]
      }
      training-job = {
        names   = "pipelines-*"
        logs    = "TrainingJobs"
        actions = ["CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob"]
      }
      hyper-parameter-tuning-job = {
        names = "*"
        logs  = "TrainingJobs"
        actions = [
          "CreateHyperParameterTuningJob", "DescribeHyperParameterTuningJob",
          "ListTrainingJobsForHyperParameterTuningJob", "StopHyperParameterTuningJob",
        ]
      }
    },
    var.batch_inference == "processing" ? {} : {
      transform-job = {
        names   = "pipelines-*"
        logs    = "TransformJobs"
        actions = ["CreateTransformJob", "DescribeTransformJob", "StopTransformJob"]
      }
      model = {
        names   = "pipelines-*"
        logs    = "TransformJobs"
        actions = ["CreateModel", "DescribeModel"]
      }
    },
  )
}

resource "aws_iam_role" "this" {
  name                 = local.name
  description          = "The pipelines of ${var.context.name_prefix} and their jobs."
  permissions_boundary = var.context.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Service = "sagemaker.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = {
          ArnLike      = { "aws:SourceArn" = "${local.sagemaker}:*" }
          StringEquals = { "aws:SourceAccount" = local.account }
        }
      },
    ]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = {
    steps   = local.steps
    data    = local.data
    network = local.network
    machine = local.machine
  }

  name = each.key
  role = aws_iam_role.this.id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [for sid, statement in each.value : merge({ Sid = sid, Effect = "Allow" }, statement)]
  })
}

output "role_arn" {
  description = "The execution role of the pipelines."
  value       = aws_iam_role.this.arn
}
