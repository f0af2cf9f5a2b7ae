"""Packs and safetensors files that are damaged, or made to do harm: one sentence, the right code, nothing taken in."""
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import types

import h5py
import numpy as np
import pytest
import torch
from runs import BINARY, ROOT, SMALL, catamaran, settings
from safetensors.torch import save_file

sys.path.insert(0, str(ROOT / "scripts"))
import cat_pytorch  # noqa: E402

SHARD = "shard-00000.h5"


def change_manifest(pack, change):
    manifest = json.loads((pack / "pack.json").read_text())
    change(manifest)
    (pack / "pack.json").write_text(json.dumps(manifest))


def set_bytes(pack):
    """pack.json knows size and hash of each shard: after a change that keeps all else plausible, so must it."""
    content = (pack / SHARD).read_bytes()
    change_manifest(pack, lambda m: m["shards"][0].update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest()))


def replace(pack, name, **create):
    with h5py.File(pack / SHARD, "r+") as shard:
        data = shard[name][:]
        del shard[name]
        shard.create_dataset(name, **{"data": data, **create})
    set_bytes(pack)


def chunked(pack):
    replace(pack, "jpeg/bytes", chunks=(1024,))


def compressed(pack):
    replace(pack, "jpeg/bytes", chunks=(1024,), compression="gzip")


def wide_label(pack):
    replace(pack, "label", data=np.zeros((33, 7), dtype=np.int8))


def label_of_five(pack):
    with h5py.File(pack / SHARD, "r+") as shard:
        shard["label"][3, 1] = 5


def descending_offsets(pack):
    with h5py.File(pack / SHARD, "r+") as shard:
        offsets = shard["jpeg/offset"][:]
        offsets[4], offsets[5] = offsets[5], offsets[4]
        shard["jpeg/offset"][:] = offsets


def offsets_past_the_end(pack):
    with h5py.File(pack / SHARD, "r+") as shard:
        shard["jpeg/offset"][-1] = np.uint64(2**63)


def external_link(pack):
    other = pack.parent / "other.h5"
    with h5py.File(pack / SHARD, "r+") as shard, h5py.File(other, "w") as target:
        target["label"] = shard["label"][:]
        del shard["label"]
        shard["label"] = h5py.ExternalLink(str(other), "/label")
    set_bytes(pack)


def external_id(pack):
    other = pack.parent / "other.h5"
    with h5py.File(pack / SHARD, "r+") as shard, h5py.File(other, "w") as target:
        target["id"] = shard["id"][:]
        del shard["id"]
        shard["id"] = h5py.ExternalLink(str(other), "/id")
    set_bytes(pack)


def virtual_id(pack):
    other = pack.parent / "other.h5"
    with h5py.File(pack / SHARD, "r+") as shard, h5py.File(other, "w") as target:
        target["id"] = shard["id"][:]
        layout = h5py.VirtualLayout(shape=target["id"].shape, dtype=target["id"].dtype)
        layout[:] = h5py.VirtualSource(target["id"])
        del shard["id"]
        shard.create_virtual_dataset("id", layout)
    set_bytes(pack)


def latin1_id(pack):
    with h5py.File(pack / SHARD, "r+") as shard:
        shard["id"][3] = "café.jpg".encode("latin-1")
    set_bytes(pack)


def external_storage(pack):
    (pack.parent / "raw").write_bytes(b"x" * 4096)
    with h5py.File(pack / SHARD, "r+") as shard:
        count = shard["jpeg/bytes"].shape[0]
        del shard["jpeg/bytes"]
        shard.create_dataset("jpeg/bytes", shape=(count,), dtype="u1", external=[(str(pack.parent / "raw"), 0, count)])
    set_bytes(pack)


def external_id(pack):
    other = pack.parent / "other.h5"
    with h5py.File(pack / SHARD, "r+") as shard, h5py.File(other, "w") as target:
        target.create_dataset("id", data=[b"not of this pack"] * 33, dtype=h5py.string_dtype())
        del shard["id"]
        shard["id"] = h5py.ExternalLink(str(other), "/id")
    set_bytes(pack)


