#!/usr/bin/env bash
# Regenerates what `simulate` says of a day from what the code does today: the curves in README.md, the table in
# src/guide/figures.md, and docs/simulate.svg.
#
#   bash docs/simulate.sh            write them
#   bash docs/simulate.sh --check    compare them, and fail where they differ
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source docs/between.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# fenced: the input as a block of text, which must not be empty.
fenced() {
    echo '```text'
    sed 's/[[:space:]]*$//' | grep . || { echo "simulate printed nothing of the kind" >&2; return 1; }
    echo '```'
}

cargo run --quiet --release --example simulate -- --profile all --plot "$scratch/simulate.svg" >"$scratch/output"
sed -n '/: peers (/,/^0 h /p' "$scratch/output" | fenced >"$scratch/curves"
sed -n '/^┌/,/^└/p' "$scratch/output" | fenced >"$scratch/table"
between day README.md "$scratch/curves" >"$scratch/README.md"
between simulate src/guide/figures.md "$scratch/table" >"$scratch/figures.md"

settle "${1:-}" "$scratch" README.md src/guide/figures.md docs/simulate.svg
