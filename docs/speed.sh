#!/usr/bin/env bash
# Regenerates the tables of docs/speed.md and the picture docs/growth.svg: half an hour, on a machine that does little else. Needs jq,
# and valgrind for the instructions. With names of parts it does these only:
#   cycle  the dial cycle, a dialer in use, the picture      fill   filling a table
#   size   instructions, bytes a node at a million           bytes  bytes a node at every number of nodes
#   large  ten million nodes: 8 GB of memory, and more than half of the time
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

# table NAME: what comes in is the table with this name in the document.
table() {
    cat >"$scratch/$1"
    between "$1" docs/speed.md "$scratch/$1" >"$scratch/speed.md"
    cp "$scratch/speed.md" docs/speed.md
}

part_cycle() {
    bench dial_cycle --plot docs/growth.svg
    {
        echo "| known nodes | floor, ns | balanced, dynamic | balanced, static | classic, dynamic | classic, static | scheduler, dynamic | scheduler, static |"
        echo "|---|---|---|---|---|---|---|---|"
        jq -rs 'map(select(.floor_ns)) | group_by(.n)[] | . as $rows |
            ([$rows[].floor_ns] | min | round) as $floor |
            [$rows[] | {key: "\(.profile), \(.kind)", value: "\(.ratio), \(.ns | round) ns"}] | from_entries as $of |
            [$rows[0].n, $floor, (["balanced", "classic", "scheduler"][] | $of["\(.), dynamic"], $of["\(.), static"])] |
            "| \(join(" | ")) |"' "$scratch/dial_cycle"
    } | table cycle
    {
        echo "| known nodes | plain, ns | in use | 10,000 ids banned | 9,000 ids and 1,000 networks banned | events a dial | sessions a dial |"
        echo "|---|---|---|---|---|---|---|"
        jq -rs 'map(select(.to_plain)) | group_by(.n)[] |
            [.[0].n, (.[0].plain_ns | round), (.[] | "\(.to_plain), \(.ns | round) ns"), .[0].events, .[0].sessions] |
            "| \(join(" | ")) |"' "$scratch/dial_cycle"
    } | table use
}

part_fill() {
    bench filling
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
    } | table fill
}

part_size() {
    bench instructions
    cargo test --quiet --release --test memory -- --nocapture | sed -n 's/^\(.*\)Dynamic: \([0-9]*\) bytes.*/\1 \2/p' >"$scratch/of_a_million"
    {
        echo "| | instructions a dial at 1,000 | at 100,000 | bytes a node at a million |"
        echo "|---|---|---|---|"
        jq -rs --rawfile memory "$scratch/of_a_million" '($memory | split("\n") | map(split(" ")) | map(select(length == 2) | {key: (.[0] | ascii_downcase), value: .[1]}) | from_entries) as $bytes |
            map(select(.instructions)) | group_by("\(.profile), \(.kind)")[] | (map({key: "\(.n)", value: .instructions}) | from_entries) as $of |
            "| \(.[0].profile), \(.[0].kind) | \($of["1000"]) | \($of["100000"]) | \(if .[0].kind == "dynamic" then $bytes[.[0].profile] // "" else "" end) |"' \
            "$scratch/instructions"
    } | table size
}

part_bytes() {
    bench memory
    {
        echo "| known nodes | all cool down | all are ready |"
        echo "|---|---|---|"
        jq -rs '(map(select(.at == "as such")) | group_by(.n)[] | "| \(.[0].n) | \(map(.bytes_a_node) | join(" | ")) |"),
            (map(select(.at == "the worst")) | group_by(.from)[] |
                "| the worst from \(.[0].from) to \(.[0].to) | \(map("\(.bytes_a_node) at \(.n)") | join(" | ")) |")' "$scratch/memory"
    } | table bytes
}

part_large() {
    bench dial_cycle --quick --nodes 10000000
    bench events --quick --nodes 10000000
    {
        echo "| ten million nodes | to the floor or the target | |"
        echo "|---|---|---|"
        jq -r 'select(.floor_ns) | "| a dial: \(.profile), \(.kind) | \(.ratio) | \(.ns | round) ns, floor \(.floor_ns | round) ns |"' "$scratch/dial_cycle"
        jq -r 'def ms: . / 10000 | round / 100;
            "| the longest call: \(.kind) | \(.to_target) | handle \(.handle_ns | ms) ms, poll \(.poll_ns | ms) ms, while the tables grow \(.growth_ns | ms) ms |"' \
            "$scratch/events"
    } | table large
}

[ $# != 0 ] || set -- cycle fill size bytes large
for part in "$@"; do
    "part_$part"
done
