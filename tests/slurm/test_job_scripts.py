"""slurm/*.sbatch without a Slurm: made programs note what they are asked, and the scripts' signals, codes and files are seen."""
import datetime
import json
import pathlib
import re
import signal
import subprocess
import time

import pytest
from fake_slurm import FakeSlurm

ROOT = pathlib.Path(__file__).resolve().parents[2]
JOB = {"SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "n[1-2]", "SLURM_JOB_NUM_NODES": "2"}


class Script:
    """A job of slurm/NAME.sbatch in a folder of its own."""

    def __init__(self, folder, name="train"):
        self.folder, self.name = folder, name
        self.slurm = FakeSlurm(folder / "fake")
        self.run = folder / "runs/a b"
        self.bad_nodes = folder / "runs/bad-nodes.txt"
        self.config = folder / "c d.toml"
        self.config.write_text("[batch]\nglobal = 8\n")

    def start(self, *words, script=None, **environment):
        for name in ("started", "signals", "arguments", "srun.lines", "mpirun.lines"):
            (self.slurm.folder / name).unlink(missing_ok=True)
        words = words or (self.config, self.run)
        return subprocess.Popen(["bash", str(script or ROOT / f"slurm/{self.name}.sbatch"), *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, cwd=self.folder,
                                env=self.slurm.environment(**{**JOB, "CATAMARAN_SLURM": str(ROOT / "slurm"), "FAKE_RUN": str(self.run), **environment}))

    def ended(self, job):
        try:
            output, _ = job.communicate(timeout=90)
        finally:
            job.kill()
        return job.returncode, output

    def result(self, *words, **environment):
        return self.ended(self.start(*words, **environment))

    def stopped(self, signals, **environment):
        """The result of a job that gets these signals once its ranks run."""
        job = self.start(**environment)
        wait_for(self.slurm.folder / "started")
        time.sleep(0.3)  # the script notes srun's number a moment after srun starts
        for number in signals:
            job.send_signal(number)
            time.sleep(0.2)
        return self.ended(job)

    def requeues(self):
        return [words for words in self.slurm.asked("scontrol") if words[0] == "requeue"]

    def doctor_finds(self, *findings):
        """Of each: level, topic, hosts, what. For FAKE_DOCTOR."""
        listed = [{"level": level, "topic": topic, "hosts": hosts, "host": ",".join(hosts), "ranks": [0], "what": what, "what_to_do": 'say "what": no'}
                  for level, topic, hosts, what in findings]
        file = self.folder / "findings.json"
        file.write_text(json.dumps({"format_version": 1, "may_train": not any(one["level"] == "fail" for one in listed), "hosts": ["n1", "n2"],
                                    "failing_hosts": [], "quick": True, "world": 2, "seconds": 3.5, "findings": listed}, indent=2, sort_keys=True) + "\n")
        return {"FAKE_DOCTOR": str(file)}

    def edited(self, **settings):
        """A copy of the script with these settings, as `catamaran submit` would have them."""
        text = (ROOT / f"slurm/{self.name}.sbatch").read_text()
        lines = "".join(f"{name}={value}\n" for name, value in settings.items())
        copy = self.folder / "submit.sbatch"
        copy.write_text(text.replace("# end of settings\n", lines + "# end of settings\n"))
        return copy


@pytest.fixture
def train(tmp_path):
    return Script(tmp_path)


def wait_for(path):
    deadline = time.monotonic() + 90
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.02)


def at_step(run, step):
    (run / "checkpoints").mkdir(parents=True, exist_ok=True)
    (run / "checkpoints/latest").write_text(f"step-{step:08d}\n")


def failure(kind, hosts=()):
    return json.dumps({"cause": 'the GPU of rank 1 said "kind": "bug"', "exclude_hosts": list(hosts), "kind": kind,
                       "ranks": [{"kind": "unknown", "exclude_hosts": ["other"]}], "start": "0123456789abcdef", "time": "now", "weight": 4}, indent=2)


def test_the_ranks_get_all_arguments_and_the_cores_of_the_job(train):
    code, output = train.result(train.config, train.run, "--set", "batch.global=16", FAKE_CODE="0", SLURM_CPUS_PER_TASK="3")
    assert code == 0 and "slurm: finished" in output, output
    assert train.slurm.lines("arguments") == ["train", "--config", str(train.config), "--run-dir", str(train.run), "--resume", "auto", "--set", "batch.global=16"]
    step = train.slurm.lines("srun.lines")[-1]
    assert step.startswith("--mpi=pmix --kill-on-bad-exit=1 --unbuffered --label --cpus-per-task=3 --cpu-bind=cores catamaran train ")
    assert not train.requeues()


def test_without_cpus_per_task_nothing_is_bound(train):
    train.result(FAKE_CODE="0")
    assert "--cpu" not in train.slurm.lines("srun.lines")[-1]


def test_one_line_says_who_runs_what(train):
    at_step(train.run, 1200)
    _, output = train.result(FAKE_CODE="0", SLURM_RESTART_COUNT="2")
    hashed = subprocess.run(["sha256sum", train.config], capture_output=True, text=True).stdout[:12]
    assert f"slurm: JOB 7 nodes n[1-2], git ?, config {hashed}, restart 2, resume step 1200\n" in output


@pytest.mark.parametrize("signals", [[signal.SIGUSR1], [signal.SIGTERM], [signal.SIGUSR1, signal.SIGUSR1], [signal.SIGUSR1, signal.SIGTERM]])
def test_a_signal_becomes_a_checkpoint_and_a_requeue(train, signals):
    code, output = train.stopped(signals, FAKE_CHECKPOINT_SECONDS="0.5", FAKE_STEP="40")
    assert code == 75 and train.requeues() == [["requeue", "7"]], output
    assert set(train.slurm.lines("signals")) == {"USR1"}
    assert "stopped with a checkpoint; back into the queue at step 40" in output


def test_the_code_of_the_ranks_counts_and_not_that_of_an_interrupted_wait(train):
    # srun is gone before the script looks again.
    slow_kill = {"BASH_FUNC_kill%%": '() { builtin kill "$@"; local code=$?; sleep 0.5; return $code; }'}
    code, output = train.stopped([signal.SIGUSR1], **slow_kill)
    assert code == 75 and train.requeues() == [["requeue", "7"]], output


def test_a_task_of_an_array_is_requeued_by_both_its_numbers(train):
    train.stopped([signal.SIGUSR1], SLURM_ARRAY_JOB_ID="5", SLURM_ARRAY_TASK_ID="3", FAKE_STEP="1")
    assert train.requeues() == [["requeue", "5_3"]]
    assert ["-h", "-j", "5_3", "-o", "%T"] in train.slurm.asked("squeue")


@pytest.mark.parametrize("code", [1, 2, 3, 4, 6, 130, 139])
def test_what_would_fail_again_is_not_requeued(train, code):
    assert train.result(FAKE_CODE=str(code))[0] == code
    assert not train.requeues() and not train.slurm.asked("sbatch")


@pytest.mark.parametrize("code", [5, 137, 143])
def test_a_lost_rank_is_requeued(train, code):
    ended, output = train.result(FAKE_CODE=str(code), FAKE_STEP="3")
    assert ended == 75 and train.requeues() == [["requeue", "7"]] and "lost" in output + "lost" * ("killed" in output)


def test_a_fault_of_a_program_is_not_requeued(train):
    train.run.mkdir(parents=True)
    code, output = train.result(FAKE_CODE="5", FAKE_STEP="3", FAKE_FAILURE=failure("bug"))
    assert code == 5 and not train.requeues() and "a fault of a program" in output


def test_what_an_earlier_life_failed_of_says_nothing_of_this_one(train):
    train.run.mkdir(parents=True)
    (train.run / "failure.json").write_text(failure("bug"))
    code, output = train.result(FAKE_CODE="5", FAKE_STEP="3")
    assert code == 75 and train.requeues(), output


def test_a_bad_node_is_written_down_and_left_out_by_a_job_of_its_own(train):
    train.run.mkdir(parents=True)
    old = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=8)).strftime("%FT%TZ")
    new = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=6)).strftime("%FT%TZ")
    train.bad_nodes.write_text(f"# by hand\nn8 {old} long ago\nn9 {new} fan\nn10; {new} no name\n\n")
    train.slurm.answers("sbatch", out="8\n")
    script = train.edited(script="$0", exclude="n5")
    code, output = train.result(train.config, train.run, script=script, FAKE_CODE="5", FAKE_STEP="3", FAKE_FAILURE=failure("bad node", ["n2.cluster"]),
                                SLURM_CPUS_PER_TASK="2")
    assert code == 75 and not train.requeues(), output
    assert train.slurm.asked("sbatch") == [["--parsable", "--exclude=n2,n5,n9", str(script)]]
    added = train.bad_nodes.read_text().splitlines()[-1]
    assert re.fullmatch(r"n2 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ job 7: .*failure\.json", added), added
    assert json.loads((train.run / "submitted.json").read_text())["job_id"] == "8"
    assert "goes on as job 8, not on n2,n5,n9" in output


