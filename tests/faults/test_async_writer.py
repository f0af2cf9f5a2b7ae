"""Row 19: values that change while the writer of checkpoints still writes, as storage is slow."""
import re
import time
import urllib.request

from jobs import ended, require_all_is_well, steps_done, train_words
from runs import catamaran, started

LAST = 12
KEPT = ["checkpoint.keep=100", f"schedule.max_steps={LAST}", "evaluate.every_epochs=0"]


def temporaries(run):
    return sorted(path.name for path in run.glob("checkpoints/.step-*.tmp.*"))


def count_of_stalls(run):
    """Checkpoints that the step loop handed over so far; None where the page is not there."""
    try:
        page = urllib.request.urlopen((run / "metrics-address.txt").read_text().strip(), timeout=5).read().decode()
    except OSError:
        return None
    return int(float(re.search(r"^catamaran_checkpoint_stall_duration_seconds_count (\S+)", page, re.MULTILINE).group(1)))


def watched(run, job):
    """What was seen again and again until the job ended: the step being written, steps done at that time; and most files in flight."""
    seen, most, stalls = set(), 0, 0
    while job.poll() is None:
        before = temporaries(run)
        steps = steps_done(run)
        if before and temporaries(run) == before:  # so it was being written when the steps were counted
            seen.add((int(before[0].split(".")[1].removeprefix("step-")), steps))
        most, stalls = max(most, len(before)), max(stalls, count_of_stalls(run) or 0)
        time.sleep(0.02)
    return seen, most, stalls


def test_row_19_a_checkpoint_holds_the_values_of_its_step_however_long_its_writing_takes(config, tmp_path, preload, monkeypatch, record):
    run, quick = tmp_path / "run", tmp_path / "quick"
    catamaran(*train_words(config, quick, *KEPT), ranks=2)
    preload("failing_storage", FAULT_PATH="/checkpoints/", FAULT_CALLS="fsync", FAULT_ERRNO=0, FAULT_SECONDS=0.5)
    with started(*train_words(config, run, *KEPT), ranks=2) as job:
        seen, most, stalls = watched(run, job)
        output, _ = ended(job, 120)
    monkeypatch.delenv("LD_PRELOAD")
    assert job.returncode == 0, output
    assert most == 1, "one in flight at most"
    assert any(steps > step for step, steps in seen), ("steps go on while one is written", seen)
    assert all(steps <= step + 3 for step, steps in seen), ("the next checkpoint waits for the one before", seen)
    for step in range(3, LAST + 1, 3):
        for name in ("model.safetensors", "optimizer.safetensors"):
            file = f"checkpoints/step-{step:08d}/{name}"
            assert (run / file).read_bytes() == (quick / file).read_bytes(), file
    assert 1 <= stalls <= LAST // 3
    require_all_is_well(run)
    record(19, "values change under the async writer", "LD_PRELOAD: each fsync below checkpoints/ takes 0.5 s, steps go on",
           "each checkpoint is that of a run with quick storage, bit by bit; one in flight, the next waits, which the stall metric counts")
