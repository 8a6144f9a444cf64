#!/usr/bin/env bash
# Regenerates docs/network.md and the pictures beside it from what the code does today, on seeds 6 to 10. Needs jq. With
# 10,000 dialers that takes more than an hour, with 1,000 some minutes.
#
#   bash docs/network.sh           10,000 dialers, and 1,000 that live long
#   bash docs/network.sh 1000      as many; where they live long a tenth of them, but at least 300
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source docs/between.sh
nodes=${1:-10000}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

short=(cold-start steady-state partition mass-restart eclipse flaky-links slow-loris)
network() {
    cargo run --quiet --release --example network -- --seeds 6-10 --jobs 1 --json "$@" >>"$scratch/rows"
}
network "${short[@]/#/--scenario=}" --nodes "$nodes" --out "$scratch/short"
few=$((nodes / 10))
network --scenario long-life --nodes "$((few < 300 ? 300 : few))" --out "$scratch/long"

# The targets, and what came of each.
jq -rs '
    def at($s; $p): map(select(.scenario == $s and .profile == $p))[0];
    def show: if . == null then "–" elif . == floor then tostring else (. * 100 | round) / 100 | tostring end;
    def target($s; $key; $words; $limit; $need):
        at($s; "balanced") as $b | [at($s; "classic")[$key], at($s; "scheduler")[$key]] as $o | ($o | min) as $min |
        (if $limit == "share" then $min * $need else $need end) as $most |
        "| \($words) | ≤ \($most | show) | \($b[$key] | show) | \($o[0] | show) | \($o[1] | show) | \($b.at_best[$key] | show) | \(if $b[$key] <= $most then "met" else "**not met**" end) |";
    target("steady-state"; "dials_per_kept"; "steady state: dials per kept connection (half of the better of the others)"; "share"; 0.5),
    target("partition"; "whole"; "partition: until 99 % are one component, s (half of the better of the others)"; "share"; 0.5),
    target("partition"; "healed_50"; "partition: until half have a neighbour across, s (half of the better of the others)"; "share"; 0.5),
    target("eclipse"; "fully_eclipsed"; "eclipse: victims with all slots taken"; "most"; 0),
    target("eclipse"; "fully_after_restart"; "eclipse: the same after a restart"; "most"; 0),
    target("flaky-links"; "link_up_first_p99"; "flaky links: link-up to first peer (99 %), s"; "most"; 2),
    target("slow-loris"; "half_too_long"; "slow loris: nodes below half of the target for over 60 s"; "most"; 0),
    target("long-life"; "alone_too_long"; "a long life: nodes without any peer for over 2 min"; "most"; 0)' "$scratch/rows" >"$scratch/lines"
{
    echo "| | target | balanced | classic | scheduler | feasible at best | |"
    echo "|---|---|---|---|---|---|---|"
    cat "$scratch/lines"
} >"$scratch/targets"

# Better or equal in every scenario?
{
    echo "| | figure | balanced | classic | scheduler | |"
    echo "|---|---|---|---|---|---|"
    jq -rs '
        def show: if . == floor then tostring else (. * 100 | round) / 100 | tostring end;
        group_by(.scenario)[] | (map({key: .profile, value: .}) | from_entries) as $of |
        ["dials_per_kept", "dials per kept connection"], ["below_target", "time below the target, %"],
        ["full_p99", "start to all peers (99 %), s"], ["most_dialed_minute", "most dials to one node in a minute"] |
        . as [$key, $words] | ([$of.classic[$key], $of.scheduler[$key]] | min) as $min |
        "| \($of.balanced.scenario) | \($words) | \($of.balanced[$key] | show) | \($of.classic[$key] | show) | \($of.scheduler[$key] | show) | \(if $of.balanced[$key] <= $min then "better" else "**worse**" end) |"' \
        "$scratch/rows"
} >"$scratch/compared"

# The chapters, one level down.
for part in short long; do sed -n '/^## /,$p' "$scratch/$part/network.md"; done | sed 's/^## /### /' >"$scratch/chapters"

cp docs/network.md "$scratch/network.md"
for part in targets compared chapters; do
    between "$part" "$scratch/network.md" "$scratch/$part" >"$scratch/next.md"
    mv "$scratch/next.md" "$scratch/network.md"
done
cp "$scratch"/short/*.svg "$scratch"/long/*.svg "$scratch/network.md" docs/
