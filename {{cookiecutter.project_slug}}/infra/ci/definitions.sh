#!/bin/sh
# Tell in Markdown what has changed in the definitions of the pipelines since a commit:
#
#   infra/ci/definitions.sh origin/main build/definitions.md
set -eu
cd "$(dirname "$0")/../.."

base=$1
page=$2
checkout=build/base
definitions=build/base-definitions

# A clone of the CI is shallow.
git cat-file -e "$base^{commit}" 2> /dev/null || git fetch --quiet --depth=1 origin "$base"
rm -rf "$checkout" "$definitions"
git worktree prune
git worktree add --quiet --detach "$checkout" "$base"

mkdir -p "$(dirname "$page")"
if (cd "$checkout" && python -m pipelines compile --output "../../$definitions"); then
  python -m pipelines diff --against "$definitions" > "$page"
else
  echo "The definitions of $base do not compile, so there is nothing to compare with." > "$page"
fi
git worktree remove --force "$checkout"
cat "$page"
