#!/usr/bin/env bash
# Regenerates the tables of docs/speed.md and the picture docs/growth.svg: some minutes, on a machine that does little else. Needs jq,
# and valgrind for the instructions.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source docs/between.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# bench NAME OPTION...: the rows of a bench, an object a line.
bench() {
    local name=$1
    shift
    cargo bench --quiet --features serde --bench "$name" -- --json "$@" >"$scratch/$name"
}

bench dial_cycle --plot docs/growth.svg
bench filling
bench instructions
cargo test --quiet --release --test memory -- --nocapture | sed -n 's/^\(.*\)Dynamic: \([0-9]*\) bytes.*/\1 \2/p' >"$scratch/memory"

{
    echo "| known nodes | floor, ns | balanced, dynamic | balanced, static | classic, dynamic | classic, static |"
    echo "|---|---|---|---|---|---|"
    jq -rs 'map(select(.floor_ns)) | group_by(.n)[] | . as $rows |
        ([$rows[].floor_ns] | min | round) as $floor |
        [$rows[] | {key: "\(.profile), \(.kind)", value: "\(.ns | round) ns, \(.ratio)"}] | from_entries |
        "| \($rows[0].n) | \($floor) | \(.["balanced, dynamic"]) | \(.["balanced, static"]) | \(.["classic, dynamic"]) | \(.["classic, static"]) |"' \
        "$scratch/dial_cycle"
} >"$scratch/cycle"
{
    echo "| a million known nodes | lean, ns | balanced | classic | target |"
    echo "|---|---|---|---|---|"
    jq -rs 'map(select(.n == 1000000)) | (map(select(.profile == "lean"))[0].ns | round) as $lean |
        {"a new node is told": 9, "a known node is told again": 5, "a node is restored": 5, "a node is forgotten": 5,
            "a new node, and another gives way": 5, "a lookup brings 16 new ones": "10 µs", "a snapshot is taken": "100 ms",
            "a snapshot is restored": "300 ms"} as $targets |
        def value: if .ms != null then "\(.ms) ms" else "\(.ns | round) ns, \(.ratio)" end;
        map(select(.profile != "lean")) | group_by(.kind)[] | (map({key: .profile, value: value}) | from_entries) as $of |
        "| \(.[0].kind) | \(if .[0].ms != null then "" elif (.[0].kind | test("16")) then $lean * 16 else $lean end) | \($of.balanced) | \($of.classic) | \($targets[.[0].kind] // "") |"' \
        "$scratch/filling"
} >"$scratch/fill"
{
    echo "| | instructions a cycle at 1,000 | at 100,000 | bytes a node at a million |"
    echo "|---|---|---|---|"
    jq -rs --rawfile memory "$scratch/memory" '($memory | split("\n") | map(split(" ")) | map(select(length == 2) | {key: (.[0] | ascii_downcase), value: .[1]}) | from_entries) as $bytes |
        map(select(.instructions)) | group_by("\(.profile), \(.kind)")[] | (map({key: "\(.n)", value: .instructions}) | from_entries) as $of |
        "| \(.[0].profile), \(.[0].kind) | \($of["1000"]) | \($of["100000"]) | \(if .[0].kind == "dynamic" then $bytes[.[0].profile] // "" else "" end) |"' \
        "$scratch/instructions"
} >"$scratch/size"
for part in cycle fill size; do
    between "$part" docs/speed.md "$scratch/$part" >"$scratch/speed.md"
    cp "$scratch/speed.md" docs/speed.md
done
