# The role of the pipelines may do what their steps do, and nothing else.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  stem                    = "abalone-dev"
  account_id              = "111122223333"
  region                  = "eu-west-1"
  partition               = "aws"
  kms_key_arn             = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  bucket_arn              = "arn:aws:s3:::abalone-dev-111122223333"
  model_package_group_arn = "arn:aws:sagemaker:eu-west-1:111122223333:model-package-group/abalone-dev"
  function_arns           = ["arn:aws:lambda:eu-west-1:111122223333:function:abalone-dev-resolve-inputs"]
  batch_inference         = "processing"
  subnets                 = ["subnet-0a1b2c3d"]
  security_groups         = ["sg-0a1b2c3d"]
  image_uris              = {}
}

run "it_is_sagemaker_s_and_for_this_account_only" {
  command = plan
  module {
    source = "../modules/execution_role"
  }

  assert {
    condition     = aws_iam_role.this.name == "abalone-dev-pipeline"
    error_message = "The role must have the name that `python -m pipelines` expects."
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

run "no_action_is_a_wildcard" {
  command = plan
  module {
    source = "../modules/execution_role"
  }

  assert {
    condition = alltrue(flatten([
      for policy in aws_iam_role_policy.this :
      [for statement in jsondecode(policy.policy).Statement : [for action in flatten([statement.Action]) : !strcontains(action, "*")]]
    ]))
    error_message = "Every action must be named."
  }
}

run "only_what_has_no_resource_is_allowed_on_every_resource" {
  command = plan
  module {
    source = "../modules/execution_role"
  }

  assert {
    condition = toset(flatten([
      for policy in aws_iam_role_policy.this :
      [for statement in jsondecode(policy.policy).Statement : flatten([statement.Action]) if contains(flatten([statement.Resource]), "*")]
      ])) == toset([
      "cloudwatch:PutMetricData", "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets", "ec2:DescribeVpcs", "ecr:GetAuthorizationToken",
    ])
    error_message = "These actions take no resource; all others must name theirs."
  }
}

run "results_are_written_below_executions_only" {
  command = plan
  module {
    source = "../modules/execution_role"
  }

  assert {
    condition = flatten([
      for statement in jsondecode(aws_iam_role_policy.this["data"].policy).Statement :
      statement.Resource if contains(flatten([statement.Action]), "s3:PutObject")
    ]) == ["arn:aws:s3:::abalone-dev-111122223333/executions/*"]
    error_message = "Jobs must not be able to overwrite data or code."
  }
}

run "without_batch_transform_there_are_no_models_to_serve" {
  command = plan
  module {
    source = "../modules/execution_role"
  }

  assert {
    condition     = !strcontains(aws_iam_role_policy.this["steps"].policy, "CreateTransformJob") && !strcontains(aws_iam_role_policy.this["steps"].policy, "CreateModel\"")
    error_message = "A processing job predicts: the role needs neither models nor batch transform."
  }
}

run "batch_transform_needs_a_model_and_its_own_job" {
  command = plan
  module {
    source = "../modules/execution_role"
  }
  variables {
    batch_inference = "transform"
  }

  assert {
    condition     = strcontains(aws_iam_role_policy.this["steps"].policy, "sagemaker:CreateTransformJob") && strcontains(aws_iam_role_policy.this["steps"].policy, "sagemaker:CreateModel\"")
    error_message = "The inference pipeline makes a model and a batch transform job."
  }
  assert {
    condition     = strcontains(aws_iam_role_policy.this["machine"].policy, "log-group:/aws/sagemaker/TransformJobs:*")
    error_message = "Batch transform has a log group of its own."
  }
}

run "images_are_sagemaker_s_or_the_team_s" {
  command = plan
  module {
    source = "../modules/execution_role"
  }
  variables {
    image_uris = { jobs = "444455556666.dkr.ecr.eu-central-1.amazonaws.com/team/jobs:7" }
  }

  assert {
    condition = flatten([
      for statement in jsondecode(aws_iam_role_policy.this["machine"].policy).Statement : statement.Resource if statement.Sid == "PullImages"
      ]) == [
      "arn:aws:ecr:eu-central-1:444455556666:repository/team/jobs",
      "arn:aws:ecr:eu-west-1:*:repository/sagemaker-model-monitor-analyzer",
    ]
    error_message = "The role must pull the team's image in place of SageMaker's, and the monitor's as before."
  }
}

run "an_image_lies_in_ecr" {
  command = plan
  module {
    source = "../modules/execution_role"
  }
  variables {
    image_uris = { jobs = "docker.io/library/python:3.12" }
  }
  expect_failures = [var.image_uris]
}

run "nothing_else_predicts_a_batch" {
  command = plan
  module {
    source = "../modules/execution_role"
  }
  variables {
    batch_inference = "endpoint"
  }
  expect_failures = [var.batch_inference]
}
