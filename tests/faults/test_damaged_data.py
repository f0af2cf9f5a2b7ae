"""Rows 5 and 11 to 15: packs that are damaged before or while a job reads them, and reads that stall."""
import re
import shutil
import time

import numpy as np
import pytest
from jobs import HOST, ended, one_message, require_all_is_well, steps_done, train_words, wait_for_steps
from PIL import Image
from runs import catamaran, metrics, started
from test_bad_samples import SHARD, damaged
from test_hostile_files import descending_offsets, label_of_five


def refused(config, run, code, *pairs):
    """The job of two ranks that ends with this code, and the seconds it took."""
    begin = time.monotonic()
    with started(*train_words(config, run, *pairs), ranks=2) as job:
        output, _ = ended(job, 90)
    assert job.returncode == code, output
    require_all_is_well(run, checkpoint=False)
    return output, round(time.monotonic() - begin, 2)


def cut_by_a_page(shard):
    shard.write_bytes(shard.read_bytes()[:-4096])


def cut_to_nothing(shard):
    shard.write_bytes(b"")


def cut_in_the_superblock(shard):
    shard.write_bytes(shard.read_bytes()[:40])


def deleted(shard):
    shard.unlink()


@pytest.mark.parametrize("damage", [cut_by_a_page, cut_to_nothing, cut_in_the_superblock, deleted], ids=lambda damage: damage.__name__)
def test_row_11_a_truncated_shard_is_refused_before_step_0(config, packs, tmp_path, record, damage):
    shutil.copytree(packs / "pack-train", tmp_path / "pack")
    damage(tmp_path / "pack" / SHARD)
    output, seconds = refused(config, tmp_path / "run", 3, f"data.train={tmp_path}/pack")
    one_message(output, rf"{tmp_path}/pack/?.*{SHARD}")
    assert not (tmp_path / "run").exists()
    record(11, "truncated or missing shard", damage.__name__.replace("_", " "), "exit 3 before step 0, one message with the shard (time with the start)",
           seconds)


def test_row_12_a_bit_flipped_in_an_image_is_skipped_and_counted_and_many_stop_the_job(config, packs, tmp_path, record):
    name, = damaged(packs, tmp_path / "one", [5])
    done = catamaran(*train_words(config, tmp_path / "run", f"data.train={tmp_path}/one", "schedule.max_steps=6"), ranks=2)
    assert f"'{name}'" in done.stderr and "damaged (checksum)" in done.stderr and len(metrics(tmp_path / "run")) == 6
    require_all_is_well(tmp_path / "run")
    damaged(packs, tmp_path / "many", [1, 2, 3, 50])
    output, seconds = refused(config, tmp_path / "other", 3, f"data.train={tmp_path}/many")
    one_message(output, "images of epoch 0 could not be read or decoded")
    record(12, "bit flip in an image", "one byte of one JPEG; of four of 96",
           "one: another image takes its place and its name is logged; four: exit 3 (time with the start)", seconds)


@pytest.mark.parametrize("damage", [label_of_five, descending_offsets], ids=lambda damage: damage.__name__)
def test_row_12_damaged_labels_and_offsets_are_always_refused(config, packs, tmp_path, record, damage):
    shutil.copytree(packs / "pack-train", tmp_path / "pack")
    damage(tmp_path / "pack")
    output, seconds = refused(config, tmp_path / "run", 3, f"data.train={tmp_path}/pack")
    one_message(output, str(tmp_path / "pack"))
    record(12, "damaged labels or offsets", damage.__name__.replace("_", " "), "exit 3 before step 0 (time with the start)", seconds)