def test_a_task_with_a_bad_node_is_submitted_as_that_task_again(train):
    train.run.mkdir(parents=True)
    train.slurm.answers("sbatch", out="9;other\n")
    script = train.edited(script="$0")
    train.result(train.config, train.run, script=script, FAKE_CODE="5", FAKE_STEP="3", FAKE_FAILURE=failure("bad node", ["n2"]), SLURM_ARRAY_JOB_ID="5", SLURM_ARRAY_TASK_ID="3")
    assert train.slurm.asked("sbatch") == [["--parsable", "--exclude=n2", "--array=3", str(script)]]
    assert json.loads((train.run / "submitted.json").read_text())["job_id"] == "9_3"


def test_where_no_job_can_be_submitted_it_is_requeued(train):
    train.run.mkdir(parents=True)
    train.slurm.answers("sbatch", code=1, err="sbatch: error: Invalid node name specified\n")
    code, output = train.result(train.config, train.run, script=train.edited(script="$0"), FAKE_CODE="5", FAKE_STEP="3", FAKE_FAILURE=failure("bad node", ["n2"]))
    assert code == 75 and train.requeues() == [["requeue", "7"]] and "Invalid node name" in output


def test_a_job_that_is_submitted_from_a_job_inherits_nothing_of_slurm(train):
    train.run.mkdir(parents=True)
    (train.slurm.bin / "sbatch").write_text(f'#!/bin/bash\nenv >"{train.slurm.folder}/inherited"\necho 8\n')
    train.result(train.config, train.run, script=train.edited(script="$0"), FAKE_CODE="5", FAKE_STEP="3", FAKE_FAILURE=failure("bad node", ["n2"]),
                 SLURM_RESTART_COUNT="1", SLURM_CONF="/etc/s.conf")
    inherited = dict(line.split("=", 1) for line in train.slurm.lines("inherited") if re.match(r"(SLURM|CATAMARAN)_\w+=", line))
    assert inherited == {"SLURM_CONF": "/etc/s.conf", "CATAMARAN_RESUBMITTED": "2", "CATAMARAN_SLURM": str(ROOT / "slurm")}


