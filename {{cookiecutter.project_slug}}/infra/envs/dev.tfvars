# The infrastructure of the environment dev. Its account, region and network are in config/environments/dev.yaml;
# retraining and notifications are configured in config/events.yaml. infra/live/variables.tf lists all variables.

environment = "dev"

notification_emails = [{% if cookiecutter.notification_email %}"{{ cookiecutter.notification_email }}"{% endif %}] # AWS sends each a link to confirm

# What starts the pipelines automatically: new objects in the bucket, and schedules (in UTC; null for none). A schedule
# reads the files directly in data/inference/: if each batch has its own folder, set inference_schedule to null.
new_data_starts_pipelines = {{ "true" if cookiecutter.triggers in ("s3", "both") else "false" }}
{%- if cookiecutter.triggers in ("schedule", "both") %}
training_schedule         = "cron(0 3 ? * MON *)"
inference_schedule        = "cron(0 5 * * ? *)"
{%- else %}
training_schedule         = null
inference_schedule        = null
{%- endif %}

# If config/environments/dev.yaml lists no subnets: a network without internet access.
create_network = true

monthly_budget_usd = 100 # notifies at 80 % and 100 %; 0 for no budget
log_retention_days = 365
force_destroy      = false # true: `terraform destroy` deletes the data, too
