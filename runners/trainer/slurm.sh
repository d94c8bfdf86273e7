#!/bin/bash
# A training on two machines with eight GPUs each, under Slurm: sbatch runners/trainer/slurm.sh
# Not run: no such cluster was available. Its TF_CONFIG is tested. The folders must be shared by all machines.
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
# If one machine fails, all are ended. Slurm starts the job again after the failure of a node, and this script after that
# of a process (exit code 75): both resume from the last checkpoint. srun does not take over the number of cores.
code=0
# shellcheck disable=SC2016 # each task expands its own number
srun --cpus-per-task="$SLURM_CPUS_PER_TASK" --kill-on-bad-exit bash -c '
  export TF_CONFIG="{\"cluster\": {\"worker\": [$WORKERS]}, \"task\": {\"type\": \"worker\", \"index\": $SLURM_PROCID}}"
  exec arith-model train addition --data-dir data --run-dir runs/addition --batch-size 2048' || code=$?
if [ "$code" -eq 75 ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$code"
