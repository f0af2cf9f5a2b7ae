"""What a run leaves for others to find: nothing that all may write to, and of the environment only what names of an allow-list hold, never a secret."""
import json
import stat

import pytest
from runs import SMALL, catamaran, settings

SECRETS = {"SECRET_TOKEN": "tok3n-0f-nob0dy", "AWS_SECRET_ACCESS_KEY": "k3y-0f-nob0dy", "https_proxy": "http://somebody:passw0rd-0f-nob0dy@proxy.invalid:3128",
           "SLURM_JWT": "jwt-0f-nob0dy", "SLURM_REST_TOKEN": "slurm-0f-nob0dy", "NCCL_AUTH_COOKIE": "nccl-0f-nob0dy", "OMPI_MCA_sec_basic_password": "mca-0f-nob0dy",
           "CUDA_LICENSE_KEY": "cuda-0f-nob0dy", "NCCL_PROXY": "http://somebody:word-0f-nob0dy@proxy.invalid:3128", "HOME_OF": "0f-nob0dy"}
RECORDED = {"NCCL_DEBUG": "WARN", "SLURM_JOB_ID": "1207", "SLURM_JOB_PARTITION": "short", "UCX_LOG_LEVEL": "error", "OMP_SCHEDULE": "static", "HDF5_DRIVER": "sec2"}
MARK = b"0f-nob0dy"


def train(config, run, *pairs, **more):
    return catamaran("train", "--config", config, *settings(*SMALL, *pairs), "--run-dir", run, **more)


def files_of(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def secrets(monkeypatch, tmp_path):
    monkeypatch.setenv("SLURM_TMPDIR", str(tmp_path / "scratch"))
    for name, value in {**SECRETS, **RECORDED}.items():
        monkeypatch.setenv(name, value)


def require_no_secret(done, folder, expected):
    names = {path.name for path in files_of(folder)}
    assert expected <= names, f"the files that this test is about are not all there: {names}"
    assert MARK not in (done.stdout + done.stderr).encode()
    assert [path for path in files_of(folder) if MARK in path.read_bytes()] == []


def test_a_run_its_time_line_and_its_report_have_nothing_of_the_environment_but_what_is_allowed(config, tmp_path, secrets):
    run = tmp_path / "run"
    done = train(config, run, "schedule.max_steps=30", "trace.enabled=true", "train.log_samples=true", "data.stage=auto", "monitoring.tensorboard=true", ranks=2)
    require_no_secret(done, run, {"manifest.json", "config.toml", "log.jsonl", "rank-00001.jsonl", "metrics.jsonl", "trace.json", "state.json", "model.safetensors", "metrics-address.txt"})
    assert list((run / "tensorboard").glob("events.out.tfevents.*"))
    recorded = json.loads((run / "manifest.json").read_text())["lives"][-1]["environment"]
    assert {name: recorded.get(name) for name in RECORDED} == RECORDED
    prefixes = ("NCCL_", "OMPI_MCA_", "SLURM_", "CUDA_", "UCX_", "PMIX_", "OMP_", "HDF5_")
    others = {"APPTAINER_CONTAINER", "APPTAINER_NAME", "GOMP_CPU_AFFINITY", "KMP_AFFINITY", "KMP_BLOCKTIME", "LOADEDMODULES", "MALLOC_ARENA_MAX", "MKL_NUM_THREADS",
              "NVIDIA_VISIBLE_DEVICES", "OPENBLAS_NUM_THREADS", "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "SINGULARITY_CONTAINER"}
    assert [name for name in recorded if not name.startswith(prefixes) and name not in others] == []
    assert set(SECRETS) & set(recorded) == set()
    told = json.loads(catamaran("status", run, "--json").stdout)
    assert MARK not in json.dumps(told).encode() and told[0]["job_id"] == "1207"
    done = catamaran("report", run, "--out", tmp_path / "report/report.html")
    require_no_secret(done, tmp_path / "report", {"report.html"})


@pytest.mark.parametrize("kind, code", [("throw", 3), ("sleep", 5)])
def test_a_run_that_fails_writes_down_why_without_the_environment(config, tmp_path, secrets, kind, code):
    run = tmp_path / "run"
    done = train(config, run, f"testing.fault=rank=1,step=3,kind={kind}", "testing.enabled=true", "comm.timeout_seconds=4", ranks=2, check=False)
    assert done.returncode == code, done.stderr
    require_no_secret(done, run, {"manifest.json", "failure.json", "log.jsonl"})


@pytest.mark.parametrize("mask", ["000", "002", "027", "077"])
def test_what_a_run_makes_has_the_users_umask_and_is_never_writable_for_all(config, tmp_path, mask):
    run = tmp_path / "made/run"
    train(config, run, "schedule.max_steps=3", "trace.enabled=true", "trace.first_step=1", "trace.steps=1", under=["sh", "-c", f'umask {mask}; exec "$@"', "sh"])
    refused = int(mask, 8) | stat.S_IWOTH
    for path in [run.parent, run, *run.rglob("*")]:
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert path.is_symlink() or mode & refused == 0, f"{path} has the mode {mode:o} under the umask {mask}"
    assert stat.S_IMODE((run / "metrics.jsonl").stat().st_mode) == 0o666 & ~refused
