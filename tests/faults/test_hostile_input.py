"""Rows 29 to 32: configurations, checkpoints and packs that are broken or made to do harm, as a job of two ranks meets them."""
import re
import shutil
import struct
import time

import h5py
import numpy as np
import pytest
from jobs import ended, errors_in, latest, one_message, require_all_is_well, steps_done, train_words
from runs import catamaran, changed, newest_weights, started
from test_hostile_files import (HOSTILE_FILES, HOSTILE_NAMES, SHARD, change_manifest, chunked, compressed, deep_json, descending_offsets, escaping_shard,
                                external_id, external_link, external_storage, id_of_four_thousand_million, more_images_than_can_be_counted,
                                offsets_past_the_end, set_bytes, virtual_id, wide_label)


def refused(arguments, code, seconds=30, ranks=2):
    begin = time.monotonic()
    with started(*arguments, ranks=ranks) as job:
        output, _ = ended(job, seconds)
    assert job.returncode == code, output
    return output, round(time.monotonic() - begin, 2)


BROKEN = {"unknown key": ("[batch]\nglobl = 3\n", "did you mean 'batch.global'"), "type": ('[batch]\nper_device = "x"\n', "whole number"),
          "range": ("[schedule]\nepochs = -1\n", "schedule.epochs"), "choice": ('[optimizer]\nname = "adam"\n', "did you mean 'adamw'"),
          "heads": ("[model.attention]\nheads = 5\n", "heads do not divide"), "port": ("[monitoring]\nport = 70000\n", "monitoring.port"),
          "address": ('[monitoring]\naddress = "here"\n', "monitoring.address"), "time-out": ("[comm]\ntimeout_seconds = 0\n", "comm.timeout_seconds"),
          "list": ('[model.input]\nstd = [0, 0, 0]\n', "model.input.std"), "syntax": ("[batch\nglobal = 1\n", "not valid TOML"),
          "twice": ("[batch]\nglobal = 1\nglobal = 2\n", "not valid TOML"), "extends itself": ('extends = "c.toml"\n', "extends itself")}


def test_row_29_twelve_broken_configurations_are_refused_by_every_rank_before_mpi(tmp_path, record):
    longest = 0
    for name, (text, says) in BROKEN.items():
        (tmp_path / "c.toml").write_text(text)
        ranks = 2 if name in ("unknown key", "syntax") else 0
        output, seconds = refused(["train", "--config", tmp_path / "c.toml", "--run-dir", tmp_path / "run"], 2, ranks=ranks)
        assert says in output and str(tmp_path / "c.toml") in output, (name, output)
        longest = max(longest, seconds)
    assert not (tmp_path / "run").exists()
    record(29, "broken configuration", ", ".join(BROKEN), "exit 2 with file and line, before MPI starts (the longest; two of them on 2 ranks with mpirun)",
           longest)


def test_row_29_all_mistakes_are_told_at_once_in_less_than_a_second(tmp_path, record):
    names = ["unknown key", "range", "choice", "heads", "port", "address", "time-out", "list"]
    tables = {"[data]": 'train = "somewhere"\n'}
    for line in (BROKEN[name][0] for name in names):
        table, mistake = line.split("\n", 1)
        tables[table] = tables.get(table, "") + mistake
    (tmp_path / "c.toml").write_text("".join(f"{table}\n{mistakes}" for table, mistakes in tables.items()))
    begin = time.monotonic()
    catamaran("config", "keys")  # the program's files are in memory now
    start = time.monotonic() - begin
    output, seconds = refused(["train", "--config", tmp_path / "c.toml", "--run-dir", tmp_path / "run"], 2, ranks=0)
    assert f"{len(names)} mistakes" in output and all(BROKEN[name][1] in output for name in names), output
    assert seconds < max(1, 3 * start), (seconds, start)
    record(29, "broken configuration", f"{len(names)} mistakes in one file", "all in one message, exit 2", seconds)


def header(text, data=b"\0" * 16):
    return struct.pack("<Q", len(text)) + text + data


HOSTILE = {"empty": b"", "length 2^63": struct.pack("<Q", 2**63) + b"{}", "not json": header(b"{{{{"), "deep": header(b'{"w":' + b"[" * 100_000),
           "overlap": header(b'{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"v":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}'),
           "huge shape": header(b'{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16]}}')}


