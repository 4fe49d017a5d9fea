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
  allowed_account_ids = [local.account_id] # not into another environment's account by mistake

  default_tags {
    tags = local.tags
  }
}
