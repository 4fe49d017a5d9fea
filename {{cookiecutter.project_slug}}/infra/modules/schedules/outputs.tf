output "schedule_names" {
  description = "The name of the schedule of each kind of pipeline that has one."
  value       = { for kind, schedule in aws_scheduler_schedule.this : kind => schedule.name }
}
