#!/usr/bin/env bash
# The street benchmark: prepare, train, render and score Waymo segments by S3Gaussian's protocol, then one table.
#   bash scripts/waymo.sh [SEGMENTS [SPLIT.txt | SCENE_ID ...]] [--list=FILE] [--FLAG=VALUE of train.py ...]
# SEGMENTS holds <segment>.tfrecord. The split is data/waymo_splits/dynamic32.txt unless named. Frames 0 to 49 of the three
# front cameras at 960x640, every 10th frame held out. Runs go to output/waymo, or to $OUT; the processed folders to
# $OUT/processed. What is done already is not done again; a scene that fails is told and left out.
set -euo pipefail
trap 'exit 130' INT TERM # not on to the next scene; the same command goes on
fail() { echo "error: $1" >&2; exit 2; }
words=() flags=() known=()
for word in "$@"; do case $word in
    --list=*) known+=("--list=$(realpath "${word#*=}")") ;;
    --*) flags+=("$word") ;;
    *) words+=("$word") ;;
esac; done
segments=${words[0]:-data/waymo/raw} scenes=(${words[@]+"${words[@]:1}"}) root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
[ -d "$segments" ] || fail "$segments is missing; \`python -m data.download_waymo\` fetches segments"
split=${scenes[0]:-$root/data/waymo_splits/dynamic32.txt}
if [[ $split == *.txt ]]; then
    [ -f "$split" ] || fail "$split is missing; a split such as data/waymo_splits/dynamic32.txt was expected"
    known+=(--split-file "$(realpath "$split")")
    scenes=($(sed -n 's/^ *\([0-9][0-9]*\) *,.*/\1/p' "$split")) # numbers, so that words are scenes
else known+=(--scene-ids "${scenes[@]}"); fi
segments=$(cd "$segments" && pwd) out=${OUT:-output/waymo}
mkdir -p "$out" && out=$(cd "$out" && pwd) && cd "$root" && bash scripts/setup.sh
source "${VIRTUAL_ENV:-.venv}/bin/activate"
benchmark() { # SCENE
    if python -m evaluation.street_table "$out/$1" > /dev/null 2>&1; then return; fi
    python train.py street -s "$out/processed/training/$1" -m "$out/$1" --end-frame 49 --rig-cameras front_left front \
        front_right --long-side 960 --stride 10 ${flags[@]+"${flags[@]}"}
}
python -m scene.datasets.waymo_convert --data-root "$segments" --target-dir "$out/processed" "${known[@]}" ||
    [ -d "$out/processed/training" ] || exit 2
scored=()
for scene in "${scenes[@]}"; do
    name=$(printf %03d "$((10#$scene))")
    if benchmark "$name"; then scored+=("$out/$name"); else echo "warning: scene $name failed" >&2; fi
done
python -m evaluation.street_table ${scored[@]+"${scored[@]}"} && [ ${#scored[@]} -eq ${#scenes[@]} ]
