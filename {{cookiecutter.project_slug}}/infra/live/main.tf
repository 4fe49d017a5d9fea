# One environment of the project in one AWS account. The pipelines are created by `mlops deploy`.

module "names" {
  source = "../modules/names"

  project     = local.settings.project
  environment = var.environment
  region      = local.region
  tags        = local.settings.tags
}

module "storage" {
  source  = "../modules/storage"
  context = local.context

  bucket                  = local.bucket
  log_retention_days      = var.log_retention_days
  noncurrent_version_days = var.noncurrent_version_days
  executions_expiry_days  = var.executions_expiry_days
  cache_days              = local.settings.cache_days
  consumer_account_ids    = var.consumer_account_ids
  force_destroy           = var.force_destroy
}

module "network" {
  source  = "../modules/network"
  count   = local.create_network ? 1 : 0
  context = local.context

  cidr                = var.network_cidr
  interface_endpoints = var.interface_endpoints
  bucket_arn          = module.storage.bucket.arn
  kms_key_arn         = module.storage.kms_key_arn
  log_retention_days  = var.log_retention_days
}

module "registry" {
  source  = "../modules/registry"
  context = local.context

  name                 = local.model_package_group
  description          = "The models of ${local.project} in ${var.environment}." # SageMaker cannot change it
  consumer_account_ids = var.consumer_account_ids
}

module "execution_role" {
  source  = "../modules/execution_role"
  context = local.context

  kms_key_arn             = module.storage.kms_key_arn
  bucket_arn              = module.storage.bucket.arn
  model_package_group_arn = module.registry.model_package_group.arn
  function_arns           = local.step_function_arns
  batch_inference         = local.settings.batch_inference
  subnets                 = local.subnets
  security_groups         = local.security_groups

  image_uris = {
    processing = try(local.environment_config.images.processing, local.environment_config.image_uri, null)
    training   = try(local.environment_config.images.training, local.environment_config.image_uri, null)
    serving    = try(local.environment_config.images.serving, local.environment_config.image_uri, null)
    monitor    = try(local.environment_config.monitor_image_uri, null)
  }
}

module "notifications" {
  source  = "../modules/notifications"
  context = local.context

  kms_key_arn   = module.storage.kms_key_arn
  kms_key_alias = "alias/${local.name_prefix}" # not an output of the module: the queues need not wait for the key
  emails        = var.notification_emails
}

module "functions" {
  source  = "../modules/functions"
  context = local.context

  kms_key_arn            = module.storage.kms_key_arn
  log_retention_days     = var.log_retention_days
  build_dir              = "${path.module}/../build"
  bucket                 = module.storage.bucket
  model_package_group    = module.registry.model_package_group
  pipeline_arns          = local.pipeline_arns
  topic_arn              = module.notifications.topic_arn
  failed_calls_queue_arn = module.notifications.failed_calls_queue.arn
  prefixes               = local.prefixes
  reserved_concurrency   = var.reserved_concurrency
  retraining             = local.events.retraining
  marker                 = try(local.events.new_data.marker, "")
}

module "events" {
  source  = "../modules/events"
  context = local.context

  bucket_name                  = module.storage.bucket.name
  model_package_group_name     = module.registry.model_package_group.name
  pipeline_arns                = local.pipeline_arns
  functions                    = module.functions.functions
  undelivered_events_queue_arn = module.notifications.undelivered_events_queue.arn
  new_data_starts_pipelines    = var.new_data_starts_pipelines
  prefixes                     = local.prefixes
  enabled                      = local.events.notifications.tell
  succeeded_steps              = local.succeeded_steps
}

module "schedules" {
  source  = "../modules/schedules"
  count   = length(local.schedules) == 0 ? 0 : 1
  context = local.context

  kms_key_arn                  = module.storage.kms_key_arn
  pipeline_arns                = local.pipeline_arns
  undelivered_events_queue_arn = module.notifications.undelivered_events_queue.arn
  schedules                    = local.schedules
  timezone                     = var.schedule_timezone
}

module "monitoring" {
  source  = "../modules/monitoring"
  context = local.context

  functions      = module.functions.functions
  rule_names     = module.events.rule_names
  pipeline_names = local.pipeline_names
  topic_arn      = module.notifications.topic_arn
  queues = {
    failed-calls       = module.notifications.failed_calls_queue
    undelivered-events = module.notifications.undelivered_events_queue
  }
  monthly_budget_usd = module.names.partition.has_budgets ? var.monthly_budget_usd : 0
}

# What `mlops` reads of all this: ids that cannot be derived from names, and names that the team has chosen.
resource "aws_ssm_parameter" "this" {
  for_each = {
    bucket              = { type = "String", value = module.storage.bucket.name }
    kms-key-arn         = { type = "String", value = module.storage.kms_key_arn }
    role-arn            = { type = "String", value = module.execution_role.role_arn }
    model-package-group = { type = "String", value = module.registry.model_package_group.name }
    subnets             = { type = "StringList", value = join(",", local.subnets) }
    security-groups     = { type = "StringList", value = join(",", local.security_groups) }
  }

  name  = "/mlops/${local.project}/${var.environment}/${each.key}"
  type  = each.value.type
  value = each.value.value
}
