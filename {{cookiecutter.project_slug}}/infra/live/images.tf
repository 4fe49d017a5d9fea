# The repository of the image that images/ defines. CI pushes to it, and config/environments/ names an image in it.

module "images" {
  source  = "../modules/images"
  context = local.context

  kms_key_arn          = module.storage.kms_key_arn
  consumer_account_ids = var.consumer_account_ids
  force_destroy        = var.force_destroy
}

output "image_repository" {
  description = "The URL of the repository of images."
  value       = module.images.repository.url
}
