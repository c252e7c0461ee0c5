#!/usr/bin/env bash
# From nothing to the first correct answer, and from a stop to ready again.
# Clones this checkout into an empty folder, runs `make serve` there with an empty environment
# (pip keeps its cache), reads a picture, stops the server, starts it again; then prints what the
# installed environment holds. Usage: benchmarks/start/fresh_clone.sh [PORT]
set -euo pipefail
repository=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
port=${1:-7869}
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
export OCRGATE_SERVER__PORT=$port XDG_STATE_HOME=$folder/state
url=http://127.0.0.1:$port

now() { date +%s.%N; }
since() { echo "$(now) $1" | awk '{printf "%.1f s", $1 - $2}'; }
until_ready() { until curl -fs "$url/readyz" >/dev/null 2>&1; do kill -0 "$server" || { tail -5 "$folder/log"; exit 1; }; sleep 0.05; done; }

git clone -q "$repository" "$folder/ocrgate"
cd "$folder/ocrgate"

start=$(now)
make serve >"$folder/log" 2>&1 & server=$!
until_ready
.venv/bin/python - "$folder/hello.png" <<'PY'
import sys
from PIL import Image, ImageDraw, ImageFont
image = Image.new("L", (640, 160), 255)
ImageDraw.Draw(image).text((30, 50), "Hello ocrgate 42", 0, ImageFont.load_default(size=48))
image.save(sys.argv[1])
PY
answer=$(curl -fs -F "file=@$folder/hello.png" "$url/ocr" | python3 -c 'import json,sys; print(json.load(sys.stdin)["text"])')
echo "clone to first answer: $(since "$start") (read: $answer)"
test "$answer" = "Hello ocrgate 42"
pkill -TERM -P "$server" || kill "$server"; wait "$server" 2>/dev/null || true

start=$(now)
make serve >"$folder/log" 2>&1 & server=$!
until_ready
echo "second start to ready: $(since "$start")"

echo "installed size: $(du -sm .venv | cut -f1) MB, of which"
du -sm .venv/lib/python3*/site-packages/* | sort -rn | head -14
