# Values that the pipelines share with Terraform are read from config/, and names are derived from them.

locals {
  config           = "${path.module}/../../config"
  environment_file = coalesce(var.environment_file, "${local.config}/environments/${var.environment}.yaml")

  settings           = yamldecode(file("${local.config}/pipelines.yaml"))
  events             = yamldecode(file("${local.config}/events.yaml"))
  environment_config = yamldecode(file(local.environment_file))

  project    = local.settings.project
  account_id = tostring(try(local.environment_config.account_id, ""))
  region     = try(local.environment_config.region, "")
  partition  = module.names.partition.name

  # An environment is one word, and no name ends with a hyphen and another name of the same kind. So names of different
  # projects or environments never coincide.
  name_prefix         = module.names.name_prefix
  bucket              = try(local.environment_config.bucket, "${local.name_prefix}-${local.account_id}")
  model_package_group = try(local.environment_config.model_package_group, local.name_prefix)

  # The pipelines in pyproject.toml, which `mlops deploy` creates later.
  pipeline_kinds = distinct(concat(["training", "training-hpo", "inference"], try(flatten(
    regexall("(?m)^\\[tool\\.mlops\\.pipelines\\.([a-z0-9-]+)\\]", file("${path.module}/../../pyproject.toml"))
  ), [])))
  pipeline_names = { for kind in local.pipeline_kinds : kind => "${local.name_prefix}-${kind}" }
  pipeline_arns = {
    for kind, name in local.pipeline_names :
    kind => "arn:${local.partition}:sagemaker:${local.region}:${local.account_id}:pipeline/${name}"
  }

  # The functions that pipelines call as steps.
  step_function_arns = [
    for name in ["report-data-quality", "resolve-inputs"] :
    "arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:${local.name_prefix}-${name}"
  ]

  # The network in the environment's file, or else a new one.
  existing_subnets         = try(tolist(local.environment_config.subnets), tolist([]))
  existing_security_groups = try(tolist(local.environment_config.security_groups), tolist([]))

  create_network  = var.create_network && length(concat(local.existing_subnets, local.existing_security_groups)) == 0
  subnets         = local.create_network ? module.network[0].subnets : local.existing_subnets
  security_groups = local.create_network ? module.network[0].security_groups : local.existing_security_groups

  # The kind of pipeline that a new object starts, by the folders that the pipelines read.
  prefixes = {
    "data/inference/" = "inference"
    "data/labels/"    = "inference"
    "data/training/"  = "training"
  }

  # The steps whose success is notified, since a text in notifications.texts asks for it; "*" is every step.
  succeeded_steps = distinct([
    for text in local.events.notifications.texts : coalesce(try(text.step, null), "*")
    if try(text.event, null) == "step_succeeded" || (
      try(text.event, null) == null && try(text.step, null) != null && try(text.status, null) == "Succeeded"
    )
  ])

  schedules = {
    for kind, expression in { training = var.training_schedule, inference = var.inference_schedule } :
    kind => expression if expression != null
  }

  boundary_arn = "arn:${local.partition}:iam::${local.account_id}:policy/${local.name_prefix}-boundary"

  # What all resources of the environment share.
  context = {
    name_prefix              = local.name_prefix
    project                  = local.project
    environment              = var.environment
    account_id               = local.account_id
    region                   = local.region
    partition                = local.partition
    dns_suffix               = module.names.partition.dns_suffix
    permissions_boundary_arn = var.use_permissions_boundary ? local.boundary_arn : null
  }
}
