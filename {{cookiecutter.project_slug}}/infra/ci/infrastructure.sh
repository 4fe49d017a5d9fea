#!/bin/sh
# What the CI does with Terraform. By hand it does the same, with your own credentials; first: make package
#
#   infra/ci/infrastructure.sh test            validate infra/, and run its tests, without AWS
#   infra/ci/infrastructure.sh plan dev        plan, and leave what is to be read and applied in build/infra/
#   infra/ci/infrastructure.sh apply dev       exactly that plan
#   infra/ci/infrastructure.sh drift dev       fail if AWS is not what this commit says
#   infra/ci/infrastructure.sh destroy dev     everything that there is in the environment, its data too
#
# TF_PLUGIN_DIR names a folder with the provider, where Terraform's registry cannot be reached.
set -eu
cd "$(dirname "$0")/../.."

command=${1:-}
environment=${2:-}
out=$PWD/build/infra
plan=$out/$environment.tfplan

fail() {
  echo "$*" >&2
  exit 1
}

live() {
  terraform -chdir=infra/live "$@"
}

init() {
  live init -no-color -input=false -reconfigure ${TF_PLUGIN_DIR:+"-plugin-dir=$TF_PLUGIN_DIR"} "$@"
}

init_with_state() {
  [ -f "infra/envs/$environment.tfvars" ] || fail "there is no infra/envs/$environment.tfvars: copy dev.tfvars"
  init "-backend-config=../envs/$environment.s3.tfbackend"
}

# Who plans may only read, so the state is not locked. If it changes meanwhile, the plan is stale and cannot be applied.
plan_without_lock() {
  live plan -no-color -input=false -lock=false "-var-file=../envs/$environment.tfvars" "$@"
}

run_tests() {
  for root in bootstrap live; do
    terraform "-chdir=infra/$root" init -no-color -input=false -backend=false \
      ${TF_PLUGIN_DIR:+"-plugin-dir=$TF_PLUGIN_DIR"}
    terraform "-chdir=infra/$root" validate -no-color
    terraform "-chdir=infra/$root" test -no-color
  done
}

# Three files: the plan, as text for people, and as the three numbers that GitLab shows on a merge request.
make_plan() {
  init_with_state
  mkdir -p "$out"
  plan_without_lock "-out=$plan"
  live show -no-color "$plan" > "$out/$environment.txt"
  awk '/^Plan: / { for (i = 2; i < NF; i++) if ($i == "to") n[$(i + 1)] = $(i - 1) }
    END { printf "{\"create\": %d, \"update\": %d, \"delete\": %d}\n", n["add,"], n["change,"], n["destroy."] }' \
    "$out/$environment.txt" > "$out/$environment.json"
}

apply_plan() {
  [ -f "$plan" ] || fail "there is no $plan: the job plan:$environment of the same pipeline leaves it"
  init_with_state
  if ! live apply -no-color -input=false "$plan" 2> "$out/errors.txt"; then
    cat "$out/errors.txt" >&2
    if grep -q 'Saved plan is stale' "$out/errors.txt"; then
      fail "Something was applied since this was planned, or a part of this plan was." \
        "Run a new pipeline on the default branch, and read its plan."
    fi
    exit 1
  fi
}

find_drift() {
  init_with_state
  code=0
  plan_without_lock -detailed-exitcode || code=$?
  [ "$code" != 2 ] || fail "AWS is not what this commit says: apply it, or write into infra/ what was changed by hand."
  return "$code"
}

destroy() {
  init_with_state
  # A bucket that holds something is deleted only if its state says that it may be.
  live apply -no-color -input=false -auto-approve "-var-file=../envs/$environment.tfvars" -var force_destroy=true \
    -target=module.storage
  live destroy -no-color -input=false -auto-approve "-var-file=../envs/$environment.tfvars"
}

case "$command $environment" in
  "test ") run_tests ;;
  "plan "?*) make_plan ;;
  "apply "?*) apply_plan ;;
  "drift "?*) find_drift ;;
  "destroy "?*) destroy ;;
  *) fail "usage: $0 test | plan ENVIRONMENT | apply ENVIRONMENT | drift ENVIRONMENT | destroy ENVIRONMENT" ;;
esac