def virtual_id(pack):
    other = pack.parent / "other.h5"
    layout = h5py.VirtualLayout(shape=(33,), dtype=h5py.string_dtype())
    with h5py.File(pack / SHARD, "r+") as shard, h5py.File(other, "w") as target:
        layout[:] = h5py.VirtualSource(target.create_dataset("id", data=[b"not of this pack"] * 33, dtype=h5py.string_dtype()))
        del shard["id"]
        shard.create_virtual_dataset("id", layout)
    set_bytes(pack)


def id_of_four_thousand_million(pack):
    """Never written, so it takes no room in the file: reading it would fill 34 GB with nothing."""
    with h5py.File(pack / SHARD, "r+") as shard:
        del shard["id"]
        shard.create_dataset("id", shape=(2**32,), dtype=h5py.string_dtype())
    set_bytes(pack)


def more_images_than_can_be_counted(pack):
    # The sum wraps around to the 33 images that the pack has.
    wrapping = [2**63 - 1, 2**63 - 1, 2 + 33]
    change_manifest(pack, lambda m: m.update(shards=[{**m["shards"][0], "images": count} for count in wrapping]))


def other_classes(pack):
    change_manifest(pack, lambda m: m.update(classes=["a", "b", "c", "d"]))


def escaping_shard(pack):
    shutil.copy(pack / SHARD, pack.parent / SHARD)
    change_manifest(pack, lambda m: m["shards"][0].update(file=f"../{SHARD}"))


def no_json(pack):
    (pack / "pack.json").write_text('{"classes": [')


def deep_json(pack):
    (pack / "pack.json").write_text("[" * 100_000)


def no_hdf5(pack):
    size = (pack / SHARD).stat().st_size
    (pack / SHARD).write_bytes(b"\0" * size)


def flipped_bit(pack):
    with h5py.File(pack / SHARD) as shard:
        place = shard["jpeg/bytes"].id.get_offset() + int(shard["jpeg/offset"][7]) + 300
    content = bytearray((pack / SHARD).read_bytes())
    content[place] ^= 4
    (pack / SHARD).write_bytes(content)


def other_label(pack):
    with h5py.File(pack / SHARD, "r+") as shard:
        shard["label"][3, 1] = -shard["label"][3, 1]
    set_bytes(pack)


def other_count(pack):
    change_manifest(pack, lambda m: m["ignored"].__setitem__(2, 1))


def other_size(pack):
    with h5py.File(pack / SHARD, "r+") as shard:
        shard["size"][5] = 64, 65
    set_bytes(pack)


@pytest.mark.parametrize("damage, says", [
    (other_label, "images with class 'top right' present, the shards hold"),
    (other_count, "1 images with class 'bottom left' ignored, the shards hold 0"),
    (other_size, "'test5.jpg' is 64 x 64 pixels (height x width), '/size' says 64 x 65"),
], ids=["label", "count", "size"])
def test_the_check_counts_labels_and_measures_pictures_itself(packs, tmp_path, damage, says):
    """Every checksum is right here: what is wrong only shows to who looks at labels and pictures."""
    pack = tmp_path / "pack"
    shutil.copytree(packs / "pack-test", pack)
    assert "no problem found" in catamaran("check", pack).stdout
    damage(pack)
    done = catamaran("check", pack, check=False)
    assert done.returncode == 3, done.stderr
    assert says in done.stdout and done.stdout.count("damaged: ") == 1, done.stdout


@pytest.mark.parametrize("damage", [chunked, compressed, wide_label, label_of_five, descending_offsets, offsets_past_the_end, external_link,
                                    external_id, virtual_id, latin1_id,
                                    external_storage, other_classes, escaping_shard, no_json, deep_json, no_hdf5, flipped_bit],
                         ids=lambda damage: damage.__name__)
def test_a_damaged_pack_is_refused_with_its_place(packs, tmp_path, damage):
    pack = tmp_path / "pack"
    shutil.copytree(packs / "pack-test", pack)
    damage(pack)
    done = catamaran("check", pack, check=False)
    assert done.returncode == 3, done.stderr
    assert str(pack) in done.stderr + done.stdout
    assert "terminate" not in done.stderr and "HDF5-DIAG" not in done.stderr


@pytest.mark.parametrize("damage, says", [(external_id, "'/id' is missing or a link"), (virtual_id, "'/id' is not stored inside the file"),
                                          (id_of_four_thousand_million, "'/id' has 4294967296 texts, pack.json says 33"),
                                          (more_images_than_can_be_counted, "more images than can be counted")])
