#!/bin/bash
# A training on two machines with eight GPUs each, under Slurm: sbatch runners/trainer/slurm.sh
# Not run: no such cluster was available. Its TF_CONFIG is tested. The folders must be shared by all machines.
# Generate the dataset first: a cluster makes none, because all machines would make it at once:
# arith-data generate addition --num-examples 250000 --draws structured --data-dir data
#SBATCH --job-name=arith-model
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=32
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

PORT=${PORT:-2222}
WORKERS=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed "s/.*/\"&:$PORT\"/" | paste -sd ,)
export WORKERS
# Slurm starts the job again after the failure of a node, and this script after that of a process, up to ten times: both
# resume from the last checkpoint. srun returns the highest code of all processes: 128 + the signal of the one that was
# lost, or 75 of the others, which end by themselves; 130 is a stop by SIGTERM. srun is told the number of cores again,
# because it does not take it over from the job.
code=0
# shellcheck disable=SC2016 # each task expands its own number
srun --cpus-per-task="$SLURM_CPUS_PER_TASK" --kill-on-bad-exit=0 bash -c '
  export TF_CONFIG="{\"cluster\": {\"worker\": [$WORKERS]}, \"task\": {\"type\": \"worker\", \"index\": $SLURM_PROCID}}"
  exec arith-model train addition --data-dir data --run-dir runs/addition --batch-size 2048' || code=$?
retry=$((code == 75 || code > 130))
if ((retry && ${SLURM_RESTART_COUNT:-0} < 10)); then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$code"
