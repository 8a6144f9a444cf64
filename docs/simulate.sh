#!/usr/bin/env bash
# Regenerates the figures in README.md and docs/simulate.svg from what the code does today.
#
#   bash docs/simulate.sh            write them
#   bash docs/simulate.sh --check    compare them, and fail where they differ
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cargo run --quiet --release --example simulate -- --profile all --plot "$scratch/simulate.svg" >"$scratch/output"
{
    echo '```text'
    sed -n '/^┌/,/^└/p' "$scratch/output"
    echo '```'
} >"$scratch/table"
[ "$(wc -l <"$scratch/table")" -gt 10 ] || { echo "simulate printed no table" >&2; exit 1; }

awk -v table="$scratch/table" '
    /<!-- simulate:end -->/ { inside = 0; ends++ }
    !inside { print }
    /<!-- simulate:begin -->/ { inside = 1; begins++; while ((getline line < table) > 0) print line }
    END { exit !(begins == 1 && ends == 1) }
' README.md >"$scratch/README.md" || { echo "README.md needs simulate:begin and simulate:end, once each" >&2; exit 1; }

if [ "${1:-}" = --check ]; then
    diff -u README.md "$scratch/README.md" && cmp docs/simulate.svg "$scratch/simulate.svg" || {
        echo "the figures are out of date: bash docs/simulate.sh" >&2
        exit 1
    }
    echo "the figures in README.md and docs/simulate.svg are what the code does"
else
    cp "$scratch/README.md" README.md
    cp "$scratch/simulate.svg" docs/simulate.svg
fi
