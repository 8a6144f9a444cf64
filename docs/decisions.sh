#!/usr/bin/env bash
# Regenerates the tables of decisions in src/guide/figures.md and docs/decisions.md from what the code does today, beside the
# figures of docs/decisions.before.tsv. Needs jq. All scenarios take some minutes, those of the guide 20 seconds.
#
#   bash docs/decisions.sh            write both
#   bash docs/decisions.sh --check    compare the table in the guide, and fail where it differs
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source docs/between.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# decisions [--brief]: an object a row.
decisions() {
    cargo run --quiet --release --example decisions -- --profile balanced --seeds 1-10 --json "$@" >"$scratch/rows"
}

# rows BRIEF: a line of a table for each target of each scenario; if BRIEF is not empty, only of those that have words of their own.
rows() {
    jq -rs --rawfile before docs/decisions.before.tsv --arg brief "$1" '
        def number: if . == null then "never" elif . == floor then tostring
            elif . >= 1000 then (round | tostring)
            elif . >= 10 then ((. * 10 | round) / 10 | tostring) else ((. * 100 | round) / 100 | tostring) end;
        def spread: if . == null then "" else [.median, .worst | number] | unique_by(.) as $few |
            if ($few | length) == 1 then .[0] else join(" / ") end end;
        def value: if . == "never" then null else tonumber end;
        {"full_s": "full, s", "first_peer_s": "first peer, s", "first_dial_s": "first dial, s", "redial_s": "redial, s",
            "peers": "peers after 60 s", "honest": "honest peers", "dials_to_before": "dials, to before"} as $words |
        ($before | split("\n") | map(select(length > 0 and (startswith("#") | not)) | split("\t")) |
            map({key: "\(.[0]) \(.[1])", value: .[2:]}) | from_entries) as $before |
        ($before | with_entries(select(.value | length == 2) | .value |= {median: (.[0] | value), worst: (.[1] | value)})) as $old |
        .[] | . as $row | ($before["\(.scenario) world"] // [])[0] as $world |
        select($brief == "" or $world != null) | .target[] | .figure as $figure | .of as $of |
        (if .at_most != null then "≤ \(.at_most | number)" elif .at_least != null then "≥ \(.at_least | number)" else "" end) as $limit |
        ([(if $brief == "" then $row.about else $world end), $words[$figure] // $figure, ($old["\($row.scenario) \($figure)"] | spread), ($row[$figure] | spread),
            (if $row.feasible | has($figure) then $row.feasible[$figure] | number else "" end)] |
            if $brief == "" then . + [$limit + (if $of == "median" then " (median)" else "" end),
                ($old["\($row.scenario) dials"] | spread), ($row.dials | spread)] else . end) as $cells |
        "| " + ([$row.scenario] + $cells | join(" | ")) + " |"' "$scratch/rows"
}

if [ "${1:-}" = --check ]; then decisions --brief; else decisions; fi
{
    echo "| | world | figure | before | after | feasible |"
    echo "|---|---|---|---|---|---|"
    rows brief
} >"$scratch/short"
between decisions src/guide/figures.md "$scratch/short" >"$scratch/figures.md"
settle "${1:-}" "$scratch" src/guide/figures.md
[ "${1:-}" != --check ] || exit 0

{
    echo "| | world | figure | before | after | feasible | target | dials before | dials after |"
    echo "|---|---|---|---|---|---|---|---|---|"
    rows ""
} >"$scratch/long"
between decisions docs/decisions.md "$scratch/long" >"$scratch/decisions.md"
settle "" "$scratch" docs/decisions.md
