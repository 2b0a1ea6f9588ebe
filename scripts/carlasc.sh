#!/usr/bin/env bash
# New occupancy from recorded: the autoencoder, latents, the diffusion transformer, samples, and videos of them.
#   bash scripts/carlasc.sh DATA OUT [--synthetic]
# DATA holds CarlaSC's folder Cartesian. With --synthetic it is filled with our own towns first, if it is not there, and small
# networks learn them on a processor. GPUS=8 before the command trains and encodes on so many. Repeated, it goes on.
set -euo pipefail
trap 'exit 130' INT TERM # not on to the next stage
fail() { echo "error: $1" >&2; exit 2; }
words=() preset=carlasc wishes=()
for word in "$@"; do case $word in
    --synthetic) preset=tiny wishes=(--command cycle) ;;
    -h | --help) sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}" && exit 0 ;;
    --*) fail "$word is unknown; --synthetic is the only flag" ;;
    *) words+=("$word") ;;
esac; done
[ ${#words[@]} -eq 2 ] || fail "usage: bash scripts/carlasc.sh DATA OUT [--synthetic]"
data=$(realpath -m "${words[0]}") out=$(realpath -m "${words[1]}") root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if [ $preset = carlasc ] && [ ! -d "$data/Cartesian" ] && [ ! -d "$data/Train" ]; then
    fail "$data/Cartesian is missing; \`python -m data.download_carlasc\` says where it comes from and checks it"
fi
mkdir -p "$out" && cd "$root" && bash scripts/setup.sh
source "${VIRTUAL_ENV:-.venv}/bin/activate"
start() { if [ "${GPUS:-1}" -gt 1 ]; then torchrun --nproc-per-node "$GPUS" "$@"; else python "$@"; fi; }
if [ $preset = tiny ] && [ ! -d "$data" ]; then
    python -m data.synthetic town --out "$data" --grid 48 48 8 --scenes 48 --test-scenes 8 --frames 120
fi
start train.py vae -s "$data" -m "$out/vae" --preset $preset
start -m generation.encode --vae "$out/vae/network/best.safetensors" -s "$data" -o "$out/latents"
start train.py dit -s "$out/latents" -m "$out/dit" --preset $preset
dit=$(find "$out/dit/network" -name 'iteration_*.safetensors' | sort -V | tail -n 1)
python -m generation.sample --vae "$out/vae/network/best.safetensors" --dit "$dit" -o "$out/samples" ${wishes[@]+"${wishes[@]}"}
python -m scene.occupancy.look "$out/samples" -o "$out/look"
