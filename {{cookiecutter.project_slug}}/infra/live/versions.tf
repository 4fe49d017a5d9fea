terraform {
  required_version = ">= 1.10, < 2"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }

  # The bucket for the state is set by terraform init -backend-config=../envs/<environment>.s3.tfbackend
  backend "s3" {}
}

provider "aws" {
  region              = local.region
  allowed_account_ids = [local.account_id] # prevents applying to another environment's account by mistake

  default_tags {
    tags = module.names.tags
  }
}
