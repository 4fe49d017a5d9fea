#!/bin/sh
# Writes the differences between the pipeline definitions of a commit and of this checkout to a Markdown file:
#
#   infra/ci/definitions.sh origin/main build/definitions.md
set -eu
cd "$(dirname "$0")/../.."

base=$1
page=$2
folder=$(git rev-parse --show-prefix) # of the project in its repository: empty, or a path with a slash at its end
checkout=$PWD/build/base
definitions=$PWD/build/base-definitions

# A checkout is compiled with the wheel in its vendor/; before release 0.4.0 the compiler was part of the project.
compile() { # CHECKOUT FOLDER
  cd "$1"
  if [ -d vendor ]; then
    PYTHONPATH=$(find "$PWD/vendor" -name '*.whl' -print -quit) python -m mlops_kit compile --output "$2"
  else
    python -m pipelines compile --output "$2"
  fi
}

# CI runners clone only the last commits.
git cat-file -e "$base^{commit}" 2> /dev/null || git fetch --quiet --depth=1 origin "$base"
rm -rf "$checkout" "$definitions"
git worktree prune
git worktree add --quiet --detach "$checkout" "$base"

mkdir -p "$(dirname "$page")"
if [ ! -d "$checkout/${folder}config" ]; then
  echo "$base has no project${folder:+ in $folder} yet, so there is nothing to compare." > "$page"
elif (compile "$checkout/$folder" "$definitions"); then
  mlops diff --against "$definitions" > "$page"
else
  echo "The definitions of $base do not compile, so there is nothing to compare." > "$page"
fi
git worktree remove --force "$checkout"
cat "$page"
