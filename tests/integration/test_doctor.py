"""doctor from outside: alone, on ranks, with something wrong each time; what it says, where, and how it ends."""
import json
import os
import pathlib
import socket
import subprocess
import time

import pytest
from runs import BINARY, ROOT, catamaran, command
from test_bad_input import refused

HOST = socket.gethostname()
LEVELS = ["fail", "warn", "note", "ok"]


def report_of(done):
    return json.loads(done.stdout[done.stdout.index("{"):done.stdout.rindex("}") + 1])  # mpirun has words of its own for a code that is not 0


def examined(*arguments, ranks=0, code=0, **kwargs):
    """Doctor's findings by topic, its form checked."""
    done = catamaran("doctor", "--json", *arguments, ranks=ranks, check=False, **kwargs)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    report = report_of(done)
    assert report.keys() == {"format_version", "may_train", "failing_hosts", "quick", "world", "hosts", "seconds", "findings"}
    assert report["format_version"] == 1 and report["may_train"] == (code == 0) and report["world"] == max(1, ranks) and report["hosts"] == [HOST]
    assert report["quick"] == ("--quick" in arguments) and report["seconds"] > 0
    topics = {}
    for finding in report["findings"]:
        assert finding.keys() == {"level", "topic", "what", "what_to_do", "host", "hosts", "ranks"}
        assert finding["level"] in LEVELS and finding["what"] and finding["hosts"] and finding["ranks"] == sorted(set(finding["ranks"]))
        assert finding["what_to_do"] or finding["level"] in ("ok", "note")
        topics.setdefault(finding["topic"], []).append(finding)
    order = [LEVELS.index(finding["level"]) for finding in report["findings"]]
    assert order == sorted(order), "the heaviest come first"
    failing = {host for finding in report["findings"] if finding["level"] == "fail" for host in finding["hosts"]}
    assert set(report["failing_hosts"]) == failing and bool(failing) == (code == 1)
    return topics


def the(topics, topic, level):
    """The only finding of a topic."""
    (finding,) = topics[topic]
    assert finding["level"] == level, finding
    return finding


def on_path(folder, name, script):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    folder = tmp_path_factory.mktemp("preload")
    for name in ("failing_storage", "full_shared_memory", "silent_rank"):
        subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-o", folder / f"{name}.so", ROOT / f"tests/fakes/{name}.c", "-ldl"], check=True)
    return folder


@pytest.fixture
def preload(libraries, monkeypatch):
    def begin(name, **environment):
        monkeypatch.setenv("LD_PRELOAD", str(libraries / f"{name}.so"))
        for key, value in environment.items():
            monkeypatch.setenv(key, str(value))
    return begin


def test_alone_it_looks_at_this_machine_and_a_world_of_one():
    topics = examined("--quick")
    for topic in ("mpi", "versions", "nccl", "cpus", "numa", "locked-memory", "open-files", "memory", "shared-memory", "metrics-port", "host-name",
                  "communication", "device", "gpus"):
        assert topic in topics, topic
    assert "started by nobody" in the(topics, "mpi", "ok")["what"]
    assert "products of known matrices are right" in the(topics, "device", "ok")["what"]
    assert the(topics, "device", "ok")["ranks"] == [0]


def test_on_two_ranks_sums_are_right_and_equal_findings_are_one_line(tmp_path):
    topics = examined("--run-dir", tmp_path / "runs/new", ranks=2)
    assert "2 rank(s), started by mpirun" in the(topics, "mpi", "ok")["what"]
    assert "gradients go by" in the(topics, "communication", "ok")["what"] and topics["communication"][0]["ranks"] == [0, 1]
    assert "sums of 100 MiB are right" in the(topics, "all-reduce", "ok")["what"]
    assert topics["run-directory"][0]["ranks"] == [0] and topics["run-directory"][0]["level"] in ("ok", "warn")  # /tmp may lie in memory
    assert the(topics, "run-directory-everywhere", "ok")["ranks"] == [1]
    assert the(topics, "lock-everywhere", "ok") and the(topics, "file-locks", "ok") and the(topics, "device", "ok")["ranks"] == [0, 1]
    assert not list(tmp_path.iterdir()), "nothing is left, and the run directory is not made"


def test_it_starts_its_ranks_itself_and_prints_lines_for_people():
    done = catamaran("doctor", "--quick", "--ranks", 2)
    lines = done.stdout.splitlines()
    assert lines[-1].startswith("doctor: 2 ranks on 1 host in ") and lines[-1].endswith(": nothing forbids training")
    assert all(line.split()[0] in LEVELS and f" on {HOST} (rank" in line for line in lines[:-1])


