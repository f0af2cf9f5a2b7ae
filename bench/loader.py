#!/usr/bin/env python3
"""From a pack to augmented batches: Catamaran's loader against NVIDIA DALI (CPU) and torchvision v2, in turn, on one core.

usage: loader.py [--rounds 3] [--case NAME]...       prints tables, writes build/bench/loader.json

The photographs are those of CATAMARAN_TEST_DATA/coco-mini, eight times; where that folder is not there, generated pictures. Every
side gives batches of 32 as uint8 and mirrors half of the images; the peers have the files in memory, Catamaran reads its pack.
  mcrop448   MultiScaleCrop to 448 px (the crops of a squished 512 px canvas)      rrc224   RandomResizedCrop to 224 px
  ratio_to_dali, ratio_to_torchvision   images/s of Catamaran / of the peer
  restarts_ratio_...                    the same of a pack made with --restart-markers (the same pixels)
  share_of_limit                        time of libjpeg-turbo alone for the same crops / time of Catamaran
  ratio_two_threads                     images/s of two threads on two cores / of one thread on one
  ratio_pixels_to_jpeg                  images/s from a pixel pack (512 px) / from the JPEG pack, at mcrop448
  memory_growth                         resident memory after the third epoch / after the first
  ratio_pack_to_tar, ratio_check_to_sha256   time of `tar` and `sha256sum` of the same files / of pack, check
"""
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from common import BINARY, ROOT, arguments, make_pictures, write_results

CASES = {"mcrop448": (448, "multi_scale"), "rrc224": (224, "random_resized")}
BATCH = 32
CORE = str(max(os.sched_getaffinity(0)))  # the last: the first answers most interrupts
REPEATS = 8
PACK_REPEATS = 40  # enough files for the start of a process to matter little
PEERS = ("dali", "torchvision")
ENVIRONMENT = dict(os.environ, OMP_NUM_THREADS="1")


def photographs(folder):
    source = pathlib.Path(os.environ.get("CATAMARAN_TEST_DATA", ROOT.parent / "shared/data")) / "coco-mini/images/train2017"
    if source.is_dir():
        return sorted(source.glob("*.jpg")), "coco-mini"
    make_pictures(folder / "generated", 512, 70)
    return sorted((folder / "generated").glob("*.jpg")), "generated pictures"


def repeated(files, folder, repeats):
    """Links to the files, `repeats` times, and their manifest."""
    folder.mkdir()
    lines = []
    for k in range(repeats):
        for i, file in enumerate(files):
            (folder / f"{k:02d}-{file.name}").symlink_to(file)
            lines.append(json.dumps({"image": f"{k:02d}-{file.name}", "labels": ["even" if i % 2 == 0 else "odd"]}))
    folder.with_suffix(".jsonl").write_text("\n".join(lines) + "\n")
    return folder


