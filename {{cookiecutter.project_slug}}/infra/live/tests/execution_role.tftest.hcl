# The execution role has the permissions that the steps need, and no others.

mock_provider "aws" { source = "./tests/mocks" }

variables {
  context = { name_prefix = "abalone-dev", account_id = "111122223333", region = "eu-west-1", partition = "aws" }

  kms_key_arn             = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  bucket_arn              = "arn:aws:s3:::abalone-dev-111122223333"
  model_package_group_arn = "arn:aws:sagemaker:eu-west-1:111122223333:model-package-group/abalone-dev"
  function_arns           = ["arn:aws:lambda:eu-west-1:111122223333:function:abalone-dev-resolve-inputs"]
  batch_inference         = "processing"
  subnets                 = ["subnet-0a1b2c3d"]
  security_groups         = ["sg-0a1b2c3d"]
  image_uris              = {}
}

run "only_sagemaker_in_this_account_assumes_the_role" {
  module { source = "../modules/execution_role" }

  assert {
    condition     = aws_iam_role.this.name == "abalone-dev-pipeline"
    error_message = "The role must have the name that `mlops` derives."
  }
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role.this.assume_role_policy).Statement :
      statement.Principal == { Service = "sagemaker.amazonaws.com" }
      && statement.Condition.StringEquals["aws:SourceAccount"] == "111122223333"
    ])
    error_message = "Only SageMaker may assume the role, and only for this account."
  }
}

run "permissions_are_narrow" {
  module { source = "../modules/execution_role" }

  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_role_policy.this : [
        for statement in jsondecode(policy.policy).Statement :
        [for action in flatten([statement.Action]) : !strcontains(action, "*")]
      ]
    ]))
    error_message = "No action may be a wildcard."
  }
  assert {
    condition = toset(flatten([
      for policy in aws_iam_role_policy.this : [
        for statement in jsondecode(policy.policy).Statement : flatten([statement.Action])
        if contains(flatten([statement.Resource]), "*")
      ]
      ])) == toset([
      "cloudwatch:PutMetricData", "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ecr:GetAuthorizationToken",
    ])
    error_message = "Only actions without resource-level permissions may be allowed on every resource."
  }
  assert {
    condition = flatten([
      for statement in jsondecode(aws_iam_role_policy.this["data"].policy).Statement :
      statement.Resource if contains(flatten([statement.Action]), "s3:PutObject")
    ]) == ["arn:aws:s3:::abalone-dev-111122223333/executions/*"]
    error_message = "Jobs must not be able to overwrite data or code."
  }
  assert {
    condition = (
      !strcontains(aws_iam_role_policy.this["steps"].policy, "CreateTransformJob")
      && !strcontains(aws_iam_role_policy.this["steps"].policy, "CreateModel\"")
    )
    error_message = "A processing job makes the predictions: the role needs neither models nor batch transform."
  }
}

run "batch_transform_needs_a_model_and_its_own_job" {
  module { source = "../modules/execution_role" }
  variables { batch_inference = "transform" }

  assert {
    condition = (
      strcontains(aws_iam_role_policy.this["steps"].policy, "sagemaker:CreateTransformJob")
      && strcontains(aws_iam_role_policy.this["steps"].policy, "sagemaker:CreateModel\"")
    )
    error_message = "The inference pipeline creates a model and a batch transform job."
  }
  assert {
    condition     = strcontains(aws_iam_role_policy.this["machine"].policy, "log-group:/aws/sagemaker/TransformJobs:*")
    error_message = "Batch transform has its own log group."
  }
}

run "images_are_sagemaker_s_or_the_team_s" {
  module { source = "../modules/execution_role" }
  variables { image_uris = { training = "444455556666.dkr.ecr.eu-central-1.amazonaws.com/team/jobs:7" } }

  assert {
    condition = flatten([
      for statement in jsondecode(aws_iam_role_policy.this["machine"].policy).Statement :
      statement.Resource if statement.Sid == "PullImages"
      ]) == [
      "arn:aws:ecr:eu-west-1:*:repository/sagemaker-model-monitor-analyzer",
      "arn:aws:ecr:eu-west-1:*:repository/sagemaker-xgboost",
      "arn:aws:ecr:eu-central-1:444455556666:repository/team/jobs",
    ]
    error_message = "The role must pull the team's image for training, and SageMaker's for the rest."
  }
}

run "image_outside_of_ecr_is_rejected" {
  command = plan
  module { source = "../modules/execution_role" }
  variables { image_uris = { training = "docker.io/library/python:3.12" } }
  expect_failures = [var.image_uris]
}

run "unknown_batch_inference_is_rejected" {
  command = plan
  module { source = "../modules/execution_role" }
  variables { batch_inference = "endpoint" }
  expect_failures = [var.batch_inference]
}
