# Rejects invalid configuration before anything is created.

resource "terraform_data" "configuration" {
  lifecycle {
    precondition {
      condition     = can(regex("^[0-9]{12}$", local.account_id))
      error_message = "${local.environment_file}: account_id must be 12 digits in quotes, for example \"123456789012\"."
    }
    precondition {
      condition     = !can(local.environment_config.kms_key_arn) && !can(local.environment_config.role_arn)
      error_message = <<-EOT
        ${local.environment_file}: remove kms_key_arn and role_arn, because Terraform creates the key and the role. To
        use your own, do not apply infra/.
      EOT
    }
    precondition {
      condition     = (length(local.existing_subnets) == 0) == (length(local.existing_security_groups) == 0)
      error_message = "${local.environment_file}: set both subnets and security_groups, or neither of them."
    }
    precondition {
      condition     = length(local.existing_subnets) <= 16 && length(local.existing_security_groups) <= 5
      error_message = "${local.environment_file}: SageMaker takes at most 16 subnets and 5 security_groups."
    }
    precondition {
      condition     = local.create_network || length(local.existing_subnets) > 0
      error_message = <<-EOT
        The jobs have no network: set private subnets and security_groups in ${local.environment_file}, or set
        create_network = true.
      EOT
    }
    precondition {
      condition     = local.create_network || length(var.interface_endpoints) == 0
      error_message = <<-EOT
        interface_endpoints need a network that Terraform creates: remove them, or remove subnets and security_groups
        from ${local.environment_file}.
      EOT
    }
    precondition {
      condition = try(alltrue([
        for text in local.events.notifications.texts :
        can(text.text) && length(setsubtract(keys(text), ["event", "pipeline", "step", "status", "text"])) == 0
      ]), false)
      error_message = <<-EOT
        config/events.yaml: notifications.texts must be a list of {event, pipeline, step, status, text}, of which only
        text is required.
      EOT
    }
  }
}
