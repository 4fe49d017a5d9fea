# Which bucket holds the state: terraform init -backend-config=../envs/<environment>.s3.tfbackend
terraform {
  backend "s3" {}
}
