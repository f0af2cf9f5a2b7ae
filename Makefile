# The front door. `make help` lists the targets; each does the set-up that is missing by itself.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
JOBS ?= $(shell nproc)
BIN := build/release/bin/catamaran

# ccache serves a second clone too: paths relative to the checkout, precompiled headers included.
export CCACHE_SLOPPINESS := pch_defines,time_macros,include_file_mtime,include_file_ctime
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
# Open MPI refuses root without this; containers run as root.
export OMPI_ALLOW_RUN_AS_ROOT := 1
export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM := 1

.PHONY: help setup build demo demo-real test test-all test-asan fuzz fuzz-minute bench bench-step bench-infer bench-loader bench-optimizer bench-allreduce bench-plan large-batch reproduce-corel5k same-loss format lint clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 22

setup:  ## install what is missing (Debian packages, Python venv with LibTorch)
	@scripts/setup.sh base test

build: setup  ## build/release/bin/catamaran
	@test -f build/release/build.ninja || cmake --preset release >build/cmake-release.log || { tail -20 build/cmake-release.log; exit 1; }
	@ninja -C build/release -j $(JOBS) catamaran

build-tests: setup
	@test -f build/release/build.ninja || cmake --preset release >build/cmake-release.log || { tail -20 build/cmake-release.log; exit 1; }
	@ninja -C build/release -j $(JOBS)

demo: build  ## set-up and main job: train on generated scenes, evaluate, explain, report
	@scripts/demo.sh

demo-real: build  ## the same on real photographs, where CATAMARAN_TEST_DATA has them
	@scripts/demo_real.sh

test: build-tests test-asan fuzz-minute  ## set-up and all tests (the slow ones left out)
	@ctest --test-dir build/release --output-on-failure -j 2 -LE slow

test-all: build-tests test-asan fuzz-minute  ## the slow ones too
	@scripts/setup.sh slurm
	@ctest --test-dir build/release --output-on-failure -j 2

test-asan: setup
	@test -f build/asan/build.ninja || cmake --preset asan >build/cmake-asan.log || { tail -20 build/cmake-asan.log; exit 1; }
	@ninja -C build/asan -j $(JOBS)
	@ctest --test-dir build/asan --output-on-failure -j 2 -LE slow

SECONDS_EACH ?= 150
fuzz: setup  ## fuzz targets of the readers, ten minutes in all (SECONDS_EACH=150)
	@test -f build/fuzz/build.ninja || cmake --preset fuzz >build/cmake-fuzz.log || { tail -20 build/cmake-fuzz.log; exit 1; }
	@ninja -C build/fuzz -j $(JOBS) fuzz_targets
	@scripts/fuzz.sh $(SECONDS_EACH) $(FUZZ_TARGETS)

# Without the pack target: libhdf5 1.10.8 itself reads beyond its heap where a shard's own structure is changed (H5HG_read), a crash
# that no code here can keep it from once the file is open; `make fuzz` shows it.
fuzz-minute:
	@$(MAKE) fuzz SECONDS_EACH=20 FUZZ_TARGETS="coco jpeg manifest"

bench: bench-step bench-infer bench-loader bench-optimizer bench-allreduce bench-plan  ## all benchmarks

bench-step: build  ## a training step against PyTorch DistributedDataParallel, in turn
	@build/venv/bin/python bench/step.py

bench-infer: build  ## predict against PyTorch eager and torch.compile, in turn
	@build/venv/bin/python bench/infer.py

bench-loader: build  ## pack to batch against NVIDIA DALI and torchvision, in turn; pack and check against tar and sha256sum
	@scripts/setup.sh base test bench
	@build/venv/bin/python bench/loader.py

bench-optimizer: build  ## optimizer steps against PyTorch's and timm's, and against the memory, in turn
	@ninja -C build/release -j $(JOBS) bench_optimizer
	@build/venv/bin/python bench/optimizer.py

bench-allreduce: build  ## sums of gradients over 2 and 4 ranks against plain MPI and gloo, in turn
	@ninja -C build/release -j $(JOBS) mpi_allreduce
	@build/venv/bin/python bench/allreduce.py

large-batch: build  ## SGD, LARS and LAMB at global batches of 32 to 2048 on the demo data: a table and a plot; about an hour
	@build/venv/bin/python bench/large_batch.py

bench-plan: build  ## predictions of `catamaran plan` against runs on 1, 2 and 4 ranks, and published scaling
	@build/venv/bin/python bench/plan.py

reproduce-corel5k: build  ## backbone, pyramid and CAT on real photographs; two seeds take hours, and it can be broken off
	@build/venv/bin/python scripts/reproduce_corel5k.py

same-loss: build  ## proves that a change left the arithmetic alone: BASE=HEAD~ by default
	@scripts/same_loss.sh

format:  ## clang-format over the sources
	@scripts/setup.sh lint
	@git ls-files '*.h' '*.cpp' | xargs clang-format-14 -i

lint:  ## rules that matter: format, arrows, headers alone, scripts, clang-tidy
	@scripts/setup.sh base test lint
	@scripts/lint.sh

clean:  ## remove build/ (the cache with the wheels stays)
	@rm -rf build