def test_a_pack_that_claims_too_much_or_leads_elsewhere_is_refused_before_anything_is_taken_in(packs, tmp_path, damage, says):
    pack = tmp_path / "pack"
    shutil.copytree(packs / "pack-test", pack)
    damage(pack)
    done = catamaran("check", pack, check=False)
    assert done.returncode == 3, done.stderr
    assert says in done.stderr


def test_training_that_may_not_skip_stops_at_a_flipped_bit_names_the_image_and_keeps_no_checkpoint(packs, config, tmp_path):
    pack = tmp_path / "pack"
    shutil.copytree(packs / "pack-test", pack)
    flipped_bit(pack)
    done = catamaran("train", "--config", config, *settings(*SMALL, f"data.train={pack}", "data.eval=", "schedule.epochs=1", "data.on_bad_sample=stop"),
                     "--run-dir", tmp_path / "run", ranks=2, check=False)
    assert done.returncode == 3, done.stderr
    with h5py.File(pack / SHARD) as shard:
        assert f"'{shard['id'][7].decode()}'" in done.stderr
    assert not list((tmp_path / "run").glob("checkpoints/step-*"))


def safetensors(header, data=b"\0" * 16, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(**changes):
    return {"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16], **changes}}


HOSTILE_FILES = [
    b"", b"\0" * 7, safetensors(tensor(), length=0), safetensors(tensor(), length=2**63), safetensors(tensor(), length=101_000_000),
    safetensors(tensor(), length=10_000), safetensors(b" " + json.dumps(tensor()).encode()), safetensors(b'{"\xff\xfe": 1}'),
    safetensors(b'{"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}'),
    safetensors(b'{"w":' + b"[" * 100_000), safetensors(tensor(data_offsets=[-16, 0])), safetensors(tensor(data_offsets=[0.0, 16.5])),
    safetensors(tensor(data_offsets=[0, 2**53 + 1])), safetensors(tensor(data_offsets=[16, 0])), safetensors(tensor(data_offsets=[0, 8])),
    safetensors(tensor(shape=[2, 3])), safetensors(tensor(shape=[2**32, 2**32])), safetensors(tensor(shape=[-2, -2])),
    safetensors(tensor(dtype="F31")), safetensors(tensor(), data=b"\0" * 17), safetensors(tensor(), data=b"\0" * 15),
    safetensors({**tensor(), "v": {"dtype": "F32", "shape": [2], "data_offsets": [8, 16]}}),
    safetensors({**tensor(), "v": {"dtype": "F32", "shape": [2], "data_offsets": [24, 32]}}, data=b"\0" * 32),
    safetensors({**tensor(), "__metadata__": {"a": 1}}), safetensors([1, 2]),
]
HOSTILE_NAMES = ["empty", "short", "length_0", "length_2_63", "length_over_limit", "length_over_file", "space_first", "not_utf8", "duplicate_key", "depth",
                 "negative_offset", "float_offset", "huge_offset", "begin_after_end", "too_few_bytes", "shape_larger", "product_overflow", "negative_shape",
                 "unknown_dtype", "trailing", "truncated", "overlap", "hole", "metadata_not_text", "not_an_object"]


@pytest.mark.parametrize("content", HOSTILE_FILES, ids=HOSTILE_NAMES)
def test_a_hostile_safetensors_file_is_refused(tmp_path, content):
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(content)
    done = catamaran("weights", "inspect", path, check=False)
    assert done.returncode == 4, (done.returncode, done.stdout, done.stderr)
    assert "hostile.safetensors" in done.stderr and "terminate" not in done.stderr


def measured(*arguments):
    """Exit code, message, seconds of computing and MiB at most of one run of the program."""
    process = subprocess.Popen([str(BINARY), *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    message = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, message, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def large_headers():
    """Headers as long as they may be, each made to take as much memory or time as it can."""
    limit = 8 << 20
    entry = '"%06x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    yield "many_tensors", safetensors(("{" + ",".join(entry % i for i in range(limit // 64)) + "}").encode(), data=b"")
    yield "one_name", safetensors(b'{"' + b"n" * (limit - 100) + b'":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', data=b"")
    yield "metadata", safetensors(('{"__metadata__":{' + ",".join(f'"{i:x}":""' for i in range(limit // 12)) + "}}").encode(), data=b"x")
    yield "depth", safetensors(b'{"w":{"shape":' + b"[" * (limit - 100), data=b"")
    yield "empty_lists", safetensors(b'{"w":' + b"[],[" * (limit // 4 - 10), data=b"")
    yield "really_100_MB", safetensors(b"{" + b" " * 100_000_100, data=b"")


@pytest.fixture(scope="module")
def usual(packs, tmp_path_factory):
    """A good file, and what the program needs for it: hostile ones may take 1 s and 64 MiB more than starting up does."""
    folder = tmp_path_factory.mktemp("usual")
    options = {**cat_pytorch.SMALL_OPTIONS}
    tensors = cat_pytorch.Cat(options, 4).state_dict()
    metadata = {"catamaran.model": json.dumps(options), "catamaran.classes": json.dumps(["a", "b", "c", "d"])}
    save_file(tensors, folder / "good.safetensors", metadata=metadata)
    code, message, seconds, mib = measured("weights", "inspect", folder / "good.safetensors")
    assert code == 0, message
    return types.SimpleNamespace(tensors=tensors, options=options, metadata=metadata, seconds=seconds, mib=mib, picture=packs / "test0.jpg")


def assert_cheap_refusal(usual, name, *arguments):
    code, message, seconds, mib = measured(*arguments)
    assert code == 4, (code, message)
    assert name in message
    assert seconds < usual.seconds + 1 and mib < usual.mib + 64, (seconds, mib, usual)


@pytest.mark.parametrize("name,content", large_headers(), ids=lambda value: value if isinstance(value, str) else "")
def test_a_header_made_to_cost_memory_or_time_is_refused_cheaply(tmp_path, usual, name, content):
    (tmp_path / "hostile.safetensors").write_bytes(content)
    assert_cheap_refusal(usual, "hostile.safetensors", "weights", "inspect", tmp_path / "hostile.safetensors")


def retyped(tensors, name, shape):
    return {**tensors, name: torch.zeros(shape)}


MODELS = {
    "missing": (lambda t: {k: v for k, v in t.items() if k != "cla4.ffn.linear1.weight"}, {}, "cla4.ffn.linear1.weight"),
    "extra": (lambda t: retyped(t, "cla4.ffn.linear9.weight", 3), {}, "cla4.ffn.linear9.weight"),
    "misshaped": (lambda t: retyped(t, "cla4.ffn.linear1.weight", (64, 33)), {}, "cla4.ffn.linear1.weight"),
    "no_tensors": (lambda t: {}, {}, "hostile.safetensors"),
    "too_wide": (lambda t: t, {"attention.dim": 16384, "attention.ffn_dim": 65536}, "hostile.safetensors"),
    "absurdly_wide": (lambda t: t, {"attention.dim": 2**45, "attention.heads": 1}, "attention.dim"),
    "deeper_backbone": (lambda t: t, {"backbone.name": "resnet101"}, "hostile.safetensors"),
    "unknown_backbone": (lambda t: t, {"backbone.name": "resnet9000"}, "backbone.name"),
    "unknown_option": (lambda t: t, {"fpn.colour": "red"}, "hostile.safetensors"),
    "mistyped_option": (lambda t: t, {"attention.heads": "four"}, "attention.heads"),
}


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_that_is_not_what_its_file_describes_is_refused_cheaply(tmp_path, usual, kind):
    change, options, name = MODELS[kind]
    metadata = {**usual.metadata, "catamaran.model": json.dumps({**usual.options, **options})}
    save_file(change(usual.tensors), tmp_path / "hostile.safetensors", metadata=metadata)
    assert_cheap_refusal(usual, name, "predict", "--checkpoint", tmp_path / "hostile.safetensors", usual.picture)


@pytest.mark.parametrize("classes", ["", "[", "{}", "[]", "[1]", '["a", ""]'])
def test_class_lists_that_are_none_are_refused(tmp_path, usual, classes):
    save_file(usual.tensors, tmp_path / "hostile.safetensors", metadata={**usual.metadata, "catamaran.classes": classes})
    assert_cheap_refusal(usual, "hostile.safetensors", "predict", "--checkpoint", tmp_path / "hostile.safetensors", usual.picture)
