output "functions" {
  description = "Each function by its short name, for example notify: arn, name."
  value = {
    for name, function in aws_lambda_function.this : name => { arn = function.arn, name = function.function_name }
  }
}

output "table" {
  description = "Remembers what was told and what was decided: arn, name."
  value       = { arn = aws_dynamodb_table.events.arn, name = aws_dynamodb_table.events.name }
}
