# What `python -m pipelines` cannot know from names alone, and what a team has named otherwise.

locals {
  parameters = {
    bucket              = { type = "String", value = module.storage.bucket.name }
    kms-key-arn         = { type = "String", value = module.storage.kms_key_arn }
    role-arn            = { type = "String", value = module.execution_role.role_arn }
    model-package-group = { type = "String", value = module.registry.model_package_group.name }
    subnets             = { type = "StringList", value = join(",", local.subnets) }
    security-groups     = { type = "StringList", value = join(",", local.security_groups) }
  }
}

resource "aws_ssm_parameter" "this" {
  for_each = local.parameters

  name  = "/mlops/${local.project}/${var.environment}/${each.key}"
  type  = each.value.type
  value = each.value.value
}