def test_quick_looks_at_no_run_directory_and_says_nothing_of_it():
    assert not any(topic.startswith("run-directory") for topic in examined("--quick", "--local"))
    assert the(examined("--local"), "run-directory", "note")


def test_local_leaves_mpi_alone():
    topics = examined("--quick", "--local")
    assert "left alone" in the(topics, "mpi", "note")["what"] and "all-reduce" not in topics
    assert "excludes" in refused(2, "doctor", "--local", "--ranks", 2)


def test_a_run_directory_that_cannot_be_written_to_forbids_training():
    for ranks in (0, 2):
        finding = the(examined("--run-dir", "/proc/runs/x", ranks=ranks, code=1), "run-directory", "fail")
        assert "/proc" in finding["what"] and "--run-dir" in finding["what_to_do"]
    done = catamaran("doctor", "--quick", "--local", "--run-dir", "/proc/runs/x", check=False)
    assert done.returncode == 1 and done.stdout.startswith(f"fail  run-directory on {HOST} (rank 0): ")
    assert done.stdout.splitlines()[-1].endswith(f": {HOST} must not train")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere; /proc above is for root, too")
def test_a_folder_of_somebody_else_forbids_training(tmp_path):
    (tmp_path / "theirs").mkdir(mode=0o500)
    assert "Permission denied" in the(examined("--quick", "--local", "--run-dir", tmp_path / "theirs/run", code=1), "run-directory", "fail")["what"]


def test_storage_that_hangs_is_a_finding_and_not_a_hang(preload, tmp_path):
    preload("failing_storage", FAULT_PATH="/.doctor", FAULT_CALLS="fsync", FAULT_SECONDS=300, FAULT_ERRNO=0)
    began = time.monotonic()
    finding = the(examined("--quick", "--local", "--run-dir", tmp_path, code=1), "run-directory", "fail")
    assert "does not answer within 20 s" in finding["what"] and time.monotonic() - began < 60


def test_storage_without_flock_is_noted_with_what_takes_its_place(preload, tmp_path):
    preload("failing_storage", FAULT_PATH="/.doctor", FAULT_CALLS="flock", FAULT_ERRNO=38)  # ENOSYS
    topics = examined("--quick", "--run-dir", tmp_path, ranks=2)
    assert "heartbeat" in the(topics, "file-locks", "note")["what"] and "lock-everywhere" not in topics


def test_storage_that_does_not_rename_forbids_training(preload, tmp_path):
    preload("failing_storage", FAULT_PATH="/.doctor", FAULT_CALLS="rename", FAULT_ERRNO=5)
    topics = examined("--quick", "--local", "--run-dir", tmp_path, code=1)
    assert any("Input/output error" in finding["what"] for finding in topics.get("run-directory", []) + topics.get("file-rename", []))


def test_a_full_shared_memory_forbids_training_and_a_small_one_warns(preload):
    preload("full_shared_memory")
    assert "/dev/shm" in the(examined("--quick", "--local", code=1), "shared-memory", "fail")["what"]
    preload("full_shared_memory", FULL_FREE_BYTES=32 << 20)
    assert "delete what dead jobs" in the(examined("--quick", "--local"), "shared-memory", "warn")["what_to_do"]


def test_a_metrics_port_that_is_taken_is_noted_or_forbids_training_as_the_configuration_wants_it():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = ["--quick", "--local", "--set", "data.train=p", "--set", "monitoring.address=127.0.0.1", "--set", f"monitoring.port={port}"]
        assert f"port {port} is taken" in the(examined(*words), "metrics-port", "note")["what"]
        assert "monitoring.port = 0" in the(examined(*words, "--set", "monitoring.strict_port=true", code=1), "metrics-port", "fail")["what_to_do"]
    assert f"port {port} is free" in the(examined(*words), "metrics-port", "ok")["what"]


def test_a_wrong_configuration_is_a_usage_error():
    assert "comm.bind" in refused(2, "doctor", "--set", "data.train=p", "--set", "comm.bind=cores")
    refused(2, "doctor", "--config", "nowhere.toml")


def test_threads_that_have_no_cpu_are_warned_of():
    cpus = len(os.sched_getaffinity(0))
    finding = the(examined("--quick", "--local", "--set", "data.train=p", "--set", f"comm.threads_per_rank={cpus + 1}"), "cpus", "warn")
    assert f"comm.threads_per_rank = {cpus + 1}" in finding["what"] and "--cpus-per-task" in finding["what_to_do"]


