"""Seeds of the fuzz targets: small valid files of each kind that the readers know.  usage: make_seeds.py OUT"""
import io
import json
import pathlib
import sys

import h5py
import numpy as np
from PIL import Image

out = pathlib.Path(sys.argv[1])


def seed(target, name, content):
    folder = out / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def jpeg(mode="RGB", size=(33, 21), **options):
    pixels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "JPEG", quality=60, **options)
    return file.getvalue()


def pack(libver, pixels=0):
    """As docs/formats.md has it; the sums of the images are wrong, which only reading an image tells."""
    classes, files = ["cat", "dog"], [jpeg(size=(9, 8)), jpeg("L", (8, 9))]
    text = h5py.string_dtype("utf-8")
    file = io.BytesIO()
    with h5py.File(file, "w", libver=libver) as shard:
        if pixels:
            shard["pixels"] = np.zeros((2, pixels, pixels, 3), np.uint8)
        else:
            shard["jpeg/bytes"] = np.frombuffer(b"".join(files), np.uint8)
            shard["jpeg/offset"] = np.cumsum([0, *map(len, files)]).astype(np.uint64)
        shard["label"] = np.array([[1, -1], [0, 1]], np.int8)
        shard["size"] = np.array([[8, 9], [9, 8]], np.int32)
        shard["checksum"] = np.zeros(2, np.uint64)
        shard.create_dataset("id", data=["a", "b"], dtype=text)
        shard.attrs.create("classes", classes, dtype=text)
    manifest = {"format_version": 2 if pixels else 1, "data_set": "d", "split": "s", "classes": classes, "positives": [1, 1], "ignored": [1, 0],
                "images": 2, "decoder": "x", "notes": [], "sources": [], "shards": [{"file": "shard-00000.h5", "bytes": 0, "images": 2, "sha256": ""}]}
    if pixels:
        manifest["pixels"] = pixels
    return json.dumps(manifest).replace('"bytes": 0', '"bytes": @').encode() + b"\0" + file.getvalue()


for name, options in {"plain": {}, "gray": {"mode": "L"}, "cmyk": {"mode": "CMYK"}, "progressive": {"progressive": True},
                      "420": {"subsampling": 2}, "444": {"subsampling": 0}, "restarts": {"restart_marker_blocks": 1},
                      "wide": {"size": (200, 9)}}.items():
    seed("jpeg", name, jpeg(**options))
seed("pack", "jpeg", pack(("v108", "v110")))
seed("pack", "pixels", pack(("v108", "v110"), pixels=4))
seed("pack", "old_structure", pack("earliest"))
seed("manifest", "jsonl", b'j{"image": "a.jpg", "labels": ["dog", "caf\\u00e9"], "ignore": ["cat"]}\n{"path": "./b.jpg", "labels": []}\n')
seed("manifest", "csv", b'cpath,labels,ignore\r\n"a, b.jpg",dog;cat,\r\n"b""\n.jpg",,"dog"\r\n')
seed("manifest", "csv_columns", b"c\xef\xbb\xbffile,dog,cat\na.jpg,1,0\nb.jpg,-1,\n")
seed("coco", "instances", json.dumps({
    "info": {"year": 1}, "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "segmentation": [[1, 2.5, 3e2]], "bbox": [1, 2, 3, 4]}],
    "images": [{"id": 7, "file_name": "a.jpg", "width": 9}], "categories": [{"id": 3, "name": "dog"}]}).encode())
tensors = {"__metadata__": {"format": "pt"}, "a.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
           "empty": {"dtype": "F16", "shape": [0, 7], "data_offsets": [24, 24]}, "b": {"dtype": "I64", "shape": [], "data_offsets": [24, 32]}}
