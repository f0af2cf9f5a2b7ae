# shellcheck shell=bash
# What the job scripts beside this file share. They source it; `catamaran submit` writes it into the script that it makes, so
# that a job in the queue depends on no file of the installation. docs/cluster.md tells what it does, and why.
# A script says `run`, its run directory, and as much of the following as differs there.
# shellcheck disable=SC2154  # run

launcher=${launcher:-srun}                                      # srun, mpirun
mpi=${mpi:-pmix}                                                # of srun: `srun --mpi=list` shows what there is
[[ -v program ]] || program=(catamaran)                         # what runs in a task: (apptainer exec --nv IMAGE catamaran)
[[ -v launcher_options ]] || launcher_options=()                # more for srun or mpirun
[[ -v container_options ]] || container_options=()              # pyxis: (--container-image=IMAGE --container-mounts=/data:/data)
bad_nodes=${bad_nodes:-$(dirname "${run:-.}")/bad-nodes.txt}    # written here, read when a job is submitted
node_check=${node_check:-yes}                                   # no: without `catamaran doctor` on every node
exclude=${exclude:-}                                            # nodes to leave out besides
script=${script:-}                                              # this one, where another job may run it as it is
git=${git:-}                                                    # of the program, for the log
most_stuck=3                                                    # lives in a row without a new checkpoint
check_seconds=90                                                # for the test of the nodes, which itself takes a minute at most

say() { printf 'slurm: %s\n' "$*"; }
fail() {
  printf 'slurm: error: %s\n' "${*:2}" >&2
  exit "$1"
}
hash_of() { sha256sum <"$1" | cut -c1-12; }