@pytest.fixture(scope="module")
def finished(packs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    (folder / "config.toml").write_text(f'[data]\ntrain = "{packs}/pack-train"\neval = "{packs}/pack-test"\n[batch]\nglobal = 16\nper_device = 16\n')
    catamaran(*train_words(folder / "config.toml", folder / "run", "schedule.max_steps=6"), ranks=2)
    return folder


@pytest.mark.parametrize("name", HOSTILE)
def test_row_30_a_hostile_safetensors_file_is_refused_as_weights_and_passed_over_as_checkpoint(finished, tmp_path, record, name):
    (tmp_path / "w.safetensors").write_bytes(HOSTILE[name])
    output, seconds = refused(train_words(finished / "config.toml", tmp_path / "new", f"weights.init={tmp_path}/w.safetensors"), 4)
    one_message(output, r"w\.safetensors")
    assert not (tmp_path / "new").exists()
    shutil.copytree(finished / "run", tmp_path / "run")
    (tmp_path / "run/checkpoints" / latest(tmp_path / "run") / "optimizer.safetensors").write_bytes(HOSTILE[name])
    done = catamaran(*train_words(finished / "config.toml", tmp_path / "run", "schedule.max_steps=9"), ranks=2)
    assert "the file is damaged: its checksum is not the one in state.json" in done.stderr and "trying an older checkpoint" in done.stderr
    assert steps_done(tmp_path / "run") == 9
    require_all_is_well(tmp_path / "run")
    record(30, "hostile safetensors", name,
           "as weights.init: exit 4, the file named; as newest checkpoint: told, the one before is taken (time of the refusal with the start)", seconds)


def test_row_30_every_header_that_breaks_a_rule_of_the_format_is_refused_as_weights(finished, tmp_path, record):
    """One rank: each of them alone, and as two ranks meet them above. What they may cost: tests/integration/test_hostile_files.py."""
    longest = 0
    for name, content in zip(HOSTILE_NAMES, HOSTILE_FILES, strict=True):
        (tmp_path / "w.safetensors").write_bytes(content)
        output, seconds = refused(train_words(finished / "config.toml", tmp_path / "new", f"weights.init={tmp_path}/w.safetensors"), 4, ranks=0)
        one_message(output, r"w\.safetensors")
        longest = max(longest, seconds)
        assert not (tmp_path / "new").exists(), name
    record(30, "hostile safetensors", ", ".join(name.replace("_", " ") for name in HOSTILE_NAMES),
           "as weights.init: exit 4, the file named (the longest, with the start)", longest)


def without_a_tensor(tensors, metadata):
    del tensors["backbone.conv1.weight"]


def with_another_shape(tensors, metadata):
    tensors["backbone.conv1.weight"] = np.zeros((3, 3), dtype=np.float32)


@pytest.mark.parametrize("change", [without_a_tensor, with_another_shape], ids=lambda change: change.__name__)
def test_row_30_weights_of_another_form_name_the_tensor(finished, tmp_path, record, change):
    changed(newest_weights(finished / "run"), tmp_path / "w.safetensors", change)
    output, seconds = refused(train_words(finished / "config.toml", tmp_path / "new", f"weights.init={tmp_path}/w.safetensors"), 4)
    one_message(output, r"w\.safetensors: the file does not cover the model:$")
    assert re.search(r"^  .*conv1\.weight", output, re.MULTILINE), output  # a line below for each tensor
    assert not (tmp_path / "new").exists()
    record(30, "hostile safetensors", change.__name__.replace("_", " "), "as weights.init: exit 4, the tensor named (time with the start)", seconds)


def soft_link(pack):
    with h5py.File(pack / SHARD, "r+") as shard:
        shard.move("label", "elsewhere")
        shard["label"] = h5py.SoftLink("/elsewhere")
    set_bytes(pack)


def variable_length(pack):
    with h5py.File(pack / SHARD, "r+") as shard:
        rows = shard["label"][:]
        del shard["label"]
        made = shard.create_dataset("label", shape=(len(rows),), dtype=h5py.vlen_dtype(np.int8))
        for row, values in enumerate(rows):
            made[row] = values
    set_bytes(pack)


def label_of_2_60(pack):
    """Never written, so it takes no room in the file."""
    with h5py.File(pack / SHARD, "r+") as shard:
        del shard["label"]
        shard.create_dataset("label", shape=(2**28, 2**32), dtype=np.int8, chunks=(1024, 1024))
    set_bytes(pack)


@pytest.mark.parametrize("damage", [chunked, compressed, variable_length, soft_link, external_link, external_storage, external_id, virtual_id,
                                    offsets_past_the_end, descending_offsets, wide_label, label_of_2_60, id_of_four_thousand_million,
                                    more_images_than_can_be_counted],
                         ids=lambda damage: damage.__name__)
def test_row_31_a_hostile_pack_is_refused_before_step_0(finished, packs, tmp_path, record, damage):
    shutil.copytree(packs / "pack-test", tmp_path / "pack")
    damage(tmp_path / "pack")
    output, seconds = refused(train_words(finished / "config.toml", tmp_path / "run", f"data.eval={tmp_path}/pack"), 3)
    one_message(output, re.escape(f"{tmp_path}/pack"))
    assert not (tmp_path / "run").exists()
    limits = ["prlimit", "--cpu=20", "--data=2000000000"]  # what a user may set for a pack of unknown origin
    assert catamaran("check", tmp_path / "pack", check=False, under=limits).returncode == 3
    record(31, "hostile HDF5 pack", damage.__name__.replace("_", " "),
           "exit 3 before step 0, pack and data set named, also by check with 2 GB (time with the start)", seconds)


def test_row_31_a_group_that_holds_itself_is_no_way_round_in_circles(finished, packs, tmp_path, record):
    shutil.copytree(packs / "pack-test", tmp_path / "pack")
    with h5py.File(tmp_path / "pack" / SHARD, "r+") as shard:
        shard["jpeg/again"] = shard["/jpeg"]
    set_bytes(tmp_path / "pack")
    done = catamaran("check", tmp_path / "pack", check=False, timeout=60)
    assert done.returncode in (0, 3) and "terminate" not in done.stderr, done.stderr
    done = catamaran(*train_words(finished / "config.toml", tmp_path / "run", f"data.eval={tmp_path}/pack", "schedule.max_steps=3"), ranks=2, check=False,
                     timeout=60)
    assert done.returncode in (0, 3) and done.stderr.count("error:") <= 1, done.stderr
    record(31, "hostile HDF5 pack", "a group that holds itself", "data sets are opened by name, so nobody walks round it")


def key_twice(pack):
    (pack / "pack.json").write_text('{"split": "other", ' + (pack / "pack.json").read_text().lstrip().removeprefix("{"))


def absolute_shard(pack):
    change_manifest(pack, lambda m: m["shards"][0].update(file=f"{pack}/{SHARD}"))


def class_with_nul(pack):
    change_manifest(pack, lambda m: m["classes"].__setitem__(0, "top\0left"))


def not_a_number(pack):
    (pack / "pack.json").write_text((pack / "pack.json").read_text().replace('"split"', '"NaN": NaN, "split"', 1))


def hundred_megabytes(pack):
    (pack / "pack.json").write_text('{"a": "' + "x" * 100_000_000 + '"}')


@pytest.mark.parametrize("damage", [deep_json, escaping_shard, absolute_shard, key_twice, class_with_nul, not_a_number, hundred_megabytes],
                         ids=lambda damage: damage.__name__)
def test_row_32_a_hostile_pack_description_is_refused(finished, packs, tmp_path, record, damage):
    (tmp_path / "packs").mkdir()
    shutil.copytree(packs / "pack-test", tmp_path / "packs/pack")
    damage(tmp_path / "packs/pack")
    output, seconds = refused(train_words(finished / "config.toml", tmp_path / "run", f"data.eval={tmp_path}/packs/pack"), 3)
    one_message(output, re.escape(f"{tmp_path}/packs/pack"))
    record(32, "hostile pack.json", damage.__name__.replace("_", " "), "exit 3, file named (time with the start)", seconds)


LATEST = {"a path out": "../../../other/checkpoints/step-00000006\n", "an absolute path": "/etc/passwd\n",
          "long": "step-" + "0" * 1_000_000, "NUL": "step-\0\n"}


@pytest.mark.parametrize("name", LATEST)
def test_row_32_a_hostile_latest_is_no_way_out_of_the_run_directory(finished, tmp_path, record, name):
    run = tmp_path / "run"
    shutil.copytree(finished / "run", run)
    (run / "checkpoints/latest").write_text(LATEST[name])
    done = catamaran(*train_words(finished / "config.toml", run, "schedule.max_steps=9"), ranks=2)
    assert steps_done(run) == 9 and not errors_in(done.stderr)
    require_all_is_well(run)
    record(32, "hostile latest", name, "the newest complete checkpoint is taken")


STATES = {"a key twice": '{"format_version": 1, "format_version": 1}', "depth": "[" * 100_000, "NaN": '{"format_version": 1, "step": NaN}',
          "1e400": '{"format_version": 1e400}',
          "100 MB": '{"a": "' + "x" * 100_000_000 + '"}', "no file": None}


@pytest.mark.parametrize("name", STATES)
def test_row_32_a_hostile_state_is_told_and_the_checkpoint_before_is_taken(finished, tmp_path, record, name):
    run = tmp_path / "run"
    shutil.copytree(finished / "run", run)
    state = run / "checkpoints/step-00000006/state.json"
    if STATES[name] is None:
        state.unlink()
    else:
        state.write_text(STATES[name])
    done = catamaran(*train_words(finished / "config.toml", run, "schedule.max_steps=9"), ranks=2)
    assert re.search(r"warning: .*step-00000006/state.json.*; trying an older checkpoint", done.stderr), done.stderr
    assert steps_done(run) == 9 and len(done.stderr) < 20_000
    require_all_is_well(run)
    record(32, "hostile state.json", name, "told, the checkpoint before is taken")
