# shellcheck shell=bash
# What slurm/train.sbatch needs to know about one site. Copy to slurm/site.sh (git ignores it) and keep the lines that apply.

# The program, and libraries that it was built with.
#export CATAMARAN_BIN=/shared/apps/catamaran/build/release/bin/catamaran
#module load openmpi

# The network that MPI and NCCL may use; without these both choose by themselves.
#export OMPI_MCA_btl_tcp_if_include=ib0
#export NCCL_SOCKET_IFNAME=ib0
