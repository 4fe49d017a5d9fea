# One environment of the project in one AWS account. The pipelines themselves are made by `python -m pipelines deploy`.

module "storage" {
  source = "../modules/storage"

  stem                    = local.stem
  bucket                  = local.bucket
  account_id              = local.account_id
  region                  = local.region
  partition               = local.partition
  log_retention_days      = var.log_retention_days
  noncurrent_version_days = var.noncurrent_version_days
  executions_expiry_days  = var.executions_expiry_days
  cache_days              = local.settings.cache_days
  consumer_account_ids    = var.consumer_account_ids
  force_destroy           = var.force_destroy
}

module "network" {
  source = "../modules/network"
  count  = local.own_network ? 1 : 0

  stem                     = local.stem
  account_id               = local.account_id
  region                   = local.region
  partition                = local.partition
  cidr                     = var.network_cidr
  interface_endpoints      = var.interface_endpoints
  bucket_arn               = module.storage.bucket.arn
  kms_key_arn              = module.storage.kms_key_arn
  log_retention_days       = var.log_retention_days
  permissions_boundary_arn = local.permissions_boundary_arn
}

module "registry" {
  source = "../modules/registry"

  name                 = local.model_package_group
  description          = "The models of ${local.project} in ${var.environment}."
  account_id           = local.account_id
  region               = local.region
  partition            = local.partition
  consumer_account_ids = var.consumer_account_ids
}

module "execution_role" {
  source = "../modules/execution_role"

  stem                     = local.stem
  account_id               = local.account_id
  region                   = local.region
  partition                = local.partition
  kms_key_arn              = module.storage.kms_key_arn
  permissions_boundary_arn = local.permissions_boundary_arn
  bucket_arn               = module.storage.bucket.arn
  model_package_group_arn  = module.registry.model_package_group.arn
  function_arns            = local.step_function_arns
  batch_inference          = local.settings.batch_inference
  subnets                  = local.subnets
  security_groups          = local.security_groups

  image_uris = {
    jobs    = try(local.given.image_uri, null)
    monitor = try(local.given.monitor_image_uri, null)
  }
}

module "notifications" {
  source = "../modules/notifications"

  stem        = local.stem
  account_id  = local.account_id
  region      = local.region
  partition   = local.partition
  kms_key_arn = module.storage.kms_key_arn
  emails      = var.notification_emails
}

module "functions" {
  source = "../modules/functions"

  stem                     = local.stem
  project                  = local.project
  environment              = var.environment
  account_id               = local.account_id
  region                   = local.region
  partition                = local.partition
  kms_key_arn              = module.storage.kms_key_arn
  log_retention_days       = var.log_retention_days
  permissions_boundary_arn = local.permissions_boundary_arn
  build_dir                = "${path.module}/../build"
  bucket                   = module.storage.bucket
  model_package_group      = module.registry.model_package_group
  pipeline_arns            = local.pipeline_arns
  topic_arn                = module.notifications.topic_arn
  failed_calls_queue_arn   = module.notifications.failed_calls_queue.arn
  prefixes                 = local.prefixes
  reserved_concurrency     = var.reserved_concurrency
  retraining               = local.events.retraining
  texts_json               = jsonencode(local.events.notifications.texts)
}

module "events" {
  source = "../modules/events"

  stem                         = local.stem
  project                      = local.project
  environment                  = var.environment
  bucket_name                  = module.storage.bucket.name
  model_package_group_name     = module.registry.model_package_group.name
  pipeline_arns                = local.pipeline_arns
  functions                    = module.functions.functions
  undelivered_events_queue_arn = module.notifications.undelivered_events_queue.arn
  new_data_starts_pipelines    = var.new_data_starts_pipelines
  prefixes                     = local.prefixes
  tell                         = local.events.notifications.tell
}

module "schedules" {
  source = "../modules/schedules"
  count  = length(local.schedules) == 0 ? 0 : 1

  stem                         = local.stem
  account_id                   = local.account_id
  kms_key_arn                  = module.storage.kms_key_arn
  permissions_boundary_arn     = local.permissions_boundary_arn
  pipeline_arns                = local.pipeline_arns
  undelivered_events_queue_arn = module.notifications.undelivered_events_queue.arn
  schedules                    = local.schedules
  timezone                     = var.schedule_timezone
}

module "monitoring" {
  source = "../modules/monitoring"

  stem           = local.stem
  region         = local.region
  project        = local.project
  functions      = module.functions.functions
  rule_names     = module.events.rule_names
  pipeline_names = local.pipeline_names
  topic_arn      = module.notifications.topic_arn
  queues = {
    failed-calls       = module.notifications.failed_calls_queue
    undelivered-events = module.notifications.undelivered_events_queue
  }
  monthly_budget_usd = var.monthly_budget_usd
}