def test_three_lives_without_progress_are_enough(train):
    lives = [train.result(FAKE_CODE="5", SLURM_RESTART_COUNT=str(life)) for life in range(3)]
    assert [code for code, _ in lives] == [75, 75, 5]
    assert len(train.requeues()) == 2 and "3 lives in a row without a new checkpoint" in lives[-1][1]


def test_progress_begins_the_count_anew(train):
    for life, step in enumerate(["", "", "30", "30", "30"]):
        code, output = train.result(FAKE_CODE="5", FAKE_STEP=step, SLURM_RESTART_COUNT=str(life))
        assert code == 75, (life, output)
    assert train.result(FAKE_CODE="5", FAKE_STEP="30", SLURM_RESTART_COUNT="5")[0] == 5


def test_restarts_by_slurm_itself_count_as_well(train):
    for life in range(2):
        train.result(FAKE_CODE="0", SLURM_RESTART_COUNT=str(life))  # the node was lost: the script's end was never reached
    assert train.result(FAKE_CODE="5", SLURM_RESTART_COUNT="2")[0] == 5


def test_a_job_that_is_submitted_anew_begins_anew(train):
    train.result(FAKE_CODE="5")
    train.result(FAKE_CODE="5", SLURM_RESTART_COUNT="1")
    assert train.result(FAKE_CODE="5")[0] == 75


