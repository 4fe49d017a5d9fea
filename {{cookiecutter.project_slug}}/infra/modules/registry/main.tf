# Where models are registered, and wait for approval.

locals {
  stem         = "arn:${var.partition}:sagemaker:${var.region}:${var.account_id}"
  arn          = "${local.stem}:model-package-group/${var.name}"
  packages_arn = "${local.stem}:model-package/${var.name}/*"
  root = {
    for account in setunion([var.account_id], var.consumer_account_ids) :
    account => "arn:${var.partition}:iam::${account}:root"
  }
  consumers = sort([for account in var.consumer_account_ids : local.root[account]])
  reading = [
    "sagemaker:DescribeModelPackage", "sagemaker:DescribeModelPackageGroup", "sagemaker:ListModelPackages",
  ]

  statements = concat(
    [
      {
        # Nobody reaches the group but the accounts named here, so it is enough to hold those to TLS.
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = { AWS = [for account in sort(keys(local.root)) : local.root[account]] }
        Action    = concat(["sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"], local.reading)
        Resource  = [local.arn, local.packages_arn]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ],
    length(local.consumers) == 0 ? [] : [
      {
        Sid       = "ConsumersDeployModels"
        Effect    = "Allow"
        Principal = { AWS = local.consumers }
        Action    = concat(["sagemaker:CreateModel"], local.reading)
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
