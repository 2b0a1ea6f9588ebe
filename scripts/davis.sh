#!/usr/bin/env bash
# The DAVIS benchmark: predict, train, render and score sequences by DAS3R's protocol, then one table beside its numbers.
#   bash scripts/davis.sh [DAVIS [SEQUENCE ...]] [--FLAG=VALUE of train.py ...]
# DAVIS holds JPEGImages/480p and Annotations/480p. The first 50 frames at 512x288; frames 5, 15, 25, ... are held out.
# Runs go to output/davis, or to $OUT. What is done already is not done again; a sequence that fails is told and left out.
set -euo pipefail
trap 'exit 130' INT TERM # not on to the next sequence; the same command goes on
words=() flags=()
for word in "$@"; do
    if [[ $word == --* ]]; then flags+=("$word"); else words+=("$word"); fi
done
davis=${words[0]:-data/davis/DAVIS}
sequences=(${words[@]+"${words[@]:1}"})
if [ ${#sequences[@]} -eq 0 ]; then
    sequences=(blackswan camel car-shadow dog horsejump-high motocross-jump parkour soapbox)
fi
for sequence in "${sequences[@]}"; do
    if [ ! -d "$davis/JPEGImages/480p/$sequence" ]; then
        echo "error: $davis/JPEGImages/480p/$sequence is missing; \`python -m data.download_davis\` fetches the data set" >&2
        exit 2
    fi
done
davis=$(cd "$davis" && pwd) out=${OUT:-output/davis}
mkdir -p "$out" && out=$(cd "$out" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh
source "${VIRTUAL_ENV:-.venv}/bin/activate"
truth=(--gt-masks "$davis/Annotations/480p")
benchmark() { # SEQUENCE
    python train.py dynamic -s "$davis/JPEGImages/480p/$1" -m "$out/$1" --first-frames 50 --frame-long-side 512 \
        --long-side 512 --hold-out das3r --iterations 4000 ${flags[@]+"${flags[@]}"} || return
    if python -m evaluation.benchmark davis "$out/$1" "${truth[@]}" > /dev/null 2>&1; then return; fi
    python render.py -m "$out/$1" --skip-train && python metrics.py -m "$out/$1" "${truth[@]}"
}
scored=()
for sequence in "${sequences[@]}"; do
    if benchmark "$sequence"; then scored+=("$out/$sequence"); else echo "warning: $sequence failed" >&2; fi
done
python -m evaluation.benchmark davis ${scored[@]+"${scored[@]}"} "${truth[@]}"
[ ${#scored[@]} -eq ${#sequences[@]} ]
