# What both root modules derive from the project, the environment and the region: one rule for both.

locals {
  # By the beginning of a region's code, of which no two overlap. A test compares it with AWS's own table.
  partitions = {
    "cn-"      = { name = "aws-cn", dns_suffix = "amazonaws.com.cn", has_budgets = true }
    "eu-isoe-" = { name = "aws-iso-e", dns_suffix = "cloud.adc-e.uk", has_budgets = true }
    "eusc-"    = { name = "aws-eusc", dns_suffix = "amazonaws.eu", has_budgets = false }
    "us-gov-"  = { name = "aws-us-gov", dns_suffix = "amazonaws.com", has_budgets = false }
    "us-iso-"  = { name = "aws-iso", dns_suffix = "c2s.ic.gov", has_budgets = true }
    "us-isob-" = { name = "aws-iso-b", dns_suffix = "sc2s.sgov.gov", has_budgets = true }
    "us-isof-" = { name = "aws-iso-f", dns_suffix = "csp.hci.ic.gov", has_budgets = true }
  }
  commercial = { name = "aws", dns_suffix = "amazonaws.com", has_budgets = true }
  partition  = one([for beginning, partition in local.partitions : partition if startswith(var.region, beginning)])
}

output "name_prefix" {
  description = "<project>-<environment>, the prefix of every name."
  value       = "${var.project}-${var.environment}"
}

output "partition" {
  description = "The partition of the region: its name in ARNs, dns_suffix, and whether it has AWS Budgets."
  value       = local.partition == null ? local.commercial : local.partition
}

output "tags" {
  description = "The tags of every resource."
  value = merge(var.tags, {
    project     = var.project
    environment = var.environment
    managed-by  = "terraform"
  })
}
