# Names by rule, out of the same files that the rest of the project reads.

locals {
  config      = "${path.module}/../../config"
  pipelines   = yamldecode(file("${local.config}/pipelines.yaml"))
  environment = yamldecode(file(coalesce(var.environment_file, "${local.config}/environments/${var.environment}.yaml")))

  project    = local.pipelines.project
  account_id = tostring(local.environment.account_id)
  region     = local.environment.region
  partition  = startswith(local.region, "cn-") ? "aws-cn" : startswith(local.region, "us-gov-") ? "aws-us-gov" : "aws"
  domain     = local.partition == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"

  stem                = "${local.project}-${var.environment}"
  state_bucket        = "${local.project}-tfstate-${local.account_id}"
  bucket              = try(local.environment.bucket, "${local.stem}-${local.account_id}")
  model_package_group = try(local.environment.model_package_group, local.stem)

  tags = merge(local.pipelines.tags, {
    project     = local.project
    environment = var.environment
    managed-by  = "terraform"
  })

  # How the ARNs begin of what a service has in this account and region.
  arn = {
    for service in [
      "cloudwatch", "dynamodb", "ec2", "events", "kms", "lambda", "logs", "sagemaker", "scheduler", "sns", "sqs", "ssm",
    ] : service => "arn:${local.partition}:${service}:${local.region}:${local.account_id}"
  }
  roles    = "arn:${local.partition}:iam::${local.account_id}:role/${local.stem}"
  policies = "arn:${local.partition}:iam::${local.account_id}:policy/${local.stem}"

  buckets      = [for name in [local.bucket, "${local.bucket}-logs"] : "arn:${local.partition}:s3:::${name}"]
  groups       = ["${local.arn.sagemaker}:model-package-group/${local.model_package_group}"]
  packages     = ["${local.arn.sagemaker}:model-package/${local.model_package_group}/*"]
  pipeline_set = ["${local.arn.sagemaker}:pipeline/${local.stem}-*"]
  parameters   = [for end in ["", "/*"] : "${local.arn.ssm}:parameter/mlops/${local.project}/${var.environment}${end}"]
  log_groups   = [for service in ["lambda", "vpc"] : "${local.arn.logs}:log-group:/aws/${service}/${local.stem}-*"]

  # Keys and networks have no names of their own: tags say whose they are.
  own_resource = { for tag in ["project", "environment"] : "aws:ResourceTag/${tag}" => local.tags[tag] }
  own_request  = { for tag in ["project", "environment"] : "aws:RequestTag/${tag}" => local.tags[tag] }
}
