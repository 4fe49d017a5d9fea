output "bucket" {
  description = "The bucket of data, code and results: name, arn."
  value       = { name = aws_s3_bucket.this["data"].bucket, arn = local.arns.data }
}

output "kms_key_arn" {
  description = "The key that encrypts everything."
  value       = aws_kms_key.this.arn
}