def pack(pictures, out, *options):
    subprocess.run([BINARY, "pack", "manifest", "--images", pictures, "--manifest", pictures.with_suffix(".jsonl"), "--out", out, *options], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return out


def pack_bytes(folder):
    return sum(file.stat().st_size for file in folder.glob("*.h5"))


def ours(data, size, crop, threads=1, rounds=1):
    core = ["taskset", "-c", CORE] if threads == 1 else []
    done = subprocess.run([*core, BINARY, "bench", "loader", "--data", data, "--set", f"model.input.size={size}", "--set", f"data.augment.crop={crop}", "--batch",
                           str(BATCH), "--threads", str(threads), "--rounds", str(rounds), "--json"], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    return json.loads(done.stdout)


def peer_process(name, case, pictures):
    task = json.dumps({"peer": name, "case": case, "pictures": str(pictures)})
    environment = dict(ENVIRONMENT, PYTHONPATH=str(ROOT / "build/bench-peers")) if name == "dali" else ENVIRONMENT
    done = subprocess.run(["taskset", "-c", CORE, sys.executable, __file__, "--peer", task], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"loader.py: {name} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def multi_scale_window(choose):
    """Left, top, width, height of a MultiScaleCrop, as shares of the picture."""
    sides = [512, 448, 384, 337, 256]
    i, j = choose.choice([(i, j) for i in range(5) for j in range(5) if abs(i - j) <= 2])
    width, height = sides[j], sides[i]
    x, y = choose.choice([(0, 0), (4, 0), (0, 4), (4, 4), (2, 2), (0, 2), (4, 2), (2, 4), (2, 0), (1, 1), (3, 1), (1, 3), (3, 3)])
    return (512 - width) // 4 * x / 512, (512 - height) // 4 * y / 512, width / 512, height / 512


def dali_batches(size, crop, files):
    import numpy as np
    from nvidia.dali import fn, pipeline_def, types
    choose = random.Random(1)

    def encoded():
        at = 0
        while True:
            yield [files[(at + k) % len(files)] for k in range(BATCH)]
            at += BATCH

    def windows():
        while True:
            drawn = [multi_scale_window(choose) for _ in range(BATCH)]
            yield [np.float32(w[:2]) for w in drawn], [np.float32(w[2:]) for w in drawn]

    @pipeline_def(batch_size=BATCH, num_threads=1, device_id=None, exec_dynamic=True)
    def pipeline():
        raw = fn.external_source(source=encoded(), dtype=types.UINT8, ndim=1)
        if crop == "random_resized":
            image = fn.decoders.image_random_crop(raw, device="cpu", output_type=types.RGB, random_area=[0.08, 1.0], random_aspect_ratio=[3 / 4, 4 / 3])
        else:
            anchor, shape = fn.external_source(source=windows(), num_outputs=2, dtype=types.FLOAT, ndim=1)
            image = fn.decoders.image_slice(raw, anchor, shape, axis_names="WH", device="cpu", output_type=types.RGB)
        image = fn.resize(image, size=[size, size], interp_type=types.INTERP_LINEAR, antialias=True)
        return fn.flip(image, horizontal=fn.random.coin_flip())

    made = pipeline()
    made.build()
    while True:
        yield made.run()[0].as_array()


def torchvision_batches(size, crop, files):
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg
    from torchvision.transforms import v2
    torch.set_num_threads(1)
    torch.manual_seed(1)
    choose = random.Random(1)
    encoded = [torch.from_numpy(file) for file in files]
    resized_crop = v2.RandomResizedCrop(size, antialias=True)

    def one(file):
        image = decode_jpeg(file, mode=ImageReadMode.RGB)
        if crop == "random_resized":
            image = resized_crop(image)
        else:
            height, width = image.shape[1:]
            left, top, share_w, share_h = multi_scale_window(choose)
            image = v2.functional.resized_crop(image, int(top * height), int(left * width), max(1, int(share_h * height)), max(1, int(share_w * width)),
                                               [size, size], antialias=True)
        return v2.functional.horizontal_flip(image) if choose.random() < 0.5 else image

    at = 0
    while True:
        yield torch.stack([one(encoded[(at + k) % len(encoded)]) for k in range(BATCH)]).numpy()
        at += BATCH


def peer(task):
    import numpy as np
    size, crop = CASES[task["case"]]
    files = [np.fromfile(file, dtype=np.uint8) for file in sorted(pathlib.Path(task["pictures"]).iterdir())]
    batches = (dali_batches if task["peer"] == "dali" else torchvision_batches)(size, crop, files)
    for _ in range(3):
        next(batches)
    count = len(files) // BATCH
    start = time.perf_counter()
    for _ in range(count):
        last = next(batches)
    seconds = time.perf_counter() - start
    if last.size != BATCH * size * size * 3 or last.dtype != np.uint8:
        sys.exit(f"a batch of {last.shape} {last.dtype} is not what was asked for")
    print(json.dumps({"images_per_second": count * BATCH / seconds, "mean_pixel": float(last.mean())}))


def bench_case(name, rounds, pictures, jpeg_pack, restarts_pack):
    size, crop = CASES[name]
    rates = {"catamaran": [], "restarts": [], "dali": [], "torchvision": []}
    shares, restarts_shares = [], []
    for number in range(rounds):
        print(f"{name}: round {number + 1} of {rounds}", file=sys.stderr)
        result = ours(jpeg_pack, size, crop)
        rates["catamaran"].append(result["images_per_second"])
        shares.append(result["share_of_limit"])
        restarts = ours(restarts_pack, size, crop)
        if restarts["mean_pixel"] != result["mean_pixel"]:
            sys.exit("loader.py: the pixels of the pack with restart markers differ")
        rates["restarts"].append(restarts["images_per_second"])
        restarts_shares.append(restarts["share_of_limit"])
        for other in PEERS:
            answer = peer_process(other, name, pictures)
            if abs(answer["mean_pixel"] - result["mean_pixel"]) > 25:
                sys.exit(f"loader.py: the mean pixels of {other} ({answer['mean_pixel']:.0f}) and Catamaran ({result['mean_pixel']:.0f}) differ")
            rates[other].append(answer["images_per_second"])
    median = {side: statistics.median(values) for side, values in rates.items()}
    return {"case": name, "ratio_to_dali": median["catamaran"] / median["dali"], "ratio_to_torchvision": median["catamaran"] / median["torchvision"],
            "share_of_limit": statistics.median(shares), "restarts_ratio_to_dali": median["restarts"] / median["dali"],
            "restarts_ratio_to_torchvision": median["restarts"] / median["torchvision"], "restarts_share_of_limit": statistics.median(restarts_shares),
            "restarts_bytes": pack_bytes(restarts_pack) / pack_bytes(jpeg_pack), "restarts_images_per_second": median["restarts"], "catamaran_images_per_second": median["catamaran"], "dali_images_per_second": median["dali"],
            "torchvision_images_per_second": median["torchvision"], "rounds": rounds}


def bench_scaling(rounds, jpeg_pack, pixel_pack):
    size, crop = CASES["mcrop448"]
    one, two, pixels = [], [], []
    for number in range(rounds):
        print(f"threads and pixels: round {number + 1} of {rounds}", file=sys.stderr)
        one.append(ours(jpeg_pack, size, crop)["images_per_second"])
        two.append(ours(jpeg_pack, size, crop, threads=2)["images_per_second"])
        pixels.append(ours(pixel_pack, size, crop)["images_per_second"])
    memory = ours(jpeg_pack, size, crop, threads=2, rounds=3)["resident_bytes"]
    return {"case": "scaling", "ratio_two_threads": statistics.median(two) / statistics.median(one),
            "ratio_pixels_to_jpeg": statistics.median(pixels) / statistics.median(one), "memory_growth": memory[-1] / memory[0],
            "pixel_images_per_second": statistics.median(pixels), "resident_mib": [m >> 20 for m in memory]}


def seconds_of(*command):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def bench_packing(rounds, pictures, folder):
    out, archive = folder / "packed", folder / "packed.tar"
    rows = {"pack": [], "pack_trusting": [], "check": [], "tar": [], "sha256": []}
    megabytes = sum(file.stat().st_size for file in pictures.iterdir()) * 1e-6
    manifest = ["--images", str(pictures), "--manifest", str(pictures.with_suffix(".jsonl"))]
    for number in range(rounds):
        print(f"packing: round {number + 1} of {rounds}", file=sys.stderr)
        for name, options in (("pack_trusting", ["--no-decode"]), ("pack", [])):
            shutil.rmtree(out, ignore_errors=True)
            rows[name].append(seconds_of(str(BINARY), "pack", "manifest", *manifest, "--out", str(out), *options))
        rows["check"].append(seconds_of(str(BINARY), "check", str(out)))
        archive.unlink(missing_ok=True)
        rows["tar"].append(seconds_of("sh", "-c", f"tar -C '{pictures}' --hard-dereference -chf '{archive}' . && sync '{archive}' && sha256sum '{archive}'"))
        rows["sha256"].append(seconds_of("sha256sum", *map(str, sorted(out.iterdir()))))
    median = {side: statistics.median(values) for side, values in rows.items()}
    return {"case": "packing", "ratio_pack_to_tar": median["tar"] / median["pack"], "ratio_trusting_pack_to_tar": median["tar"] / median["pack_trusting"],
            "ratio_check_to_sha256": median["sha256"] / median["check"], "megabytes": megabytes,
            "megabytes_per_second": {side: megabytes / seconds for side, seconds in median.items()}}


def main():
    options = arguments(__doc__, [*CASES, "scaling", "packing"])
    if options.peer:
        return peer(options.peer)
    wanted = options.case or [*CASES, "scaling", "packing"]
    results = []
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as temporary:
        folder = pathlib.Path(temporary)
        files, source = photographs(folder)
        pictures = repeated(files, folder / "pictures", REPEATS)
        jpeg_pack = pack(pictures, folder / "jpeg")
        restarts_pack = pack(pictures, folder / "restarts", "--restart-markers") if any(name in CASES for name in wanted) else None
        results += [bench_case(name, options.rounds, pictures, jpeg_pack, restarts_pack) for name in CASES if name in wanted]
        if "scaling" in wanted:
            results.append(bench_scaling(options.rounds, jpeg_pack, pack(pictures, folder / "pixels", "--pixels", "512")))
        if "packing" in wanted:
            results.append(bench_packing(options.rounds, repeated(files, folder / "many", PACK_REPEATS), folder))
    print(f"photographs: {source}")
    for r in results:
        if r["case"] in CASES:
            print(f"{r['case']:10} {r['catamaran_images_per_second']:8.1f} img/s   DALI {r['dali_images_per_second']:7.1f} ({r['ratio_to_dali']:.2f} x)   "
                  f"torchvision {r['torchvision_images_per_second']:7.1f} ({r['ratio_to_torchvision']:.2f} x)   {r['share_of_limit']:.0%} of it is libjpeg-turbo\n"
                  f"  with restart markers {r['restarts_images_per_second']:6.1f} img/s   DALI {r['restarts_ratio_to_dali']:.2f} x   torchvision "
                  f"{r['restarts_ratio_to_torchvision']:.2f} x   {r['restarts_share_of_limit']:.0%} of it is libjpeg-turbo   {r['restarts_bytes']:.3f} x the bytes")
        elif r["case"] == "scaling":
            print(f"mcrop448   two threads {r['ratio_two_threads']:.2f} x one   pixel pack {r['ratio_pixels_to_jpeg']:.2f} x JPEG   "
                  f"MiB after each epoch: {' '.join(map(str, r['resident_mib']))}")
        else:
            print(f"packing    pack {r['ratio_pack_to_tar']:.2f} x, pack --no-decode {r['ratio_trusting_pack_to_tar']:.2f} x tar + sha256sum   "
                  f"check {r['ratio_check_to_sha256']:.2f} x sha256sum   " + ", ".join(f"{k} {v:.0f}" for k, v in r["megabytes_per_second"].items()) + " MB/s")
    write_results("loader.json", results)


if __name__ == "__main__":
    main()
