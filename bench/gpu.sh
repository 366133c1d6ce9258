#!/usr/bin/env bash
# Everything there is to measure on a GPU, in one call of under nine minutes:   bench/gpu.sh [FOLDER]
# Doctor; whole steps, products and attention in f32 and f16; PyTorch beside them where python3, or $PYTHON, has it; a
# fine-tune of the base shape; the tests of kernels and training. Each part has a time limit and a log; what a part had
# found when its time was over is kept, and summary.json says how each ended. On a software adapter the sizes are small:
# that shows that it runs, and says nothing about a GPU. Exit code: the number of parts that failed.
set -uo pipefail
cd "$(dirname "$0")/.."
out=$(mkdir -p "${1:-gpu-results}" && cd "${1:-gpu-results}" && pwd)
run="npx tsx"
python=${PYTHON:-python3}
software=null
failed=0
parts=""

# part NAME SECONDS COMMAND…: runs it, keeps what it says.
part() {
  local name=$1 limit=$2 start=$SECONDS
  shift 2
  timeout --kill-after 10 "$limit" "$@" >"$out/$name.log" 2>&1
  local code=$?
  [ $code -eq 0 ] || failed=$((failed + 1))
  echo "$name: exit $code after $((SECONDS - start)) s"
  tail -n 4 "$out/$name.log" | sed 's/^/    /'
  parts="$parts${parts:+, }{\"part\": \"$name\", \"exit\": $code, \"seconds\": $((SECONDS - start))}"
  printf '{"software": %s, "failed": %d, "parts": [%s]}\n' $software $failed "$parts" >"$out/summary.json"
}

part doctor 30 sh -c "$run cli/main.ts doctor --json >'$out/doctor.json'"
if grep -q '"software":true' "$out/doctor.json"; then
  software=true config=tiny tests="test/kernels test/engine/tuning.test.ts" steps=5 batch=8 f32="activation add" f16="linear dropout"
  torch='{"B": 1, "T": 16, "work": "step"}'
else
  software=false config=base tests="test/kernels test/engine test/model test/train" steps=30 batch=32 f32="step matmul attention" f16="step matmul attention"
  torch='{"B": 32, "T": 512, "work": "step"}, {"B": 32, "T": 128, "work": "step"}'
fi
part bench-f32 145 $run bench/main.ts $f32 --quick --json "$out/bench-f32.json"
part bench-f16 115 $run bench/main.ts $f16 --quick --precision f16 --json "$out/bench-f16.json"
if "$python" -c 'import torch, transformers' 2>/dev/null; then
  request='{"runs": 10, "matmuls": [], "steps": ['$torch']}'
  part pytorch 70 "$python" bench/pytorch.py "$request"
else
  echo "pytorch: skipped, $python has no torch and transformers"
fi
for precision in f32 f16; do
  part "train-$precision" 40 sh -c "rm -rf '$out/run-$precision' && $run cli/main.ts train --data cli/sample/news.csv \
    --config $config --tokenizer cli/sample/spiece.model --max-steps $steps --batch-size $batch --logging-steps 1 \
    --precision $precision --output '$out/run-$precision' --json"
done
part tests 90 npx vitest run --config test/vitest.config.ts $tests
cat "$out/summary.json"
exit $failed
