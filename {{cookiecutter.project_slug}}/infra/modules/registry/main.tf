# The model package group: models are registered there, and wait for approval.

terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = ">= 5.100" }
  }
}

locals {
  sagemaker    = "arn:${var.context.partition}:sagemaker:${var.context.region}:${var.context.account_id}"
  arn          = "${local.sagemaker}:model-package-group/${var.name}"
  packages_arn = "${local.sagemaker}:model-package/${var.name}/*"
  root = {
    for account in setunion([var.context.account_id], var.consumer_account_ids) :
    account => "arn:${var.context.partition}:iam::${account}:root"
  }
  consumers = sort([for account in var.consumer_account_ids : local.root[account]])
  read_actions = [
    "sagemaker:DescribeModelPackage", "sagemaker:DescribeModelPackageGroup", "sagemaker:ListModelPackages",
  ]

  statements = concat(
    [
      {
        # Only the accounts listed here have access to the group, so only they need to be required to use TLS.
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = { AWS = [for account in sort(keys(local.root)) : local.root[account]] }
        Action    = concat(["sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"], local.read_actions)
        Resource  = [local.arn, local.packages_arn]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ],
    length(local.consumers) == 0 ? [] : [
      {
        Sid       = "ConsumersDeployModels"
        Effect    = "Allow"
        Principal = { AWS = local.consumers }
        Action    = concat(["sagemaker:CreateModel"], local.read_actions)
        Resource  = [local.arn, local.packages_arn]
      },
    ],
  )
}

resource "aws_sagemaker_model_package_group" "this" {
  model_package_group_name        = var.name
  model_package_group_description = var.description
}

resource "aws_sagemaker_model_package_group_policy" "this" {
  model_package_group_name = aws_sagemaker_model_package_group.this.model_package_group_name
  resource_policy          = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}

output "model_package_group" {
  description = "The model package group: name, arn."
  value       = { name = aws_sagemaker_model_package_group.this.model_package_group_name, arn = local.arn }
}