def test_a_stop_that_gains_nothing_three_times_does_not_ask_to_be_submitted_again(train):
    codes = [train.result(FAKE_CODE="75", SLURM_RESTART_COUNT=str(life))[0] for life in range(3)]
    assert codes == [75, 75, 1]


@pytest.mark.parametrize("state", ["COMPLETING", "CANCELLED", ""])
def test_what_a_user_cancelled_does_not_come_again(train, state):
    train.slurm.answers("squeue", out=f"{state}\n" if state else "")
    code, output = train.result(FAKE_CODE="75", FAKE_STEP="3")
    assert code == 75 and not train.requeues() and f"Slurm has it as {state or 'ended'}" in output


def test_where_slurm_does_not_answer_the_requeue_is_tried(train):
    train.slurm.answers("squeue", code=1)
    train.result(FAKE_CODE="75", FAKE_STEP="3")
    assert train.requeues()


def test_a_requeue_that_fails_says_how_to_go_on(train):
    train.slurm.answers("scontrol", code=1, to="requeue")
    code, output = train.result(FAKE_CODE="75", FAKE_STEP="3")
    assert code == 75 and "submit it again, it goes on from step 3" in output


def test_the_end_of_the_job_is_asked_for_once_and_passed_on(train):
    train.slurm.answers("squeue", out="2031-05-06T07:08:09\n", to="%e")
    train.result(FAKE_CODE="0")
    local = int(datetime.datetime(2031, 5, 6, 7, 8, 9).timestamp())
    assert train.slurm.lines("environment") == [f"SLURM_JOB_END_TIME={local}"]
    assert [words for words in train.slurm.asked("squeue") if "%e" in words] == [["-h", "-j", "7", "-o", "%e"]]


@pytest.mark.parametrize("end", ["", "N/A\n", "Unknown\n", "NONE\n"])
def test_an_end_that_is_none_is_left_out(train, end):
    train.slurm.answers("squeue", out=end, to="%e")
    assert train.result(FAKE_CODE="0")[0] == 0 and train.slurm.lines("environment") == []


def test_an_end_that_slurm_has_told_is_not_asked_for(train):
    train.result(FAKE_CODE="0", SLURM_JOB_END_TIME="1950000000")
    assert train.slurm.lines("environment") == ["SLURM_JOB_END_TIME=1950000000"]
    assert not [words for words in train.slurm.asked("squeue") if "%e" in words]


def test_with_gpus_nccl_warns_into_a_file_of_each_process_and_empty_ones_go(train):
    (train.run / "nccl").mkdir(parents=True)
    (train.run / "nccl/n1-1.log").touch()
    (train.run / "nccl/n1-2.log").write_text("a warning")
    train.result(FAKE_CODE="0", SLURM_GPUS_ON_NODE="4")
    assert train.slurm.lines("environment") == ["NCCL_DEBUG=WARN", f"NCCL_DEBUG_FILE={train.run}/nccl/%h-%p.log"]
    assert [path.name for path in (train.run / "nccl").iterdir()] == ["n1-2.log"]


def test_mpirun_takes_the_place_of_srun(train):
    code, output = train.result(train.config, train.run, script=train.edited(launcher="mpirun", launcher_options="(--mca btl tcp,self)"), FAKE_CODE="0",
                                SLURM_CPUS_PER_TASK="3")
    assert code == 0 and train.slurm.lines("mpirun.lines")[-1].startswith("--bind-to none --mca btl tcp,self catamaran train "), output


