#!/bin/sh
# Runs Terraform in CI, or by hand with your own credentials. Run `make package` first.
#
#   infra/ci/infrastructure.sh test            validates infra/ and runs its tests, without AWS
#   infra/ci/infrastructure.sh plan dev        writes a plan to build/infra/, for review
#   infra/ci/infrastructure.sh apply dev       applies exactly that plan
#   infra/ci/infrastructure.sh drift dev       fails if AWS differs from this commit
#   infra/ci/infrastructure.sh destroy dev     destroys everything in the environment, including its data
#
# Without access to Terraform's registry, set TF_PLUGIN_DIR to a folder with the AWS provider.
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
  [ -f "infra/envs/$environment.tfvars" ] || fail "infra/envs/$environment.tfvars does not exist: copy dev.tfvars"
  init "-backend-config=../envs/$environment.s3.tfbackend"
}

# The plan role can only read, so the state is not locked. If it changes, the plan is stale and cannot be applied.
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

# Three files: the plan, its text for reviewers, and the three numbers that GitLab shows on a merge request.
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
  [ -f "$plan" ] || fail "$plan does not exist: the job plan:$environment of the same pipeline creates it"
  init_with_state
  if ! live apply -no-color -input=false "$plan" 2> "$out/errors.txt"; then
    cat "$out/errors.txt" >&2
    if grep -q 'Saved plan is stale' "$out/errors.txt"; then
      fail "The state has changed since the plan was created, or the plan was partly applied." \
        "Run a new pipeline on the default branch, and review its plan."
    fi
    exit 1
  fi
}

find_drift() {
  init_with_state
  code=0
  plan_without_lock -detailed-exitcode || code=$?
  [ "$code" != 2 ] || fail "AWS differs from this commit: apply it, or add the manual changes to infra/."
  return "$code"
}

destroy() {
  init_with_state
  # Terraform deletes a bucket that is not empty only if force_destroy is in its state.
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
