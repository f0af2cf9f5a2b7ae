#!/usr/bin/env bash
# Runs "$@" with a real Slurm (munged, slurmctld, slurmd) up on this machine, and takes it down again. All of its state lies in
# one temporary folder; it listens on loopback only. Needs root and the packages slurm-wlm and munge.
set -euo pipefail
for program in munged slurmctld slurmd; do
  command -v "$program" >/dev/null || {
    echo "one_machine.sh: error: $program is missing: scripts/setup.sh slurm" >&2
    exit 2
  }
done
state=$(mktemp -d -t slurm.XXXXXX)
chmod 755 "$state"
mkdir "$state"/{jobs,spool,munge,log}
chmod 700 "$state/munge"
host=$(hostname -s)
mebibytes=$(awk '/MemTotal/{print int($2 * 0.9 / 1024)}' /proc/meminfo)
port=$((20000 + RANDOM % 20000))
cat >"$state/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$state/munge/socket
SlurmctldPort=$port
SlurmdPort=$((port + 1))
StateSaveLocation=$state/jobs
SlurmdSpoolDir=$state/spool
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/slurmd.pid
SlurmctldLogFile=$state/log/slurmctld
SlurmdLogFile=$state/log/slurmd
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
MpiDefault=pmix
ReturnToService=2
MinJobAge=900
SchedulerParameters=sched_interval=2,batch_sched_delay=0
KillWait=10
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$mebibytes State=UNKNOWN
PartitionName=test Nodes=$host Default=YES MaxTime=60 State=UP OverSubscribe=FORCE:4
CONF
export SLURM_CONF=$state/slurm.conf
dd if=/dev/urandom of="$state/munge/key" bs=1024 count=1 status=none
chmod 400 "$state/munge/key"

daemons=()
# shellcheck disable=SC2317  # called by the trap
take_down() {
  scancel --quiet --state=RUNNING 2>/dev/null || true
  ((${#daemons[@]} == 0)) || kill "${daemons[@]}" 2>/dev/null || true
  wait || true
  rm -rf "$state"
}
trap take_down EXIT
munged --foreground --force --key-file="$state/munge/key" --socket="$state/munge/socket" --pid-file="$state/munge/pid" \
  --log-file="$state/munge/log" --seed-file="$state/munge/seed" >"$state/log/munged" 2>&1 &
daemons+=($!)
for _ in $(seq 100); do
  if [[ -S $state/munge/socket ]]; then break; fi
  sleep 0.1
done
chmod 755 "$state/munge"
slurmctld -D >"$state/log/slurmctld.out" 2>&1 &
daemons+=($!)
slurmd -D >"$state/log/slurmd.out" 2>&1 &
daemons+=($!)
for _ in $(seq 150); do
  if [[ $(sinfo -h -o %t 2>/dev/null) == idle ]]; then break; fi
  sleep 0.2
done
if [[ $(sinfo -h -o %t 2>/dev/null) != idle ]]; then
  tail -n 8 "$state"/log/* >&2
  echo "one_machine.sh: error: Slurm did not come up; the lines above are its logs" >&2
  exit 1
fi
"$@"