def test_nccl_without_gpus_forbids_training():
    if examined("--quick", "--local")["gpus"][0]["what"].startswith("no GPU"):
        topics = examined("--quick", "--set", "data.train=p", "--set", "comm.backend=nccl", code=1, ranks=2)
        assert the(topics, "gpus", "fail")["ranks"] == [0, 1] and "all-reduce" not in topics


def test_ranks_with_other_configurations_are_named(tmp_path):
    for name, seed in (("a", 1), ("b", 2)):
        (tmp_path / f"{name}.toml").write_text(f'[run]\nseed = {seed}\n[data]\ntrain = "p"\n')
    words, environment = command(["doctor", "--quick", "--json", "--config", tmp_path / "a.toml"], 1)
    more = ["-n", "1", str(BINARY), "doctor", "--quick", "--json", "--config", str(tmp_path / "b.toml")]
    done = subprocess.run([*words, ":", *more], capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 1, done.stderr
    report = report_of(done)
    (finding,) = [finding for finding in report["findings"] if finding["level"] == "fail"]
    assert finding["topic"] == "versions" and finding["ranks"] == [1] and finding["what"].startswith("configuration is ")


def test_a_rank_that_is_silent_is_named_with_its_host(preload):
    preload("silent_rank", SILENT_RANK=1)
    began = time.monotonic()
    done = catamaran("doctor", "--quick", ranks=2, check=False, timeout=120)
    assert done.returncode == 1 and time.monotonic() - began < 60, done.stderr
    assert f"fail  silent-rank on {HOST} (rank 1): no answer within 20 s" in done.stdout


def test_a_step_of_srun_without_pmix_is_told_before_mpi_ends_the_process(monkeypatch):
    for name, value in (("SLURM_JOB_ID", "7"), ("SLURM_STEP_ID", "0"), ("SLURM_STEP_NUM_TASKS", "2"), ("SLURM_PROCID", "0"), ("SLURM_LOCALID", "0")):
        monkeypatch.setenv(name, value)
    assert "--mpi=pmix" in the(examined("--quick", code=1), "launcher", "fail")["what_to_do"]
    monkeypatch.setenv("SLURM_PROCID", "1")
    done = catamaran("doctor", "--quick", "--json", check=False)
    assert done.returncode == 1 and done.stdout == "", "rank 0 speaks for all"


NVIDIA_SMI = """#!/bin/sh
case "$1" in
--query-gpu=*) printf '00000000:41:00.0, NVIDIA H100 80GB HBM3, 550.127.05, 81559, 4, %s\\n' "$ERRORS" ;;
--query-remapped-rows=*) printf '00000000:41:00.0, 0, %s\\n' "$ROWS" ;;
esac
"""


@pytest.mark.parametrize("errors, rows, says", [(2, 0, "2 uncorrectable error(s)"), (0, 1, "could not replace a damaged row")])
def test_memory_of_a_gpu_that_is_broken_forbids_training(monkeypatch, tmp_path, errors, rows, says):
    monkeypatch.setenv("PATH", on_path(tmp_path, "nvidia-smi", NVIDIA_SMI))
    monkeypatch.setenv("ERRORS", str(errors))
    monkeypatch.setenv("ROWS", str(rows))
    topics = examined("--quick", "--local", code=1)
    finding = the(topics, "gpu-memory", "fail")
    assert says in finding["what"] and "0000:41:00.0" in finding["what"] and "--exclude" in finding["what_to_do"]
    assert the(topics, "gpu-driver", "ok")["what"] == "driver 550.127.05"


def test_a_driver_that_hangs_forbids_training(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", on_path(tmp_path, "nvidia-smi", "#!/bin/sh\nexec sleep 300\n"))
    assert "does not answer within 15 s" in the(examined("--quick", "--local", code=1), "gpu-driver", "fail")["what"]


def test_findings_that_cannot_be_printed_are_no_success():
    with open("/dev/full", "w") as full:
        done = subprocess.run([BINARY, "doctor", "--quick", "--local"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and "standard output" in done.stderr


def test_what_the_page_says_of_topics_is_what_the_program_says():
    page = (pathlib.Path(ROOT) / "docs/doctor.md").read_text()
    said = examined("--quick", ranks=2).keys() | examined("--local").keys()
    for topic in said:
        assert f"`{topic}`" in page, topic
