# A network without internet access.

mock_provider "aws" { source = "./tests/mocks" }

variables {
  context = { name_prefix = "abalone-dev", account_id = "111122223333", region = "eu-west-1", partition = "aws" }

  cidr               = "10.42.0.0/22"
  bucket_arn         = "arn:aws:s3:::abalone-dev-111122223333"
  kms_key_arn        = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  log_retention_days = 365
}

run "jobs_reach_one_another_and_one_bucket" {
  module { source = "../modules/network" }

  assert {
    condition     = aws_subnet.private[*].cidr_block == ["10.42.0.0/23", "10.42.2.0/23"]
    error_message = "Two subnets must share the range."
  }
  assert {
    condition     = aws_subnet.private[*].availability_zone == ["eu-west-1a", "eu-west-1b"]
    error_message = "The subnets must be in two zones, always the same."
  }
  assert {
    condition = flatten([for statement in jsondecode(aws_vpc_endpoint.s3.policy).Statement : statement.Resource]) == [
      "arn:aws:s3:::abalone-dev-111122223333", "arn:aws:s3:::abalone-dev-111122223333/*",
    ]
    error_message = "The endpoint must not lead to another bucket."
  }
  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.members.referenced_security_group_id == aws_security_group.jobs.id
      && aws_vpc_security_group_egress_rule.members.referenced_security_group_id == aws_security_group.jobs.id
    )
    error_message = "The instances of a job must reach one another."
  }
  assert {
    condition = (
      aws_vpc_security_group_egress_rule.s3.prefix_list_id == aws_vpc_endpoint.s3.prefix_list_id
      && aws_vpc_security_group_egress_rule.s3.cidr_ipv4 == null
    )
    error_message = "Outside of the group, only S3 may be reached."
  }
  assert {
    condition     = length(aws_vpc_endpoint.interface) == 0
    error_message = "The pipelines need no further endpoint."
  }
  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flow_logs.retention_in_days == 365
    error_message = "All traffic must be logged, and kept as long as other logs."
  }
}

run "further_endpoints_are_created" {
  module { source = "../modules/network" }
  variables { interface_endpoints = ["kms", "sagemaker.api"] }

  assert {
    condition     = aws_vpc_endpoint.interface["sagemaker.api"].service_name == "com.amazonaws.eu-west-1.sagemaker.api"
    error_message = "An endpoint must lead to its service."
  }
}

run "range_too_small_for_two_subnets_is_rejected" {
  command = plan
  module { source = "../modules/network" }
  variables { cidr = "10.42.0.0/28" }
  expect_failures = [var.cidr]
}
