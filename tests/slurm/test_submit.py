"""`catamaran submit` against made programs of Slurm: what it checks, writes, asks and takes back."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import time

import pytest
from fake_slurm import FakeSlurm

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))
from generated import generated_packs  # noqa: E402
from runs import BINARY, SMALL, catamaran, settings  # noqa: E402


@pytest.fixture(scope="session")
def packs(tmp_path_factory):
    return generated_packs(tmp_path_factory.mktemp("generated"))


class Site:
    """A login node of a made cluster, and a configuration."""

    def __init__(self, folder, packs):
        self.folder, self.slurm = folder, FakeSlurm(folder / "fake")
        self.run, self.packs = folder / "runs/a b", packs
        self.config = folder / "c.toml"
        self.config.write_text(f'[data]\ntrain = "{packs}/pack-train"\neval = "{packs}/pack-test"\n[batch]\nglobal = 16\nper_device = 16\n[schedule]\nepochs = 4\n')
        self.site = folder / "site.toml"
        self.site.write_text(f'[paths]\nprogram = "{self.slurm.bin}/catamaran"\n')
        self.slurm.answers("squeue", out="")
        self.slurm.answers("sbatch", out="4711\n")
        self.slurm.answers("scontrol", out="MaxArraySize            = 1001\n", to="config")
        self.slurm.answers("sinfo", out="n1 n1.cluster\nn2 n2.cluster\n", to="--Node")
        self.slurm.answers("sinfo", out="gpu* 1-00:00:00\ncpu 2:00:00\n", to="%P %l")
        self.mpi_kinds("none", "pmix")

    def mpi_kinds(self, *kinds):
        lines = "".join(f"\\t{kind}\\n" for kind in kinds)
        (self.slurm.bin / "srun").rename(self.slurm.bin / "srun.real") if not (self.slurm.bin / "srun.real").exists() else None
        (self.slurm.bin / "srun").write_text(f'#!/bin/bash\nif [[ $1 == --mpi=list ]]; then printf "MPI plugin types are...\\n{lines}"; exit 0; fi\n'
                                             f'exec "{self.slurm.bin}/srun.real" "$@"\n')
        (self.slurm.bin / "srun").chmod(0o755)

    def submit(self, *words, code=0, site=True, **environment):
        extra = ["--site", str(self.site)] if site else []
        done = subprocess.run([str(BINARY), "submit", *extra, *map(str, words)], capture_output=True, text=True, timeout=240, cwd=self.folder,
                              env=self.slurm.environment(alone=True, **environment))
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        if code:
            assert done.stderr.count("error:") == 1, done.stderr
        return done

    def train(self, *words, **more):
        return self.submit("--config", self.config, *settings(*SMALL), "--run-dir", self.run, *words, **more)

    def refused(self, *words, code=2, **more):
        before = self.everything()
        message = self.train(*words, code=code, **more).stderr
        assert self.everything() == before, "something was left"
        assert not self.slurm.asked("sbatch") or self.slurm.asked("sbatch") == [["--version"]]
        return message

    def everything(self):
        return sorted(str(path) for path in (self.folder / "runs").rglob("*")) if (self.folder / "runs").exists() else []

    def sbatch(self):
        return [words for words in self.slurm.asked("sbatch") if words != ["--version"]]


@pytest.fixture
def site(tmp_path, packs):
    return Site(tmp_path, packs)


def options_of(script):
    return [line.removeprefix("#SBATCH ") for line in script.splitlines() if line.startswith("#SBATCH ")]


def test_a_run_is_submitted_with_all_that_it_needs_in_its_folder(site):
    done = site.train("--nodes", "2", "--ranks-per-node", "4", "--time", "4h", "--partition", "gpu")
    script = site.run / "submit.sbatch"
    assert site.sbatch() == [["--parsable", str(script)]]
    assert f"submitted job 4711: {site.run}, 8 ranks on 2 nodes of gpu, 0-04:00:00 at a time\n" in done.stdout
    assert f"sbatch --parsable '{script}'" in done.stdout
    assert sorted(path.name for path in site.run.iterdir()) == ["submit.sbatch", "submit.toml", "submitted.json"]
    record = json.loads((site.run / "submitted.json").read_text())
    assert record["job_id"] == "4711" and record["ranks"] == 8 and record["time_seconds"] == 14400 and abs(record["submitted_unix_seconds"] - time.time()) < 600
    shown = catamaran("config", "show", "--config", site.config, *settings(*SMALL), cwd=site.folder).stdout
    assert (site.run / "submit.toml").read_text() == shown
    options = options_of(script.read_text())
    escaped = str(site.run).replace(" ", "\\ ")
    assert options == ["--job-name=a_b", f"--output={escaped}/job-%j.log", "--open-mode=append", "--requeue", f"--chdir={site.folder}", "--nodes=2",
                       "--ntasks-per-node=4", "--signal=B:USR1@300", "--time=0-04:00:00", "--partition=gpu"]


def test_a_dry_run_prints_the_very_script_writes_nothing_and_needs_no_slurm(site):
    words = ("--time", "4h", "--partition", "gpu")
    for name in ("sbatch", "squeue", "scontrol", "sinfo", "srun"):
        shutil.move(site.slurm.bin / name, site.folder / name)
    printed = site.train(*words, "--dry-run").stdout
    assert site.everything() == []
    for name in ("sbatch", "squeue", "scontrol", "sinfo", "srun"):
        shutil.move(site.folder / name, site.slurm.bin / name)
    site.train(*words)
    without_command = lambda text: re.sub(r"^#   .*\n", "", text, flags=re.M)  # noqa: E731  # it has --dry-run in it
    assert without_command(printed) == without_command((site.run / "submit.sbatch").read_text())


@pytest.mark.parametrize("kind", ["train", "eval"])
def test_a_script_is_slurms_template_to_the_last_line(site, kind):
    """The text that is a part of the program and the files of slurm/ are the same."""
    words = ("--config", site.config, *settings(*SMALL)) if kind == "train" else ("--eval", site.config, "--data", site.packs / "pack-test")
    printed = site.submit(*words, "--run-dir", site.run, "--dry-run").stdout
    template, functions = (ROOT / f"slurm/{kind}.sbatch").read_text(), (ROOT / "slurm/job.sh").read_text()
    source = '. "${CATAMARAN_SLURM:-$PWD/slurm}/job.sh"\n'
    rest = template.split("# end of settings\n")[1].replace(source, functions.removeprefix("# shellcheck shell=bash\n"))
    assert printed.endswith(rest)
    checked = subprocess.run(["bash", "-n"], input=printed, text=True, capture_output=True)
    assert checked.returncode == 0 and not checked.stderr
    if shutil.which("shellcheck"):
        checked = subprocess.run(["shellcheck", "-f", "gcc", "-"], input=printed, text=True, capture_output=True)
        assert checked.returncode == 0, checked.stdout


def test_the_example_of_a_site_file_is_that_of_the_folder(site):
    assert site.submit("--example-site").stdout == (ROOT / "slurm/site.example.toml").read_text()


def test_the_script_runs_and_gives_the_ranks_what_was_asked_for(site):
    site.train("--nodes", "2", "--time", "4h", "--cpus-per-task", "3", "--", "--trace")
    environment = site.slurm.environment(SLURM_JOB_ID="4711", SLURM_JOB_NODELIST="n[1-2]", SLURM_JOB_NUM_NODES="2", SLURM_CPUS_PER_TASK="3", FAKE_CODE="0")
    done = subprocess.run(["bash", str(site.run / "submit.sbatch")], capture_output=True, text=True, env=environment, cwd=site.folder)
    assert done.returncode == 0 and "JOB 4711 nodes n[1-2], git " in done.stdout, done.stdout + done.stderr
    assert site.slurm.lines("arguments") == ["train", "--config", str(site.run / "submit.toml"), "--run-dir", str(site.run), "--resume", "auto", "--trace"]


def test_the_site_file_says_what_the_user_does_not(site):
    site.site.write_text(f'[slurm]\npartition = "gpu"\naccount = "vision"\noptions = ["--exclusive"]\n[partitions.gpu]\ngpus_per_node = 2\ncpus_per_task = 6\n'
                         f'time = "2h"\nmemory = "64G"\n[environment]\nmodules = ["openmpi"]\nvariables = ["NCCL_SOCKET_IFNAME=ib0"]\n'
                         f'[launch]\nlauncher = "mpirun"\nnode_check = false\n[paths]\nprogram = "{site.slurm.bin}/catamaran"\nbad_nodes = "{site.folder}/bad"\n')
    site.train()
    script = (site.run / "submit.sbatch").read_text()
    assert options_of(script)[5:] == ["--nodes=1", "--ntasks-per-node=2", "--signal=B:USR1@300", "--cpus-per-task=6", "--gpus-per-node=2", "--mem=64G",
                                      "--time=0-02:00:00", "--partition=gpu", "--account=vision", "--exclusive"]
    assert "\nmodule load openmpi || {" in script and "\nexport NCCL_SOCKET_IFNAME=ib0\n" in script
    assert "\nlauncher=mpirun\n" in script and "\nnode_check=no\n" in script and f"\nbad_nodes={site.folder}/bad\n" in script


def test_a_site_file_beside_the_work_is_found(site):
    (site.folder / "slurm").mkdir()
    (site.folder / "slurm/site.toml").write_text('[slurm]\naccount = "found"\n')
    assert "#SBATCH --account=found\n" in site.train("--dry-run", site=False).stdout


def test_mistakes_of_a_site_file_are_all_told(site):
    site.site.write_text('[slurm]\npartitoin = "gpu"\n[launch]\nlauncher = "srn"\n')
    message = site.refused()
    assert "2 mistakes" in message and "did you mean 'slurm.partition'?" in message and "did you mean 'srun'?" in message


def test_what_sbatch_refuses_leaves_nothing(site):
    site.slurm.answers("sbatch", out="", code=1, err="sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified\n",
                       to="--parsable")
    message = site.train("--time", "4h", code=2).stderr
    assert "Invalid account or account/partition combination" in message and "nothing was submitted" in message
    assert not (site.folder / "runs").exists()


def test_what_sbatch_refuses_leaves_an_older_submission_as_it_was(site):
    site.train("--time", "4h")
    before = {path.name: path.read_text() for path in site.run.iterdir()}
    site.slurm.answers("sbatch", out="", code=1, err="sbatch: error: no\n", to="--parsable")
    site.train("--time", "1h", code=2)
    assert {path.name: path.read_text() for path in site.run.iterdir()} == before


def test_a_job_whose_number_cannot_be_written_down_is_cancelled(site):
    (site.run / "submitted.json").mkdir(parents=True)
    site.train("--time", "4h", code=2)
    assert site.slurm.asked("scancel") == [["4711"]]
    assert [path.name for path in site.run.iterdir()] == ["submitted.json"]


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "COMPLETING"])
def test_a_run_whose_job_is_queued_or_runs_is_not_submitted_again(site, state):
    site.train()
    site.slurm.forget()
    site.slurm.answers("squeue", out=f"4711 {state}\n")
    message = site.refused()
    assert f"its job 4711 is in the queue ({state})" in message and "scancel 4711" in message
    assert ["--noheader", "--array", "--jobs", "4711", "--format", "%i %T"] in site.slurm.asked("squeue")


def test_a_job_that_slurm_has_forgotten_is_over(site):
    site.train()
    site.slurm.answers("squeue", out="", code=1, err="slurm_load_jobs error: Invalid job id specified\n")
    site.slurm.answers("sbatch", out="4712\n")
    site.train()
    assert json.loads((site.run / "submitted.json").read_text())["job_id"] == "4712"


def test_where_slurm_does_not_say_the_run_is_not_submitted_again(site):
    site.train()
    site.slurm.forget()
    site.slurm.answers("squeue", out="", code=1, err="slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n")
    assert "Unable to contact slurm controller" in site.refused()


def test_no_slurm_at_all_is_one_sentence(site):
    site.slurm.without("sbatch")
    message = site.refused()
    assert "there is no Slurm here: sbatch is not on PATH" in message and "--dry-run" in message


def test_a_slurm_without_pmix_is_one_sentence(site):
    site.mpi_kinds("none", "pmi2")
    message = site.refused()
    assert "this Slurm has no pmix: srun knows none,pmi2" in message and 'launcher = "mpirun"' in message
    site.site.write_text(f'[launch]\nlauncher = "mpirun"\n[paths]\nprogram = "{site.slurm.bin}/catamaran"\n')
    site.train()


def test_mistakes_that_would_end_the_job_are_found_here_and_told_at_once(site):
    bad = site.folder / "bad-pack"
    shutil.copytree(site.packs / "pack-test", bad)
    with open(bad / "shard-00000.h5", "ab") as shard:
        shard.write(b"x")
    message = site.refused("--set", f"data.eval={bad}", "--set", f"weights.backbone={site.folder}/none.safetensors", "--set", "batch.global=15",
                           "--nodes", "2", code=3)
    assert "3 mistakes" in message and "1 of 1 shards are not whole" in message
    assert "none.safetensors" in message and "weights.backbone" in message
    assert "does not divide among 2 ranks" in message and "14 or 16" in message


def test_packs_that_do_not_go_together_are_refused(site):
    other = site.folder / "other"
    lines = [json.loads(line) for line in (site.packs / "test.jsonl").read_text().splitlines()]
    (site.folder / "m.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (site.folder / "classes.txt").write_text("top right\ntop left\nbottom left\nbottom right\n")
    catamaran("pack", "manifest", "--images", site.packs, "--manifest", site.folder / "m.jsonl", "--classes", site.folder / "classes.txt", "--out", other)
    assert "class 0 is 'top left' in one and 'top right' in the other" in site.refused("--set", f"data.eval={other}", code=3)


def test_a_batch_larger_than_the_data_is_refused(site):
    assert "larger than the data set of 96" in site.refused("--set", "batch.global=128", "--set", "batch.per_device=128")


def test_room_for_what_is_kept_and_two_more_is_looked_for(site):
    message = site.refused("--set", "checkpoint.keep=100000000")
    assert re.search(r"10000000\d checkpoints of .* GiB take .* GiB, and .* GiB are free", message)


def test_more_time_than_the_partition_gives_is_refused(site):
    assert "the partition ends jobs after 0-02:00:00" in site.refused("--time", "3h", "--partition", "cpu")
    site.train("--time", "2h", "--partition", "cpu")


def test_a_configuration_with_mistakes_is_refused_as_by_train(site):
    assert "did you mean 'batch.global'" in site.refused("--set", "batch.globl=3")


@pytest.mark.parametrize("words, says", [([], "nothing was given to submit"), (["--config", "c.toml"], "no folder was given"),
                                         (["--config", "c.toml", "--sweep", "s.toml"], "only one kind of job"),
                                         (["--config", "c.toml", "--run-dir", "r", "--array", "0-3"], "points of a sweep"),
                                         (["--config", "c.toml", "--run-dir", "r", "stray"], "'stray' is no option"),
                                         (["--eval", "x", "--run-dir", "r"], "they belong together"),
                                         (["--config", "c.toml", "--run-dir", "r", "--time", "240"], "is no length of time"),
                                         (["--config", "c.toml", "--run-dir", "r", "--sbatch=--array=3"], "said by the job script itself"),
                                         (["--config", "c.toml", "--run-dir", "a\nb"], "control characters")])
def test_a_command_line_that_means_nothing_is_refused(site, words, says):
    assert says in site.submit(*words, code=2).stderr and not site.sbatch()


def test_bad_nodes_are_left_out(site):
    site.run.mkdir(parents=True)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    (site.folder / "runs/bad-nodes.txt").write_text(f"n2.cluster {now} job 9: GPU 3 is broken\nn7 {now} gone\nn1 2020-01-01T00:00:00Z long ago\nnonsense\n")
    done = site.train("--exclude", "n1")
    assert "--exclude=n1,n2" in options_of((site.run / "submit.sbatch").read_text())
    assert "left out: n2.cluster" in done.stderr and "GPU 3 is broken" in done.stderr
    assert "Slurm has no node n7" in done.stderr and "line 4 is no NODE TIME REASON" in done.stderr
    assert json.loads((site.run / "submitted.json").read_text())["excluded"] == ["n1", "n2"]


def test_the_nodes_of_the_newest_failure_are_left_out(site):
    site.run.mkdir(parents=True)
    start = "0123456789abcdef"
    (site.run / "manifest.json").write_text(json.dumps({"run": "a", "lives": [{"id": start, "started_unix_seconds": time.time() - 60, "first_step": 0, "hosts": ["n1", "n2"],
                                                                               "world": 2}]}))
    (site.run / "failure.json").write_text(json.dumps({"format_version": 1, "time": "now", "cause": "a GPU is broken", "weight": 4, "kind": "bad node",
                                                       "exclude_hosts": ["n2.cluster"], "start": start, "ranks": []}))
    site.train()
    assert "--exclude=n2" in options_of((site.run / "submit.sbatch").read_text())


def test_results_can_be_read_by_a_program(site):
    told = json.loads(site.train("--time", "4h", "--json").stdout)
    assert told["submitted"][0]["job_id"] == "4711" and told["submitted"][0]["script"] == str(site.run / "submit.sbatch") and told["site"] == str(site.site)
    told = json.loads(site.train("--dry-run", "--json").stdout)
    assert told["submitted"] == [] and told["scripts"][0].startswith("#!/bin/bash\n")


def test_an_evaluation_is_submitted_beside_a_run(site):
    site.run.mkdir(parents=True)
    site.submit("--eval", site.config, "--data", site.packs / "pack-test", "--run-dir", site.run, "--time", "30m", "--", "--protocol", "all")
    script = site.run / "eval-submit.sbatch"
    assert site.sbatch() == [["--parsable", str(script)]] and json.loads((site.run / "eval-submitted.json").read_text())["job_id"] == "4711"
    assert not any(option.startswith("--signal") for option in options_of(script.read_text()))
    environment = site.slurm.environment(SLURM_JOB_ID="4711", FAKE_CODE="0")
    assert subprocess.run(["bash", str(script)], env=environment, cwd=site.folder).returncode == 0
    assert site.slurm.lines("arguments") == ["eval", "--checkpoint", str(site.config), "--data", str(site.packs / "pack-test"), "--out", str(site.run / "eval-c.json"),
                                             "--protocol", "all"]
    message = site.submit("--eval", site.folder / "none", "--data", site.packs / "pack-test", "--run-dir", site.run, code=4).stderr
    assert "there is no such checkpoint" in message


# Sweeps.

def bare(value):
    """A value of --set as TOML has it."""
    try:
        float(value)
        return value
    except ValueError:
        return json.dumps(value)


def sweep(site, count=6, **more):
    file = site.folder / "sweep.toml"
    heads = "".join(f"{key} = {value}\n" for key, value in more.items())
    small = "".join(f'"{key}" = {bare(value)}\n' for key, value in (pair.split("=") for pair in SMALL) if key != "optimizer.learning_rate")
    rates = ", ".join(f"{0.001 * (i + 1):.4f}" for i in range(count))
    file.write_text(f'name = "rates"\nconfig = "c.toml"\nout = "{site.folder}/runs/rates"\n{heads}[set]\n{small}[axes.grid]\n"optimizer.learning_rate" = [{rates}]\n')
    return file


def points(site):
    return sorted(path.parent for path in (site.folder / "runs/rates").glob("*/point.json"))


def test_a_sweep_is_an_array_of_its_points(site):
    done = site.submit("--sweep", sweep(site, max_parallel=4), "--time", "1h")
    script = site.folder / "runs/rates/submit.sbatch"
    assert site.sbatch() == [["--parsable", str(script)]] and "submitted job 4711" in done.stdout
    assert "--array=0-5%4" in options_of(script.read_text())
    assert len(points(site)) == 6
    assert sorted(json.loads((point / "submitted.json").read_text())["job_id"] for point in points(site)) == [f"4711_{i}" for i in range(6)]


def test_a_task_trains_the_point_of_its_number(site):
    site.submit("--sweep", sweep(site), "--time", "1h")
    environment = site.slurm.environment(SLURM_JOB_ID="4715", SLURM_ARRAY_JOB_ID="4711", SLURM_ARRAY_TASK_ID="4", FAKE_CODE="0")
    done = subprocess.run(["bash", str(site.folder / "runs/rates/submit.sbatch")], capture_output=True, text=True, env=environment, cwd=site.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    command = site.slurm.lines("arguments")
    assert command[:2] == ["sweep", "train"] and command[3:] == ["--index", "4"] and json.loads(pathlib.Path(command[2]).read_text())
    assert len([point for point in points(site) if (point / "restarts.txt").exists()]) == 1


def test_points_that_are_queued_are_left_alone(site):
    file = sweep(site)
    site.submit("--sweep", file, "--time", "1h")
    site.slurm.forget()
    site.slurm.answers("squeue", out="".join(f"4711_{i} PENDING\n" for i in (0, 1, 2, 4)))
    site.slurm.answers("sbatch", out="4712\n")
    done = site.submit("--sweep", file, "--time", "1h")
    assert "--array=3,5" in options_of((site.folder / "runs/rates/submit.sbatch").read_text()) and "4 points are in the queue already" in done.stderr
    site.slurm.forget()
    site.slurm.answers("squeue", out="".join(f"4711_{i} PENDING\n" for i in (0, 1, 2, 4)) + "4712_3 RUNNING\n4712_5 PENDING\n")
    site.submit("--sweep", file, "--time", "1h")
    assert site.sbatch() == []


def test_only_some_points_where_that_is_asked_for(site):
    site.submit("--sweep", sweep(site), "--time", "1h", "--array", "1-3,5%2")
    assert "--array=1-3,5%2" in options_of((site.folder / "runs/rates/submit.sbatch").read_text())
    assert "6" in site.submit("--sweep", sweep(site), "--array", "6", code=2).stderr


def test_a_sweep_larger_than_an_array_is_several_and_bounded_together(site):
    site.slurm.answers("scontrol", out="MaxArraySize            = 4\n", to="config")
    site.submit("--sweep", sweep(site, max_parallel=2), "--time", "1h")
    out = site.folder / "runs/rates"
    assert site.sbatch() == [["--parsable", str(out / "submit.sbatch")], ["--parsable", "--dependency=afterany:4711", str(out / "submit-4.sbatch")]]
    second = (out / "submit-4.sbatch").read_text()
    assert "--array=0-1%2" in options_of(second) and "\nfirst=4\n" in second and "[5]=" in second and "[3]=" not in second


def test_a_sweep_of_which_a_part_is_refused_is_taken_back_as_a_whole(site):
    site.slurm.answers("scontrol", out="MaxArraySize            = 4\n", to="config")
    (site.slurm.bin / "sbatch").write_text(f"""#!/bin/bash
