# The role that the pipelines run with, and their jobs. SageMaker asks for each step as this role, then hands it to the
# job.

locals {
  name      = "${var.stem}-pipeline"
  arn       = "arn:${var.partition}:iam::${var.account_id}:role/${local.name}"
  sagemaker = "arn:${var.partition}:sagemaker:${var.region}:${var.account_id}"

  # What steps make, by its type in an ARN, and the log group of it. SageMaker names it
  # pipelines-<execution>-<step>-..., but for a tuning job, whose name may have 32 characters only.
  made = merge(
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
  description          = "The pipelines of ${var.stem} and their jobs."
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Service = "sagemaker.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = {
          ArnLike      = { "aws:SourceArn" = "${local.sagemaker}:*" }
          StringEquals = { "aws:SourceAccount" = var.account_id }
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

  name   = each.key
  role   = aws_iam_role.this.id
  policy = jsonencode({ Version = "2012-10-17", Statement = each.value })
}
