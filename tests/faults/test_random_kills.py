"""Row 18: a run that is killed again and again, at random moments, ends with the weights of a run that nothing happened to.

CATAMARAN_KILLS: how many kills (20). CATAMARAN_SEED: of their moments; it is printed, so that they can be repeated.
"""
import os
import random
import signal
import subprocess
import time

from jobs import MPIRUN, latest, processes_of, program, require_all_is_well, train_words, weights_of
from runs import catamaran, ranks_of, running, wait_for

KILLS = int(os.environ.get("CATAMARAN_KILLS", 20))
SEED = int(os.environ.get("CATAMARAN_SEED", time.time_ns() % 1_000_000))
LENGTH = "schedule.max_steps=30"


def kill(process):
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass


def killed_before_its_end(words, moment, whom):
    """Starts the job and kills after so many seconds: mpirun, a rank, or all at once. False: it had ended well before."""
    with running(words) as job:
        try:
            output, _ = job.communicate(timeout=moment)
            assert job.returncode == 0, output
            return False
        except subprocess.TimeoutExpired:
            ranks = ranks_of(job)
        victims = {"mpirun": [job.pid], "rank": list(ranks.values())[-1:], "all": [*ranks.values(), job.pid]}[whom]
        for process in victims or [job.pid]:
            kill(process)
        job.communicate(timeout=120)
    return True


def test_row_18_weights_are_those_of_the_undisturbed_run_however_often_it_is_killed(config, tmp_path, record):
    draw, references, longest = random.Random(SEED), {}, {}
    print(f"CATAMARAN_SEED={SEED}")
    for ranks in (1, 2):
        references[ranks] = tmp_path / f"undisturbed-{ranks}"
        begin = time.monotonic()
        catamaran(*train_words(config, references[ranks], LENGTH), ranks=ranks)
        longest[ranks] = time.monotonic() - begin
    kills, runs, recoveries = 0, 0, []
    while kills < KILLS:
        ranks, run = draw.choice([1, 2]), tmp_path / f"run-{runs}"
        words, kills_before = [*MPIRUN, "-n", ranks, *program(*train_words(config, run, LENGTH))], kills
        runs += 1
        while True:
            moment = draw.uniform(0, longest[ranks]) if kills < KILLS else 600
            begin = time.monotonic()
            if not killed_before_its_end(words, moment, draw.choice(["all", "mpirun", "rank"])):
                recoveries.append(time.monotonic() - begin)
                break
            kills += 1
        wait_for("the end of all processes", lambda: not processes_of(run), 10)
        assert latest(run) == "step-00000030"
        assert weights_of(run) == weights_of(references[ranks]), f"run {runs} on {ranks} rank(s) after {kills - kills_before} kills, CATAMARAN_SEED={SEED}"
        assert not list(run.rglob(".*.tmp.*"))
        require_all_is_well(run)
    record(18, "killed at random moments", f"{kills} times kill -9 of all, of mpirun or of a rank, {runs} runs on 1 and 2 ranks, seed {SEED}",
           f"{kills} of {kills}: weights and optimizer state of the undisturbed run, bit by bit (recovery: the last start to the end, at most)",
           None, round(max(recoveries), 2))
