# A network without a way out.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  stem               = "abalone-dev"
  account_id         = "111122223333"
  region             = "eu-west-1"
  partition          = "aws"
  cidr               = "10.42.0.0/22"
  bucket_arn         = "arn:aws:s3:::abalone-dev-111122223333"
  kms_key_arn        = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
  log_retention_days = 365
}

run "two_private_subnets_share_the_addresses" {
  command = plan
  module {
    source = "../modules/network"
  }

  assert {
    condition     = aws_subnet.private[*].cidr_block == ["10.42.0.0/23", "10.42.2.0/23"]
    error_message = "Two subnets must share the addresses."
  }
  assert {
    condition     = aws_subnet.private[*].availability_zone == ["eu-west-1a", "eu-west-1b"]
    error_message = "They must lie in two zones, the same ones each time."
  }
}

run "the_endpoint_leads_to_one_bucket" {
  command = plan
  module {
    source = "../modules/network"
  }

  assert {
    condition = flatten([for statement in jsondecode(aws_vpc_endpoint.s3.policy).Statement : statement.Resource]) == [
      "arn:aws:s3:::abalone-dev-111122223333", "arn:aws:s3:::abalone-dev-111122223333/*",
    ]
    error_message = "Nothing may be carried to another bucket."
  }
}

run "jobs_reach_one_another_and_s3" {
  command = apply
  module {
    source = "../modules/network"
  }

  assert {
    condition = (
      aws_vpc_security_group_ingress_rule.members.referenced_security_group_id == aws_security_group.jobs.id
      && aws_vpc_security_group_egress_rule.members.referenced_security_group_id == aws_security_group.jobs.id
    )
    error_message = "The machines of a job must reach one another."
  }
  assert {
    condition     = aws_vpc_security_group_egress_rule.s3.prefix_list_id == aws_vpc_endpoint.s3.prefix_list_id && aws_vpc_security_group_egress_rule.s3.cidr_ipv4 == null
    error_message = "Beyond the group there must be S3 only."
  }
}

run "no_further_endpoint_costs_anything" {
  command = plan
  module {
    source = "../modules/network"
  }

  assert {
    condition     = length(aws_vpc_endpoint.interface) == 0
    error_message = "The pipelines need no other service from within the network."
  }
}

run "further_endpoints_can_be_had" {
  command = plan
  module {
    source = "../modules/network"
  }
  variables {
    interface_endpoints = ["kms", "sagemaker.api"]
  }

  assert {
    condition     = aws_vpc_endpoint.interface["sagemaker.api"].service_name == "com.amazonaws.eu-west-1.sagemaker.api"
    error_message = "An endpoint must lead to the service that was named."
  }
}

run "addresses_must_suffice_for_two_subnets" {
  command = plan
  module {
    source = "../modules/network"
  }
  variables {
    cidr = "10.42.0.0/28"
  }
  expect_failures = [var.cidr]
}

run "who_talked_to_whom_is_written_down" {
  command = plan
  module {
    source = "../modules/network"
  }

  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flow_logs.retention_in_days == 365
    error_message = "All traffic must be logged, and kept as long as other logs."
  }
}
