#!/usr/bin/env bash
# The MPI-Sintel benchmark: predict, train, render and score sequences by DAS3R's protocol, then one table beside its numbers.
#   bash scripts/sintel.sh [SINTEL [SEQUENCE ...]] [--FLAG=VALUE of train.py ...]
# SINTEL holds training/{final,camdata_left,depth,dynamic_label_perfect}. All frames, 512 wide; frames 5, 15, ... are held out.
# Runs go to output/sintel, or to $OUT. What is done already is not done again; a sequence that fails is told and left out.
set -euo pipefail
trap 'exit 130' INT TERM # not on to the next sequence; the same command goes on
words=() flags=()
for word in "$@"; do
    if [[ $word == --* ]]; then flags+=("$word"); else words+=("$word"); fi
done
sintel=${words[0]:-data/sintel}/training
sequences=(${words[@]+"${words[@]:1}"})
if [ ${#sequences[@]} -eq 0 ]; then
    sequences=({alley,sleeping,temple}_2 ambush_{4,5,6} cave_{2,4} market_{2,5,6} shaman_3 sleeping_1 temple_3)
fi
for sequence in "${sequences[@]}"; do
    if [ ! -d "$sintel/final/$sequence" ] || [ ! -d "$sintel/dynamic_label_perfect/$sequence" ]; then
        echo "error: $sintel lacks final/$sequence or dynamic_label_perfect/$sequence; \`python -m data.download_sintel\` fetches both" >&2
        exit 2
    fi
done
sintel=$(cd "$sintel" && pwd) out=${OUT:-output/sintel}
mkdir -p "$out" && out=$(cd "$out" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh
source "${VIRTUAL_ENV:-.venv}/bin/activate"
truth=(--gt-masks "$sintel/dynamic_label_perfect" --gt-trajectory "$sintel/camdata_left" --gt-depths "$sintel/depth")
benchmark() { # SEQUENCE
    python train.py dynamic -s "$sintel/final/$1" -m "$out/$1" --frame-long-side 512 --long-side 512 \
        --hold-out das3r --iterations 4000 ${flags[@]+"${flags[@]}"} || return
    if python -m evaluation.benchmark sintel "$out/$1" "${truth[@]}" > /dev/null 2>&1; then return; fi
    python render.py -m "$out/$1" --skip-train && python metrics.py -m "$out/$1" "${truth[@]}"
}
scored=()
for sequence in "${sequences[@]}"; do
    if benchmark "$sequence"; then scored+=("$out/$sequence"); else echo "warning: $sequence failed" >&2; fi
done
python -m evaluation.benchmark sintel ${scored[@]+"${scored[@]}"} "${truth[@]}" && [ ${#scored[@]} -eq ${#sequences[@]} ]