def hostile_pictures(folder):
    random = np.random.default_rng(3)
    good = Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    good.save(folder / "good.jpg", quality=90)
    whole = (folder / "good.jpg").read_bytes()
    frame = whole.index(b"\xff\xc0")
    (folder / "truncated.jpg").write_bytes(whole[:len(whole) // 2])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "twelve_bit.jpg").write_bytes(whole[:frame + 4] + b"\x0c" + whole[frame + 5:])
    (folder / "bomb.jpg").write_bytes(whole[:frame + 5] + b"\xff\xdc\xff\xdc" + whole[frame + 9:])  # 65500 x 65500
    (folder / "zero.jpg").write_bytes(whole[:frame + 5] + b"\0\0\0\0" + whole[frame + 9:])
    good.save(folder / "really.png")
    (folder / "png.jpg").write_bytes((folder / "really.png").read_bytes())
    return ["truncated", "empty", "twelve_bit", "bomb", "zero", "png"]


def test_row_13_a_corrupt_jpeg_is_refused_by_name_and_never_a_crash(tmp_path, record):
    for name in hostile_pictures(tmp_path):
        (tmp_path / "m.jsonl").write_text(f'{{"image": "{name}.jpg", "labels": ["a"]}}\n')
        done = catamaran("pack", "manifest", "--images", tmp_path, "--manifest", tmp_path / "m.jsonl", "--out", tmp_path / f"pack-{name}", check=False)
        assert done.returncode == 3, (name, done.stderr)
        assert f"{name}.jpg" in done.stderr and done.stderr.count("error:") == 1, done.stderr
        assert not (tmp_path / f"pack-{name}").exists()
    record(13, "corrupt JPEG", "truncated, empty, 12 bits, 65500 x 65500, 0 x 0, a PNG", "never a crash; refused by name when packed, exit 3, no pack left")


def test_row_14_a_shard_that_shrinks_while_it_is_read_is_an_error_and_no_bus_error(config, packs, tmp_path, record):
    shutil.copytree(packs / "pack-train", tmp_path / "pack")
    run = tmp_path / "run"
    with started(*train_words(config, run, f"data.train={tmp_path}/pack", "data.prefetch_batches=1"), ranks=2) as job:
        wait_for_steps(run, job, 8)
        with open(tmp_path / "pack" / SHARD, "r+b") as shard:
            shard.truncate(50_000)
        output, seconds = ended(job, 30)
    assert job.returncode == 3, output
    one_message(output, re.escape(f"{tmp_path}/pack"), "could not be read or decoded|ends [0-9]+ bytes too early")  # an image's bytes, or labels
    assert re.search(rf"{SHARD} at byte [0-9]+: the file ends", output), output
    require_all_is_well(run)
    record(14, "shard shrinks while it is read", "truncate during the run", "exit 3; the short read is an error with the file, no SIGBUS", seconds)


def test_row_14_a_shard_that_is_replaced_while_it_is_read_changes_nothing(config, packs, tmp_path, record):
    shutil.copytree(packs / "pack-train", tmp_path / "pack")
    run = tmp_path / "run"
    with started(*train_words(config, run, f"data.train={tmp_path}/pack", "schedule.max_steps=40"), ranks=2) as job:
        wait_for_steps(run, job, 4)
        (tmp_path / "other").write_bytes(b"\0" * 100_000)
        (tmp_path / "other").rename(tmp_path / "pack" / SHARD)
        output, _ = ended(job, 60)
    assert job.returncode == 0 and "warning" not in output, output
    require_all_is_well(run)
    record(14, "shard replaced while it is read", "another file renamed over it", "the open file is read to the end: nothing changes")


def test_row_15_reads_that_stall_end_the_job_and_name_file_and_host(config, packs, tmp_path, preload, record):
    run = tmp_path / "run"
    preload("slow_storage", SLOW_PATH="pack-train/shard", SLOW_SECONDS=120, SLOW_RANK=1)
    output, seconds = refused(config, run, 3, "data.timeout_seconds=2", "comm.timeout_seconds=60")
    one_message(output, rf"catamaran: rank 1: error: {packs}/pack-train: host {HOST} has been reading image 'train\d+\S*' for \d+\.\d s",
                "data.timeout_seconds")
    record(15, "read stalls", "LD_PRELOAD: pread of rank 1 sleeps, data.timeout_seconds = 2",
           "exit 3; rank 1 names host, image and pack (time with the start)", seconds)


def test_row_05_an_error_of_one_rank_is_the_only_message_and_ends_the_others(config, packs, tmp_path, record):
    damaged(packs, tmp_path / "pack", [5])
    run = tmp_path / "run"
    output, seconds = refused(config, run, 3, f"data.train={tmp_path}/pack", "data.on_bad_sample=stop")
    one_message(output, r"catamaran: rank \d: error: ", r"damaged \(checksum\)")
    assert steps_done(run) <= 6
    record(5, "rank throws", "a damaged image that one rank's loader thread meets, data.on_bad_sample = stop",
           "exit 3, the original text and nothing else (time with the start)", seconds)
