#!/usr/bin/env bash
# The Mip-NeRF 360 benchmark: train, render and score every scene, then one table of all runs.
#   bash scripts/mipnerf360.sh DATA OUT [further flags for train.py]
# Outdoor scenes use images_4, indoor scenes images_2, and every 8th view is held out, as in the papers.
set -euo pipefail
if [ $# -lt 2 ]; then
    echo "usage: bash scripts/mipnerf360.sh DATA OUT [flags of train.py]" >&2
    exit 2
fi
outdoor=(bicycle flowers garden stump treehill)
indoor=(bonsai counter kitchen room)
for scene in "${outdoor[@]}" "${indoor[@]}"; do
    if [ ! -d "$1/$scene/sparse" ]; then
        echo "error: $1/$scene/sparse is missing; get 360_v2.zip and 360_extra_scenes.zip from" \
            "https://jonbarron.info/mipnerf360/ and unpack both into $1" >&2
        exit 2
    fi
done
mkdir -p "$2"
data=$(cd "$1" && pwd) out=$(cd "$2" && pwd)
shift 2
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh
source "${VIRTUAL_ENV:-.venv}/bin/activate"

benchmark() {  # benchmark SCENE FOLDER [FLAGS]: the scene's images are in FOLDER
    python train.py -s "$data/$1" -m "$out/$1" -i "$2" --eval "${@:3}"
    python render.py -m "$out/$1"
}
for scene in "${outdoor[@]}"; do benchmark "$scene" images_4 "$@"; done
for scene in "${indoor[@]}"; do benchmark "$scene" images_2 "$@"; done
python metrics.py -m "${outdoor[@]/#/$out/}" "${indoor[@]/#/$out/}"