# Steps in the newest checkpoint; 0 without one.
newest_step() {
  local name=
  [[ ! -f $run/checkpoints/latest ]] || read -r name <"$run/checkpoints/latest" || true
  if [[ $name =~ ^step-([0-9]{8})$ ]]; then echo $((10#${BASH_REMATCH[1]})); else echo 0; fi
}

# start_job WHAT: the job's name for squeue and scontrol, its end, what an earlier life left, and a line that says who runs what.
start_job() {
  job=${SLURM_JOB_ID:-} task=${SLURM_ARRAY_TASK_ID:-} child='' asked=0 again=0 code=0 stuck=0
  [[ $job ]] || fail 2 "there is no job here: run this script with sbatch"
  [[ -z $task ]] || job=${SLURM_ARRAY_JOB_ID}_$task
  trap 'asked=1 again=1; [[ -z $child ]] || kill -USR1 "$child" 2>/dev/null || true' USR1 TERM
  mkdir -p "$run"
  first_step=$(newest_step)
  restarts=$((${SLURM_RESTART_COUNT:-0} + ${CATAMARAN_RESUBMITTED:-0}))
  local before='' was='' end=''
  if ((restarts > 0)) && [[ -f $run/restarts.txt ]]; then read -r before was <"$run/restarts.txt" || true; fi
  if [[ $before =~ ^[0-9]{1,9}$ && $was =~ ^[0-9]{1,4}$ ]] && ((first_step <= 10#$before)); then stuck=$((10#$was + 1)); fi
  echo "$first_step $stuck" >"$run/restarts.txt"
  if [[ -z ${SLURM_JOB_END_TIME:-} ]]; then # Slurm before 23.02
    end=$(SLURM_TIME_FORMAT=standard squeue -h -j "$job" -o %e 2>/dev/null) || end=
    if [[ $end =~ ^[0-9]{4}- ]]; then SLURM_JOB_END_TIME=$(date -d "$end" +%s) && export SLURM_JOB_END_TIME; fi
  fi
  if [[ ${SLURM_GPUS_ON_NODE:-} ]]; then
    export NCCL_DEBUG=${NCCL_DEBUG:-WARN} NCCL_DEBUG_FILE=${NCCL_DEBUG_FILE:-$run/nccl/%h-%p.log}
    mkdir -p "$run/nccl"
  fi
  say "JOB $job nodes ${SLURM_JOB_NODELIST:-?}, git ${git:-?}, $*, restart $restarts, resume step $first_step"
}

# One task a node. Nodes that are unfit are written down, and the job goes to others. Where the trouble is that of all nodes, no node
# is to blame, and training would not work either; a test that cannot be made keeps nobody from training.
check_nodes() {
  [[ $node_check == yes ]] || return 0
  local nodes=${SLURM_JOB_NUM_NODES:-1} command=(mpirun --map-by ppr:1:node --bind-to none) findings unfit
  if [[ $launcher == srun ]]; then
    command=(srun --mpi="$mpi" --kill-on-bad-exit=0 --nodes="$nodes" --ntasks="$nodes" --ntasks-per-node=1 "${container_options[@]}")
    [[ -z ${SLURM_CPUS_PER_TASK:-} ]] || command+=(--cpus-per-task="$SLURM_CPUS_PER_TASK")
  fi
  findings=$(timeout -k 5 "$check_seconds" "${command[@]}" "${program[@]}" doctor --json --quick) || true
  [[ $findings != *'"may_train": true'* ]] || return 0
  if [[ $findings != *'"may_train": false'* ]]; then
    say "the nodes could not be tested: training begins without"
    return 0
  fi
  unfit=$(unfit_nodes <<<"$findings")
  if [[ -z $unfit ]] || ((nodes > 1 && $(cut -d ' ' -f 1 <<<"$unfit" | sort -u | wc -l) >= nodes)); then
    printf '%s\n' "$findings"
    fail 2 "by these findings training must not start on any of the nodes; without the test: node_check = false in site.toml"
  fi
  leave_nodes "$unfit"
  go_on 5 "unfit nodes" elsewhere
}

# Of doctor's JSON (two spaces a level) the failures that are a node's own, as lines for the file of bad nodes.
unfit_nodes() {
  awk -v mark="$(date -u +%FT%TZ) job $job: " '
    /^      "hosts": \[$/ { split("", hosts); inside = 1; next }
    inside && /^      \]/ { inside = 0 }
    inside { gsub(/[ ",]/, ""); sub(/\..*/, ""); hosts[$0]; next }
    /^      "level": / { fails = /"fail"/ }
    /^      "topic": / { own = !/"(launcher|mpi|versions|binding|communication|metrics-port|deadline|run-directory[a-z-]*|lock-everywhere)"/ }
    /^      "what": / {
      sub(/^ *"what": "/, ""); sub(/",?$/, "")
      if (fails && own) for (name in hosts) if (name ~ /^[A-Za-z0-9_-]+$/) print name, mark $0
    }' | sort
}

# Lines "NODE TIME REASON" for the file of bad nodes. `catamaran submit` leaves them out for seven days, and so does go_on.
leave_nodes() {
  mkdir -p "$(dirname "$bad_nodes")"
  tee -a "$bad_nodes" <<<"$1" | sed 's/^/slurm: bad node /'
}
nodes_to_leave_out() {
  local since
  since=$(date -u -d '7 days ago' +%FT%TZ)
  { tr , '\n' <<<"$exclude" && awk -v since="$since" '$1 ~ /^[A-Za-z0-9._-]+$/ && $2 > since {print $1}' "$bad_nodes"; } 2>/dev/null |
    sed '/^$/d' | sort -u | paste -sd,
}

# Starts the ranks and hands a wish to stop on to them. `wait` ends at a signal with a code of its own: only a wait without one in
# between tells how the ranks ended.
run_ranks() {
  local command=(mpirun --bind-to none) # which takes the nodes from Slurm
  if [[ $launcher == srun ]]; then
    command=(srun --mpi="$mpi" --kill-on-bad-exit=1 --unbuffered --label "${container_options[@]}")
    # It takes this from its own line only (since 22.05): a rank would have one core.
    [[ -z ${SLURM_CPUS_PER_TASK:-} ]] || command+=(--cpus-per-task="$SLURM_CPUS_PER_TASK" --cpu-bind=cores)
  fi
  code=75
  ((!asked)) || return 0 # no time is left to begin
  "${command[@]}" "${launcher_options[@]}" "$@" &
  child=$!
  set +e
  while :; do
    again=0
    wait "$child"
    code=$?
    ((again)) || break
    say "asked the ranks to stop with a checkpoint"
  done
  set -e
  child=
  [[ ! -d $run/nccl ]] || find "$run/nccl" -type f -empty -delete
}

# A line of failure.json, where this life of the job has written it.
failed_as() {
  [[ $run/failure.json -nt $run/restarts.txt ]] || return 0
  sed -nE 's/^  "kind": "([a-z ]+)",?$/\1/p' "$run/failure.json"
}
failed_on() { sed -nE '/^  "exclude_hosts": \[$/,/^  \]/s/^    "([A-Za-z0-9_-]+)[A-Za-z0-9._-]*",?$/\1/p' "$run/failure.json"; }

# What the code of the ranks means for the job: docs/exit-codes.md.
end_job() {
  trap - USR1 TERM
  local kind host
  kind=$(failed_as)
  case $code in
  0) say finished ;;
  75) go_on 75 "stopped with a checkpoint" ;;
  5)
    [[ $kind != bug ]] || fail 5 "a fault of a program, which would come again: $run/failure.json"
    if [[ $kind != 'bad node' ]]; then go_on 5 "a rank or the network was lost"; fi
    for host in $(failed_on); do leave_nodes "$host $(date -u +%FT%TZ) job $job: $run/failure.json"; done
    go_on 5 "a bad node" elsewhere
    ;;
  137 | 138 | 143) go_on "$code" "a rank was killed" ;;
  esac
  exit "$code"
}

# Back into the queue: go_on CODE WHY [elsewhere]. Not where nothing is gained, nor where Slurm has taken the job back: what a user
# cancels must not come again. `elsewhere` is another job, since a running one's list of excluded nodes cannot be changed.
go_on() {
  local state new='' nodes
  if (($(newest_step) > first_step)); then stuck=0; else stuck=$((stuck + 1)); fi
  if ((stuck >= most_stuck)); then
    fail $(($1 == 75 ? 1 : $1)) "$2; $stuck lives in a row without a new checkpoint, so it is not requeued: look for the cause above"
  fi
  state=$(squeue -h -j "$job" -o %T 2>/dev/null) || state=RUNNING
  if [[ $state != RUNNING ]]; then
    say "$2; not requeued here, since Slurm has it as ${state:-ended}"
    exit "$1"
  fi
  if [[ ${3:-} == elsewhere && $script ]]; then
    nodes=$(nodes_to_leave_out)
    # What Slurm has set for this job would pass for the new one's.
    new=$(
      for name in $(compgen -e SLURM_); do [[ $name == SLURM_CONF ]] || unset "$name"; done
      export CATAMARAN_RESUBMITTED=$((restarts + 1))
      sbatch --parsable ${nodes:+--exclude="$nodes"} ${task:+--array="$task"} "$script"
    ) || new=
  fi
  if [[ $new ]]; then
    new=${new%%;*}${task:+_$task}
    printf '{"format_version": 1, "job_id": "%s", "submitted_unix_seconds": %s}\n' "$new" "$(date +%s)" >"$run/.submitted.$job"
    mv "$run/.submitted.$job" "$run/submitted.json"
    say "$2; goes on as job $new${nodes:+, not on $nodes}"
  elif scontrol requeue "$job"; then
    say "$2; back into the queue at step $(newest_step)"
  else
    say "$2; it could not be requeued: submit it again, it goes on from step $(newest_step)"
  fi
  exit 75
}
