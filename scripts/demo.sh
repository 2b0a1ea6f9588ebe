#!/usr/bin/env bash
# From nothing to a scored scene in minutes: set-up, a synthetic capture, training, renders, scores, a report.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/setup.sh
source "${VIRTUAL_ENV:-.venv}/bin/activate"

capture=output/demo/capture run=output/demo/run
if [ ! -e "$capture/transforms.json" ]; then
    python -m data.synthetic static --out "$capture"
fi
python train.py -s "$capture" -m "$run" --eval --minutes 2
python render.py -m "$run"
python metrics.py -m "$run"
echo
echo "Done. Open $run/report.html in a browser."
