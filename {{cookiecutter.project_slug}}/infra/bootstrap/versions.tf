# What must be there before the rest: a place for Terraform's state, the boundary of all roles, and for CI two roles
# that GitLab may take without a stored key.
#
# An administrator applies this once for each environment, from their own machine; without CI, without gitlab_project:
#
#     terraform init
#     terraform apply -var environment=dev -var gitlab_project=group/project
#
# Its own state lies in this folder at first, and is then moved into the bucket that it made, as bootstrap-dev.tfstate:
# docs/infrastructure.md says how. CI may reach what begins with dev/ only.

terraform {
  required_version = ">= 1.10, < 2"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}

provider "aws" {
  region              = local.region
  allowed_account_ids = [local.account_id]

  default_tags {
    tags = local.tags
  }
}
