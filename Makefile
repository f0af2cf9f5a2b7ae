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

.PHONY: help setup build install demo demo-real test test-all faults test-asan test-tsan fuzz fuzz-minute bench bench-step bench-infer bench-loader bench-optimizer bench-allreduce bench-plan bench-checkpoint bench-monitoring soak large-batch dashboard-picture reproduce-corel5k same-loss format lint clean

help:  ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## */  make \1\t/' | expand -t 26

setup:  ## install what is missing (Debian packages, Python venv with LibTorch)
	@scripts/setup.sh base test

build: setup  ## build/release/bin/catamaran
	@test -f build/release/build.ninja || cmake --preset release >build/cmake-release.log || { tail -20 build/cmake-release.log; exit 1; }
	@ninja -C build/release -j $(JOBS) catamaran

build-tests: setup
	@test -f build/release/build.ninja || cmake --preset release >build/cmake-release.log || { tail -20 build/cmake-release.log; exit 1; }
	@ninja -C build/release -j $(JOBS)

PREFIX ?= /usr/local
install: build  ## the program with LibTorch, presets, job scripts and pages below PREFIX=/usr/local (4 GB); the tree may be moved
	@cmake --install build/release --prefix "$(abspath $(PREFIX))" >build/install.log || { tail -20 build/install.log; exit 1; }
	@echo "installed: $(abspath $(PREFIX))/bin/catamaran (what was put where: build/install.log)"

demo: build  ## set-up and main job: train on generated scenes, evaluate, explain, report
	@scripts/demo.sh

demo-real: build  ## the same on real photographs, where CATAMARAN_TEST_DATA has them
	@scripts/demo_real.sh

# The summary comes last, whatever failed before it.
SUMMARY := trap 'build/venv/bin/python scripts/test_summary.py tests=build/test-release.xml sanitizers=build/test-asan.xml' EXIT; rm -f build/test-*.xml
test: build-tests  ## set-up and all tests (the slow ones left out)
	@$(SUMMARY); ctest --test-dir build/release --output-on-failure -j 2 -LE slow --output-junit $(CURDIR)/build/test-release.xml && $(MAKE) test-asan fuzz-minute

test-all: build-tests  ## the slow ones too, and the thread sanitizer
	@scripts/setup.sh slurm
	@$(SUMMARY); ctest --test-dir build/release --output-on-failure -j 2 --output-junit $(CURDIR)/build/test-release.xml && $(MAKE) test-asan test-tsan fuzz-minute

# Only the results of this run: lines of tests that are gone would stay in the table.
faults: build-tests  ## the fault tests (docs/reliability.md), and the table there from what they saw
	@rm -f build/release/faults/results.jsonl
	@ctest --test-dir build/release --output-on-failure -L faults -E 'random_kills_200|leftovers_100'
	@build/venv/bin/python scripts/fault_table.py build/release/faults/results.jsonl

test-asan: setup
	@test -f build/asan/build.ninja || cmake --preset asan >build/cmake-asan.log || { tail -20 build/cmake-asan.log; exit 1; }
	@ninja -C build/asan -j $(JOBS)
	@ctest --test-dir build/asan --output-on-failure -j 2 -LE slow --output-junit $(CURDIR)/build/test-asan.xml

# The suites with threads are named in the test preset (CMakePresets.json); what measures memory is left out. The sanitizer of GCC 12
# does not start where sysctl vm.mmap_rnd_bits is above 28. Ten minutes of one core to build, so not a part of `make test`.
TSAN_TESTS := support_test comm_test monitoring_test dataio_test trainer_threads_test
test-tsan: setup  ## what has threads, under the thread sanitizer (false alarms, with reasons: tests/tsan.supp)
	@test -f build/tsan/build.ninja || cmake --preset tsan >build/cmake-tsan.log || { tail -20 build/cmake-tsan.log; exit 1; }
	@ninja -C build/tsan -j $(JOBS) $(TSAN_TESTS)
	@ctest --preset tsan

SECONDS_EACH ?= 150
fuzz: setup  ## fuzz targets of the readers, ten minutes in all on two cores (SECONDS_EACH=150)
	@test -f build/fuzz/build.ninja || cmake --preset fuzz >build/cmake-fuzz.log || { tail -20 build/cmake-fuzz.log; exit 1; }
	@ninja -C build/fuzz -j $(JOBS) fuzz_targets
	@JOBS=$(JOBS) scripts/fuzz.sh $(SECONDS_EACH) $(FUZZ_TARGETS)

# A minute each, as many at once as there are cores. Without the pack target: libhdf5 1.10.8 itself reads beyond its heap where a shard's own structure is changed (H5HG_read), a crash
# that no code here can keep it from once the file is open; `make fuzz` shows it.
fuzz-minute:
	@$(MAKE) fuzz SECONDS_EACH=60 FUZZ_TARGETS="coco discovery jpeg json manifest run_status safetensors toml voc"

bench: bench-step bench-infer bench-loader bench-optimizer bench-allreduce bench-plan bench-checkpoint bench-monitoring  ## all benchmarks

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

bench-checkpoint: build  ## what a checkpoint and a restart cost, against PyTorch DistributedDataParallel, in turn
	@build/venv/bin/python bench/checkpoint.py

bench-monitoring: build  ## what metrics, log and report cost a step, in paired runs, and how long a scrape takes
	@ninja -C build/release -j $(JOBS) bench_metrics
	@build/venv/bin/python bench/monitoring.py

SECONDS ?= 3600
INTERVAL ?= 60
soak: build  ## trains for SECONDS=3600 with a fault every INTERVAL=60 s, and starts again each time as a batch system would
	@build/venv/bin/python scripts/soak.py --seconds $(SECONDS) --interval $(INTERVAL) --json build/soak/soak.json $(SOAK_OPTIONS)

large-batch: build  ## SGD, LARS and LAMB at global batches of 32 to 2048 on the demo data: a table and a plot; about an hour
	@build/venv/bin/python bench/large_batch.py

dashboard-picture: build  ## the demo's training watched by Prometheus, and its dashboard drawn for README
	@build/venv/bin/python scripts/dashboard_demo.py

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
