#!/bin/bash
# slurm_one_host.sh start|stop DIR: munged, slurmctld and slurmd for this host alone, everything they write below DIR.
# The environment to talk to them is SLURM_CONF=DIR/slurm.conf. They must be started by root.
set -e
dir=$2
if [ "$1" = stop ]; then
  for daemon in slurmd slurmctld munged; do
    [ ! -s "$dir/$daemon.pid" ] || kill "$(cat "$dir/$daemon.pid")" || true
  done
  exit 0
fi
host=$(hostname -s)
port=$((10000 + $$ % 20000))
mkdir -p "$dir/state" "$dir/spool"
chmod 755 "$dir"
head -c 1024 /dev/urandom >"$dir/munge.key"
chmod 400 "$dir/munge.key"
munged --force --num-threads 2 --key-file "$dir/munge.key" --socket "$dir/munge.socket" \
  --pid-file "$dir/munged.pid" --log-file "$dir/munged.log" --seed-file "$dir/munge.seed"
cat >"$dir/slurm.conf" <<CONFIG
ClusterName=onehost
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
CredType=cred/munge
SlurmctldPort=$port
SlurmdPort=$((port + 1))
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=sched_interval=1,batch_sched_delay=1
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=4
PartitionName=all Nodes=$host Default=YES State=UP
CONFIG
export SLURM_CONF="$dir/slurm.conf"
slurmctld
slurmd
for _ in $(seq 100); do
  [ "$(sinfo -h -o %T 2>/dev/null)" = idle ] && exit 0
  sleep 0.1
done
tail "$dir"/*.log >&2
exit 1