def test_a_container_is_one_for_the_nodes_test_too(train):
    script = train.edited(container_options="(--container-image='/i m.sqsh')")
    train.result(train.config, train.run, script=script, FAKE_CODE="0")
    test, step = train.slurm.lines("srun.lines")
    assert "--container-image=/i m.sqsh catamaran doctor" in test and "--label --container-image=/i m.sqsh catamaran train" in step


def test_a_task_on_each_node_tests_it_first(train):
    train.result(FAKE_CODE="0", SLURM_CPUS_PER_TASK="3")
    assert train.slurm.lines("srun.lines")[0] == ("--mpi=pmix --kill-on-bad-exit=0 --nodes=2 --ntasks=2 --ntasks-per-node=1 --cpus-per-task=3 "
                                                  "catamaran doctor --json --quick")
    assert not train.bad_nodes.exists()
    train.result(train.config, train.run, script=train.edited(launcher="mpirun"), FAKE_CODE="0")
    assert train.slurm.lines("mpirun.lines")[0] == "--map-by ppr:1:node --bind-to none catamaran doctor --json --quick"


def test_an_unfit_node_is_named_and_the_job_goes_elsewhere(train):
    train.slurm.answers("sbatch", out="8\n")
    script = train.edited(script="$0")
    found = train.doctor_finds(("warn", "clock", ["n1"], "it is late"), ("fail", "gpu-memory", ["n2.cluster"], 'GPU 3: 2 \\"rows\\" are damaged'),
                               ("fail", "deadline", ["n1"], "not done within 55 s"), ("ok", "open-files", ["n1", "n2"], "enough"))
    code, output = train.result(train.config, train.run, script=script, FAKE_CODE="0", **found)
    assert code == 75 and train.slurm.asked("sbatch") == [["--parsable", "--exclude=n2", str(script)]], output
    (line,) = train.bad_nodes.read_text().splitlines()
    assert re.fullmatch(r"n2 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ job 7: GPU 3: 2 .*rows.* are damaged", line), line
    assert not train.slurm.lines("arguments"), "the ranks must not have been started"
    assert "bad node n2 " in output


def test_by_hand_there_is_no_script_that_could_be_submitted_as_it_is(train):
    code, output = train.result(FAKE_CODE="0", **train.doctor_finds(("fail", "silent-rank", ["n1"], "no answer within 20 s")))
    assert code == 75 and re.match(r"n1 \S+Z job 7: no answer within 20 s\n", train.bad_nodes.read_text()), output
    assert train.requeues() == [["requeue", "7"]]


def test_the_only_node_of_a_job_is_unfit_by_itself(train):
    code, _ = train.result(FAKE_CODE="0", SLURM_JOB_NUM_NODES="1", **train.doctor_finds(("fail", "gpus", ["n1"], "the driver fails")))
    assert code == 75 and train.bad_nodes.read_text().startswith("n1 ")


@pytest.mark.parametrize("findings", [[("fail", "limits", ["n1", "n2"], "no memory may be locked")], [("fail", "launcher", ["n1"], "srun has no PMIx")],
                                      [("fail", "gpus", ["n1"], "the driver fails"), ("fail", "file-rename", ["n2"], "it is not atomic")]])
def test_trouble_of_all_nodes_ends_the_job_and_blames_none(train, findings):
    code, output = train.result(FAKE_CODE="0", **train.doctor_finds(*findings))
    assert code == 2 and not train.bad_nodes.exists() and not train.requeues() and not train.slurm.lines("arguments")
    assert findings[0][3] in output and "node_check = false" in output


