#!/usr/bin/env bash
# A data set of renders, masks and depth out of DL3DV: every stage of every scene and split, resumed by the same command.
#   bash scripts/dl3dv.sh DATA OUT [--synthetic] [flags of dataset_generation.py]
# DATA holds 1K/HASH/{images_4, transforms.json, sparse or colmap/sparse}; `python -m data.download_dl3dv` fetches it.
# --synthetic makes 4 small scenes in DATA first, where there is nothing, and trains them briefly.
set -euo pipefail
if [ "${1:-}" = "--help" ]; then
    sed -n '2,5p' "${BASH_SOURCE[0]}"
    exit 0
fi
if [ $# -lt 2 ] || [[ $1 == --* ]] || [[ $2 == --* ]]; then
    echo "error: usage: bash scripts/dl3dv.sh DATA OUT [--synthetic] [flags of dataset_generation.py]" >&2
    exit 2
fi
data=$(realpath -m "$1") out=$(realpath -m "$2")
shift 2
synthetic=""
if [ "${1:-}" = "--synthetic" ]; then synthetic=yes && shift; fi
if [ -z "$synthetic" ] && [ ! -d "$data" ]; then
    echo "error: $data is missing; \`python -m data.download_dl3dv --to $data\` fetches it, --synthetic makes another" >&2
    exit 2
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh
source "${VIRTUAL_ENV:-.venv}/bin/activate"
splits=(0.1 0.3 0.5 0.7 0.9) brief=()
if [ -n "$synthetic" ]; then
    [ -d "$data/1K" ] || python -m data.synthetic dl3dv --out "$data" --scenes 4 --subset 1K
    splits=(0.1 0.3 0.6) brief=(--iterations 300)
fi
python dataset_generation.py --dataset dl3dv --dataset-root "$data" --output-dir "$out" --subset 1K \
    --split-ratio "${splits[@]}" --stages train render visibility depth metrics validate \
    ${brief[@]+"${brief[@]}"} "$@"
