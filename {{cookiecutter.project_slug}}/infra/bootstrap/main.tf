# What must exist before infra/live can be applied: a bucket for Terraform's state, the permissions boundary of all
# roles, and two roles that GitLab CI assumes without stored keys.
#
# An administrator applies this once for each environment, on their own machine; without CI, omit gitlab_project:
#
#     terraform init
#     terraform apply -var environment=dev -var gitlab_project=group/project
#
# Its own state is in this folder at first, and is then moved into the new bucket as bootstrap-dev.tfstate, as described
# in docs/infrastructure.md. CI has access only to what begins with dev/.

terraform {
  required_version = ">= 1.10, < 2"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

provider "aws" {
  region              = local.region
  allowed_account_ids = [local.account_id]

  default_tags {
    tags = module.names.tags
  }
}

module "names" {
  source = "../modules/names"

  project     = local.pipelines.project
  environment = var.environment
  region      = local.region
  tags        = local.pipelines.tags
}

# Names are derived from the files that the rest of the project reads.
locals {
  config      = "${path.module}/../../config"
  pipelines   = yamldecode(file("${local.config}/pipelines.yaml"))
  environment = yamldecode(file(coalesce(var.environment_file, "${local.config}/environments/${var.environment}.yaml")))

  project    = local.pipelines.project
  account_id = tostring(local.environment.account_id)
  region     = local.environment.region
  partition  = module.names.partition.name
  domain     = module.names.partition.dns_suffix

  name_prefix         = module.names.name_prefix
  state_bucket        = "${local.project}-tfstate-${local.account_id}"
  bucket              = try(local.environment.bucket, "${local.name_prefix}-${local.account_id}")
  model_package_group = try(local.environment.model_package_group, local.name_prefix)

  # The beginning of each service's ARNs in this account and region.
  arn = {
    for service in [
      "cloudwatch", "dynamodb", "ec2", "events", "kms", "lambda", "logs", "sagemaker", "scheduler", "sns", "sqs", "ssm",
    ] : service => "arn:${local.partition}:${service}:${local.region}:${local.account_id}"
  }
  roles    = "arn:${local.partition}:iam::${local.account_id}:role/${local.name_prefix}"
  policies = "arn:${local.partition}:iam::${local.account_id}:policy/${local.name_prefix}"

  buckets      = [for name in [local.bucket, "${local.bucket}-logs"] : "arn:${local.partition}:s3:::${name}"]
  groups       = ["${local.arn.sagemaker}:model-package-group/${local.model_package_group}"]
  packages     = ["${local.arn.sagemaker}:model-package/${local.model_package_group}/*"]
  pipeline_set = ["${local.arn.sagemaker}:pipeline/${local.name_prefix}-*"]
  parameters   = [for end in ["", "/*"] : "${local.arn.ssm}:parameter/mlops/${local.project}/${var.environment}${end}"]
  log_groups = [
    for service in ["lambda", "vpc"] : "${local.arn.logs}:log-group:/aws/${service}/${local.name_prefix}-*"
  ]

  # Keys and networks have no names, so tags identify the ones that belong to the project.
  own_resource = { for tag in ["project", "environment"] : "aws:ResourceTag/${tag}" => module.names.tags[tag] }
  own_request  = { for tag in ["project", "environment"] : "aws:RequestTag/${tag}" => module.names.tags[tag] }
}

output "state_bucket" {
  description = "The bucket for Terraform states: `bucket` in infra/envs/<environment>.s3.tfbackend."
  value       = local.state_bucket
}

output "plan_role_arn" {
  description = "The role of CI on any branch, for planning; null without CI."
  value       = local.with_ci ? aws_iam_role.ci["plan"].arn : null
}

output "deploy_role_arn" {
  description = "The role of CI on the default branch, for applying and deploying; null without CI."
  value       = local.with_ci ? aws_iam_role.ci["deploy"].arn : null
}

output "permissions_boundary_arn" {
  description = "The permissions boundary of all roles of the environment."
  value       = aws_iam_policy.boundary.arn
}

output "oidc_provider_arn" {
  description = "The identity provider for GitLab, for further environments in this account."
  value       = local.provider_arn
}

output "oidc_audience" {
  description = "The audience of CI's tokens: `aud` in .gitlab-ci.yml."
  value       = var.gitlab_url
}