@pytest.mark.parametrize("trouble", [{"FAKE_SRUN_FAILS": "1"}, {"FAKE_DOCTOR_CODE": "2"}, {"FAKE_DOCTOR_CODE": "139"}])
def test_a_test_that_cannot_be_made_keeps_nobody_from_training(train, trouble):
    code, output = train.result(FAKE_CODE="0", **trouble)
    assert code == 0 and train.slurm.lines("arguments") and not train.bad_nodes.exists() and "could not be tested" in output, output


def test_the_test_of_nodes_can_be_left_out(train):
    train.result(train.config, train.run, script=train.edited(node_check="no"), FAKE_CODE="0", FAKE_DOCTOR_CODE="2")
    assert len(train.slurm.lines("srun.lines")) == 1


def test_a_signal_while_nodes_are_tested_begins_no_training(train):
    (train.slurm.bin / "timeout").write_text('#!/bin/bash\ntouch "$HERE_TIMEOUT"\nsleep 1\nexit 1\n')
    (train.slurm.bin / "timeout").chmod(0o755)
    testing = train.folder / "testing"
    job = train.start(HERE_TIMEOUT=str(testing))
    wait_for(testing)
    job.send_signal(signal.SIGUSR1)
    code, output = train.ended(job)
    assert code == 75 and not train.slurm.lines("arguments") and train.requeues(), output


def test_arguments_that_are_missing_are_said(train):
    for name in ("train", "sweep", "eval"):
        done = subprocess.run(["bash", str(ROOT / f"slurm/{name}.sbatch")], capture_output=True, text=True)
        assert done.returncode != 0 and "usage: sbatch" in done.stderr
    assert train.result(SLURM_JOB_ID="")[0] == 2


def sweep(folder):
    script = Script(folder, "sweep")
    script.config.rename(folder / "sweep.toml")
    script.config = folder / "sweep.toml"
    return script


def test_a_task_of_a_sweep_trains_its_point(tmp_path):
    script = sweep(tmp_path)
    copy = script.edited(first="1000", folders=f"([1003]='{script.run}')", arguments="(--set 'run.seed=2')")
    code, output = script.result(script.config, script=copy, FAKE_CODE="0", SLURM_ARRAY_JOB_ID="5", SLURM_ARRAY_TASK_ID="3")
    assert code == 0, output
    assert script.slurm.lines("arguments") == ["sweep", "train", str(script.config), "--index", "1003", "--set", "run.seed=2"]
    assert (script.run / "restarts.txt").exists() and "JOB 5_3 nodes" in output


def test_a_sweep_that_was_edited_or_lacks_the_point_is_refused(tmp_path):
    script = sweep(tmp_path)
    task = {"SLURM_ARRAY_JOB_ID": "5", "SLURM_ARRAY_TASK_ID": "3"}
    code, output = script.result(script.config, script=script.edited(folders=f"([3]='{script.run}')", sweep_hash="0123456789ab"), **task)
    assert code == 2 and "was changed since it was submitted" in output
    code, output = script.result(script.config, script=script.edited(folders=f"([4]='{script.run}')"), **task)
    assert code == 2 and "point 3 has no folder" in output


def test_an_evaluation_writes_its_result_and_begins_again_three_times_at_most(tmp_path):
    script = Script(tmp_path, "eval")
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "pack.json").write_text("{}")
    words = (script.run, pack, tmp_path / "result.json", "--protocol", "all")
    code, output = script.result(*words, FAKE_CODE="0")
    assert code == 0, output
    assert script.slurm.lines("arguments") == ["eval", "--checkpoint", str(script.run), "--data", str(pack), "--out", str(tmp_path / "result.json"), "--protocol", "all"]
    codes = [script.result(*words, FAKE_CODE="5", SLURM_RESTART_COUNT=str(life))[0] for life in range(3)]
    assert codes == [75, 75, 5]


@pytest.mark.parametrize("name", ["train", "sweep", "eval"])
def test_a_script_is_one_screen_and_names_no_site(name):
    text = (ROOT / f"slurm/{name}.sbatch").read_text()
    assert text.count("\n") <= 40 and max(map(len, text.splitlines())) <= 140
    assert not re.search(r"NCCL_|module load|--partition|--account", text)
