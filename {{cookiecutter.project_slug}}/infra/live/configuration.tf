# What cannot be is refused here, before anything is made.

resource "terraform_data" "configuration" {
  lifecycle {
    precondition {
      condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", local.project))
      error_message = "config/pipelines.yaml: project must be lower-case words joined by hyphens."
    }
    precondition {
      condition     = can(regex("^[0-9]{12}$", local.account_id))
      error_message = "${local.environment_file}: account_id must be 12 digits in quotes, for example \"123456789012\"."
    }
    precondition {
      condition     = can(regex("^[a-z]{2,3}(-[a-z]+)+-[0-9]$", local.region))
      error_message = "${local.environment_file}: region must be an AWS region, for example eu-west-1."
    }
    precondition {
      condition     = !can(local.given.kms_key_arn) && !can(local.given.role_arn)
      error_message = <<-EOT
        ${local.environment_file}: kms_key_arn and role_arn cannot be given, since Terraform makes the key and the role.
        Take them out; or, to bring your own, do without infra/.
      EOT
    }
    precondition {
      condition     = (length(local.given_subnets) == 0) == (length(local.given_security_groups) == 0)
      error_message = "${local.environment_file}: give subnets and security_groups, or neither of them."
    }
    precondition {
      condition     = local.own_network || length(local.given_subnets) > 0
      error_message = <<-EOT
        There is no network for the jobs: name private subnets and security_groups in ${local.environment_file}, or set
        create_network = true.
      EOT
    }
    precondition {
      condition     = local.own_network || length(var.interface_endpoints) == 0
      error_message = <<-EOT
        interface_endpoints are made in a network of its own only: leave them out, or take subnets and security_groups
        out of ${local.environment_file}.
      EOT
    }
  }
}
