# What is settled elsewhere is read from there: config/ holds each value once, for Terraform and for the pipelines.

locals {
  config           = "${path.module}/../../config"
  environment_file = coalesce(var.environment_file, "${local.config}/environments/${var.environment}.yaml")

  settings = yamldecode(file("${local.config}/pipelines.yaml"))
  events   = yamldecode(file("${local.config}/events.yaml"))
  given    = yamldecode(file(local.environment_file))

  project    = local.settings.project
  account_id = tostring(try(local.given.account_id, ""))
  region     = try(local.given.region, "")
  partition  = startswith(local.region, "cn-") ? "aws-cn" : startswith(local.region, "us-gov-") ? "aws-us-gov" : "aws"

  # Names by rule. The environment is one word, and no name of a kind ends like another of that kind: so what belongs to
  # one project and environment is never taken for another's.
  stem                = "${local.project}-${var.environment}"
  bucket              = try(local.given.bucket, "${local.stem}-${local.account_id}")
  model_package_group = try(local.given.model_package_group, local.stem)

  # `python -m pipelines deploy` makes the pipelines, after this.
  pipeline_names = { for kind in ["training", "training-hpo", "inference"] : kind => "${local.stem}-${kind}" }
  pipeline_arns = {
    for kind, name in local.pipeline_names :
    kind => "arn:${local.partition}:sagemaker:${local.region}:${local.account_id}:pipeline/${name}"
  }

  # Those of the functions that pipelines call.
  step_function_arns = [
    for name in ["report-data-quality", "resolve-inputs"] :
    "arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:${local.stem}-${name}"
  ]

  # The network that the environment names, else one of its own.
  given_subnets         = try(tolist(local.given.subnets), tolist([]))
  given_security_groups = try(tolist(local.given.security_groups), tolist([]))
  own_network           = var.create_network && length(concat(local.given_subnets, local.given_security_groups)) == 0
  subnets               = local.own_network ? module.network[0].subnets : local.given_subnets
  security_groups       = local.own_network ? module.network[0].security_groups : local.given_security_groups

  # Which pipeline a new object starts: the folders that the pipelines read from.
  prefixes = {
    "data/inference/" = "inference"
    "data/labels/"    = "inference"
    "data/training/"  = "training"
  }

  schedules = {
    for kind, expression in { training = var.training_schedule, inference = var.inference_schedule } :
    kind => expression if expression != null
  }

  boundary_arn             = "arn:${local.partition}:iam::${local.account_id}:policy/${local.stem}-boundary"
  permissions_boundary_arn = var.use_permissions_boundary ? local.boundary_arn : null

  tags = merge(local.settings.tags, {
    project     = local.project
    environment = var.environment
    managed-by  = "terraform"
  })
}