header = json.dumps(tensors).encode()
seed("safetensors", "file", b"f" + len(header).to_bytes(8, "little") + header + bytes(32))
seed("safetensors", "header", b"h" + (2 * 32).to_bytes(8, "little") + header)
seed("safetensors", "nothing", b"h" + bytes(8) + b"{}")
seed("json", "whole", json.dumps({"a": [1, -2, 2.5e-3, None, True, "caf\u00e9", {"b": [[[]]]}], "images": 3}).encode())
seed("json", "items", b"s" + json.dumps({"info": {"a": [1]}, "images": [{"id": 1, "name": "a", "box": [1, 2.5, {"id": 3}]}, {"id": 2}], "a": []}).encode())
seed("discovery", "run", json.dumps([{"targets": ["node7.cluster:9400"], "labels": {"job": "catamaran", "run": "caf\u00e9 \"1\"", "slurm_job_id": "4711", "user": "ada",
                                                                                     "cluster": "alps", "__meta_catamaran_run_dir": "/runs/a"}}]).encode())
seed("discovery", "bare", b'[{"targets": ["127.0.0.1:1"], "labels": {"job": "catamaran", "run": "a"}}]')
for config in sorted((pathlib.Path(__file__).resolve().parents[2] / "configs/base").glob("*.toml")):
    seed("toml", config.stem, config.read_bytes())
for sweep in sorted((pathlib.Path(__file__).resolve().parents[2] / "configs/sweeps").glob("*.toml")):
    seed("toml", f"sweep_{sweep.stem}", sweep.read_bytes())
seed("toml", "every_type", b'extends = "base.toml"\na.b = 1e-3\n[data]\ntrain = """\n\\u00e9"""\nwhen = 1979-05-27T07:32:00Z\n[[model.input]]\nmean = [0.5, 1, 0x1F]\n'
     b"x = {y = 'z', w = true}\n\0batch.global=64\0model.input.mean=[1, 2, 3]\0data.train=a bare word")
seed("toml", "extends", b'extends = ["base.toml", "input.toml"]\n')
seed("voc", "objects", b'<annotation><owner><name>n</name></owner><object><name>dog</name><difficult>1</difficult><part><name>head</name></part></object>\r\n'
     b"<object>\n<name> cat </name></object></annotation>\n")
seed("voc", "entities", b'<?xml version="1.0" encoding="ISO-8859-1"?><!DOCTYPE annotation [<!ENTITY a "dog"><!ENTITY b "&a;&a;">]>'
     b"<annotation><object><name>&b;</name></object></annotation>")
life = {"id": "aa", "started_unix_seconds": 1.7e9, "first_step": 0, "hosts": ["n1"], "user": "ada", "process": 7, "job_id": "17_3", "world": 2, "global_batch": 32,
        "steps_per_epoch": 10, "total_steps": 100, "train_pack": {"images": 320}}
step = {"step": 7, "epoch": 0, "loss": 0.5, "learning_rate": 0.1, "images": 32, "step_seconds": 0.5, "data_wait_seconds": 0.1, "steady_seconds": 12.5}
failure = {"start": "aa", "cause": "rank 1 failed", "exclude_hosts": ["n2"], "ranks": [{"rank": 1, "state": "failed", "error_of_communication": False, "error_kind": "data"}]}
files = [json.dumps({"run": "cat", "lives": [life]}), json.dumps(step) + "\n", json.dumps({"time": 1.7e9, "level": "error", "rank": 0, "message": "m", "kind": "data"}) + "\n",
         json.dumps(failure), "step-00000007\n", json.dumps({"step": 7, "best_map": 0.5}), "host n1, process 7, since 2026-01-01 00:00 UTC\n",
         "[batch]\nglobal = 32\n[schedule]\nepochs = 4\nmax_steps = 0\n", json.dumps({"map": 0.5, "step": 10})]
seed("run_status", "failed", "\0".join(files).encode())
ended = {**life, "ended": {"unix_seconds": 1.7e9 + 9, "step": 7, "reason": "signal"}}
seed("run_status", "stopped", "\0".join([json.dumps({"run": "cat", "lives": [life, ended]}), *files[1:3], "", *files[4:]]).encode())
older = {key: life[key] for key in ("started_unix_seconds", "first_step", "train_pack")}
seed("run_status", "older", "\0".join([json.dumps({"lives": [older]}), *files[1:]]).encode())