if [[ $1 == --version ]]; then exit 0; fi
[[ -e {site.folder}/first ]] && {{ echo "sbatch: error: QOSMaxSubmitJobPerUserLimit" >&2; exit 1; }}
: >{site.folder}/first
echo 4711
""")
    message = site.submit("--sweep", sweep(site), "--time", "1h", code=2).stderr
    assert "QOSMaxSubmitJobPerUserLimit" in message and site.slurm.asked("scancel") == [["4711"]]
    assert not (site.folder / "runs").exists()


def test_a_dry_run_of_a_sweep_prints_its_scripts_and_writes_nothing(site):
    for name in ("sbatch", "squeue", "scontrol", "sinfo", "srun"):
        site.slurm.without(name)
    done = site.submit("--sweep", sweep(site), "--time", "1h", "--dry-run")
    assert "#SBATCH --array=0-5\n" in done.stdout and "6 pending" in done.stderr and not (site.folder / "runs").exists()


def test_a_site_without_arrays_is_a_sentence(site):
    site.slurm.answers("scontrol", out="MaxArraySize            = 0\n", to="config")
    assert "takes no arrays" in site.submit("--sweep", sweep(site), "--time", "1h", code=2).stderr
    assert not (site.folder / "runs").exists()


def test_a_sweep_with_mistakes_is_refused_with_all_of_them(site):
    file = sweep(site)
    file.write_text(file.read_text().replace("[axes.grid]", '[axes.grid]\n"batch.globl" = [1]\n"batch.global" = [15]'))
    message = site.submit("--sweep", file, "--time", "1h", code=2).stderr
    assert "did you mean 'batch.global'" in message and not (site.folder / "runs").exists()
