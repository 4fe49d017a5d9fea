# The repository of the jobs' own image: what is in it stays as it was scanned.

mock_provider "aws" { source = "./tests/mocks" }

variables {
  context     = { name_prefix = "abalone-dev", account_id = "111122223333", region = "eu-west-1", partition = "aws" }
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
}

run "a_tag_never_moves_and_images_are_scanned_and_encrypted" {
  module { source = "../modules/images" }

  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE"
    error_message = "A tag must always name the same image."
  }
  assert {
    condition     = aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push
    error_message = "ECR must scan each image."
  }
  assert {
    condition     = aws_ecr_repository.this.encryption_configuration[0].kms_key == var.kms_key_arn
    error_message = "The environment's key must encrypt the images."
  }
  assert {
    condition     = length(aws_ecr_repository_policy.this) == 0
    error_message = "Without consumers no other account may pull."
  }
}

run "consumers_pull_images_and_do_not_push" {
  module { source = "../modules/images" }
  variables { consumer_account_ids = ["444455556666"] }

  assert {
    condition = alltrue([
      for action in jsondecode(aws_ecr_repository_policy.this[0].policy).Statement[0].Action :
      !can(regex("Put|Upload|Delete", action))
    ])
    error_message = "Consumers must not change the repository."
  }
}
