#!/usr/bin/env bash
# The story of a model, told by running it: raw reviews in, an answer out, and one step back.
# demo.sh BIN_FOLDER [--once]      --once exits at the end instead of serving on
set -euo pipefail

readonly BIN=$(cd "$1" && pwd)
shift
once=0
for argument in "$@"; do
  case $argument in
    --once) once=1 ;;
    -h|--help) printf './dev demo [--once]   --once exits at the end instead of serving on\n'; exit 0 ;;
    *) printf 'demo: unknown option %s; only --once is known\n' "$argument" >&2; exit 2 ;;
  esac
done

readonly SOURCE=$(cd "$(dirname "$0")/../.." && pwd)
readonly WORK=$(mktemp -d -t galley-demo.XXXXXX)
readonly DATA=$WORK/data
readonly START=${EPOCHREALTIME/./}
server_pid=

finish() {
  local code=$?
  if [ -n "$server_pid" ] && kill -0 "$server_pid" 2>/dev/null; then
    kill "$server_pid"
    wait "$server_pid" || true
  fi
  # Frozen data sets are read-only folders.
  chmod -R u+w "$WORK" 2>/dev/null || true
  rm -rf "$WORK"
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi

seconds_since() { local now=${EPOCHREALTIME/./}; printf '%d.%02d' $(((now - $1) / 1000000)) $(((now - $1) % 1000000 / 10000)); }
step() { printf '\n%s%6s s  %s%s\n' "$bold" "$(seconds_since "$START")" "$*" "$plain"; }
galley() { "$BIN/galley" --data "$DATA" "$@"; }
# Shows the command as a user would type it, then runs it.
show() {
  printf '%s$ galley %s%s\n' "$dim" "$*" "$plain"
  galley "$@"
}
field() { sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p" | head -n 1; }

# Writes the job file of a training; arguments: name, then options of galley-train.
job_file() {
  local name=$1 extra=''
  shift
  for argument in "$@"; do extra+=", \"$argument\""; done
  cat >"$WORK/$name.yaml" <<YAML
kind: job
version: 1
name: $name
team: demo
command: ["sh", "-c", "exec \\"\$0\\" classifier --train \\"\$GALLEY_DATASET_NSMC\\" --out model \\"\$@\\"", "$BIN/galley-train"$extra]
resources: {cpus: $(nproc)}
datasets: [nsmc@1]
YAML
}

# Submits a training and shows its output until it ends; leaves its id in `job`.
train() {
  printf '%s$ galley submit %s.yaml%s\n' "$dim" "$1" "$plain"
  job=$(galley submit "$WORK/$1.yaml" --json | field id)
  galley logs -f "$job"
  run=$(galley show "$job" --json | field run_id)
}

printf '%sGalley: from 90,000 raw movie reviews to a served answer, on this machine.%s\n' "$bold" "$plain"

step "Start the platform: one process, one data folder, nothing else"
mkfifo "$WORK/hello"
"$BIN/galley" up --data "$DATA" --listen 127.0.0.1:0 --model "reviewer=$SOURCE/data/lm/model" --kv-memory 256MiB >"$WORK/hello" 2>"$WORK/server.log" &
server_pid=$!
exec 3<"$WORK/hello"
page=
while IFS= read -r line <&3; do
  case $line in *page*http*) page=${line#*page} page=${page// /} ;; *programs*) break ;; esac
done
[ -n "$page" ] || { cat "$WORK/server.log" >&2; exit 1; }
printf 'It answers at %s\n' "${page%%\?*}"

step "Freeze the reviews: a version that never changes"
show datasets push nsmc "$SOURCE/data/nsmc"

step "Queue a training job on all $(nproc) processors and follow it"
queued=${EPOCHREALTIME/./}
job_file reviews
train reviews

step "What the run recorded"
show runs show "$run" --metric dev_accuracy

step "Freeze the model with its data and run, and put it into production"
show snapshots create reviews --from-run "$run"
show deploy reviews@1 --channel prod
show predict reviews "정말 재미있게 봤어요. 또 보고 싶네요"
printf '%sQueue to served answer: %s s%s\n' "$bold" "$(seconds_since "$queued")" "$plain"

step "Five reviews it has never seen"
ask() {
  local answer
  answer=$(galley predict reviews "$1" --json)
  printf '  %-8s  %5.1f %%  %6s ms  %s  (%s)\n' \
    "$(printf '%s' "$answer" | field label | sed 's/^0$/negative/; s/^1$/positive/')" \
    "$(printf '%s' "$answer" | probability)" "$(printf '%s' "$answer" | field time_ms)" "$1" \
    "$(printf '%s' "$answer" | field snapshot)"
}
# The probability of the label that won, in percent.
probability() { grep -oE '"[^"]+": *[01]\.?[0-9e.-]*' | grep -vE 'time_ms' | sed 's/.*: *//' | LC_ALL=C sort -g | tail -n 1 | awk '{printf "%.1f", $1 * 100}'; }
ask "배우들 연기가 훌륭하고 이야기도 탄탄하다"
ask "돈이 아깝다. 두 시간 내내 졸았다"
ask "음악이 아름다워서 눈물이 났다"
ask "이걸 왜 만들었는지 모르겠다"
ask "기대 안 했는데 의외로 괜찮았다"

step "A second model, trained in haste: one pass, short n-grams"
job_file reviews-hasty --epochs 1 --char-max 2 --word-max 1
train reviews-hasty
show snapshots create reviews --from-run "$run"
show deploy reviews@2 --channel prod
ask "기대 안 했는데 의외로 괜찮았다"

step "It is worse. One step back"
show rollback reviews
ask "기대 안 했는데 의외로 괜찮았다"
show history reviews

step "Tune it on the processors that are idle: ten short trials, each a job that a user's job would send away"
cat >"$WORK/study.json" <<JSON
{
  "kind": "study", "version": 1, "name": "reviews-study",
  "h_params": {
    "lr":       {"type": "float", "distribution": "log_uniform", "parameters": [0.001, 0.05]},
    "dropout":  {"type": "float", "distribution": "uniform", "parameters": [0.1, 0.8]},
    "char_max": {"type": "int", "distribution": "uniform", "parameters": [2, 6]},
    "word_max": {"type": "int", "distribution": "uniform", "parameters": [0, 2]}
  },
  "measure": "dev_accuracy", "order": "descending", "resource": "epoch", "max_resource": 2, "tune": "tpe",
  "termination": {"max_session_number": 10}, "seed": 1,
  "job": {
    "command": ["sh", "-c", "exec \"\$0\" classifier --train \"\$GALLEY_DATASET_NSMC\" --out \"\$GALLEY_ATTEMPT_DIR/model\" \"\$@\"", "$BIN/galley-train",
                "--threads", "1", "--epochs", "{budget}", "--lr", "{lr}", "--dropout", "{dropout}",
                "--char-max", "{char_max}", "--word-max", "{word_max}"],
    "resources": {"cpus": 1}, "datasets": ["nsmc@1"]
  }
}
JSON
show tune "$WORK/study.json"
show tune top reviews-study --count 3

step "What a training would cost elsewhere, before it runs"
show estimate "$SOURCE/examples/resnet50.yaml"

step "A language model of 3.6 million parameters, trained on reviews and Shakespeare (data/lm), goes on with a text"
# Shows a beginning and what the model makes of it.
go_on() {
  printf '%s$ galley generate --model reviewer --seed %s %q%s\n' "$dim" "$1" "$2" "$plain"
  printf '%s%s%s%s\n' "$2" "$bold" "$(galley generate --model reviewer --max-tokens 40 --temperature 0.6 --top-p 0.9 --seed "$1" "$2")" "$plain"
}
go_on 3 "이 영화는"
go_on 1 $'ROMEO:\nMy love, I'
printf 'Any client of OpenAI may ask the same: %s/v1\n' "${page%%/\?*}"

step "Done"
cat <<TEXT
The page:     $page
Seven commands to try (in another terminal, with galley = $BIN/galley):
  export GALLEY_DATA=$DATA
  galley jobs
  galley run --cpus 1 -- sh -c 'for i in 1 2 3; do echo "galley:: step=\$i loss=0.\$i"; done'
  galley runs
  galley tune importance reviews-study
  galley predict reviews "최고의 영화"
  galley generate --model reviewer "배우들의"
  galley rollback reviews
TEXT
if [ "$once" = 1 ]; then exit 0; fi
printf '\nServing until Ctrl-C.\n'
wait "$server_pid"
