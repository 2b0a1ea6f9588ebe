#!/usr/bin/env bash
# The Mip-NeRF 360 benchmark: train, render and score every scene, then one table of all runs.
#   bash scripts/mipnerf360.sh DATA OUT [further flags for train.py]
# Outdoor scenes use images_4, indoor scenes images_2, and every 8th view is held out, as in the papers.
#   bash scripts/mipnerf360.sh --bulk DATA OUT [flags of dataset_generation.py]
# makes a data set of renders, masks and depth of them instead, in five splits; `python -m data.download_mipnerf360` fetches DATA.
set -euo pipefail
bulk=""
if [ "${1:-}" = "--bulk" ]; then bulk=yes && shift; fi
if [ $# -lt 2 ]; then
    echo "usage: bash scripts/mipnerf360.sh [--bulk] DATA OUT [flags of train.py or, with --bulk, dataset_generation.py]" >&2
    exit 2
fi
outdoor=(bicycle flowers garden stump treehill)
indoor=(bonsai counter kitchen room)
for scene in "${outdoor[@]}" "${indoor[@]}"; do
    if [ ! -d "$1/$scene/sparse" ]; then
        echo "error: $1/$scene/sparse is missing; \`python -m data.download_mipnerf360\` fetches" \
            "what is published at https://jonbarron.info/mipnerf360/" >&2
        exit 2
    fi
done
mkdir -p "$2"
data=$(cd "$1" && pwd) out=$(cd "$2" && pwd)
shift 2
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh
source "${VIRTUAL_ENV:-.venv}/bin/activate"
if [ -n "$bulk" ]; then
    python dataset_generation.py --dataset mipnerf360 --dataset-root "$data" --output-dir "$out" \
        --split-ratio 0.1 0.3 0.5 0.7 0.9 --stages train render visibility depth metrics validate "$@"
    exit
fi
benchmark() {  # benchmark SCENE FOLDER [FLAGS]: the scene's images are in FOLDER
    python train.py -s "$data/$1" -m "$out/$1" -i "$2" --eval "${@:3}"
    python render.py -m "$out/$1"
}
for scene in "${outdoor[@]}"; do benchmark "$scene" images_4 "$@"; done
for scene in "${indoor[@]}"; do benchmark "$scene" images_2 "$@"; done
python metrics.py -m "${outdoor[@]/#/$out/}" "${indoor[@]/#/$out/}"
