"""Packs made from packs of real photographs: what h5py reads in them, and splits beside an independent iterative stratification."""
import hashlib
import json
import shutil
import types

import h5py
import numpy as np
import pytest
from runs import catamaran
from test_real_data import SETS, real_data

SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}
PARTS = ",".join(f"{name}={share}" for name, share in SHARES.items())


def read(pack):
    manifest = json.loads((pack / "pack.json").read_text())
    all_of = {"ids": [], "labels": [], "sizes": [], "checksums": [], "images": []}
    for entry in manifest["shards"]:
        assert hashlib.sha256((pack / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
        with h5py.File(pack / entry["file"]) as shard:
            assert list(shard.attrs["classes"]) == manifest["classes"]
            all_of["ids"] += [name.decode() for name in shard["id"][:]]
            for name in ("label", "size", "checksum"):
                all_of[name + "s"] += list(shard[name][:])
            if "pixels" in shard:
                all_of["images"] += [image.tobytes() for image in shard["pixels"][:]]
            else:
                offsets, jpegs = shard["jpeg/offset"][:], shard["jpeg/bytes"][:].tobytes()
                all_of["images"] += [jpegs[a:b] for a, b in zip(offsets, offsets[1:])]
    labels = np.array(all_of["labels"])
    assert manifest["positives"] == (labels == 1).sum(0).tolist() and manifest["ignored"] == (labels == 0).sum(0).tolist()
    return types.SimpleNamespace(folder=pack, manifest=manifest, classes=manifest["classes"], **dict(all_of, labels=labels))


def rows(pack):
    """Each image with all that must not change on its way."""
    return [(i, l.tolist(), s.tolist(), int(c), b) for i, l, s, c, b in zip(pack.ids, pack.labels, pack.sizes, pack.checksums, pack.images)]


def refused(code, *arguments, out):
    done = catamaran("pack", *arguments, "--out", out, check=False)
    assert done.returncode == code and not out.exists(), done.stdout + done.stderr
    assert not list(out.parent.glob(f".{out.name}*"))
    return done.stderr


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A pack of real photographs by the name of the set, made once."""
    made = {}

    def get(name, split="train"):
        if (name, split) not in made:
            folder = tmp_path_factory.mktemp(name) / f"{name}-{split}"
            SETS[name][0](split, folder)
            made[name, split] = read(folder)
        return made[name, split]
    return get


@pytest.mark.parametrize("name", SETS)
def test_resharding_carries_every_image_over_as_it_is(packed, tmp_path, name):
    before = packed(name)
    summary = json.loads(catamaran("pack", "reshard", before.folder, "--shard-mib", 1, "--out", tmp_path / "out", "--json").stdout)
    after = read(tmp_path / "out")
    assert len(before.manifest["shards"]) == 1 < summary["shards"] == len(after.manifest["shards"])
    assert rows(after) == rows(before)
    assert after.manifest["notes"][:-1] == before.manifest["notes"] and "resharded from" in after.manifest["notes"][-1]
    digest = hashlib.sha256((before.folder / "pack.json").read_bytes()).hexdigest()
    assert after.manifest["sources"] == before.manifest["sources"] + [{"path": str(before.folder / "pack.json"), "sha256": digest}]
    assert "no problem found" in catamaran("check", "--decode", tmp_path / "out").stdout
    catamaran("pack", "reshard", tmp_path / "out", "--out", tmp_path / "back")
    assert [s["sha256"] for s in read(tmp_path / "back").manifest["shards"]] == [s["sha256"] for s in before.manifest["shards"]]


def test_pixel_packs_are_resharded_and_made_from_packs_of_files(packed, tmp_path):
    files = packed("voc")
    data = real_data("voc-mini")
    catamaran("pack", "voc", "--root", data / "VOCdevkit/VOC2007", "--split", "trainval", "--pixels", 48, "--out", tmp_path / "pixels")
    catamaran("pack", "reshard", files.folder, "--pixels", 48, "--out", tmp_path / "made")
    catamaran("pack", "reshard", tmp_path / "made", "--shard-mib", 1, "--out", tmp_path / "again")
    expected = rows(read(tmp_path / "pixels"))
    assert rows(read(tmp_path / "made")) == expected == rows(read(tmp_path / "again"))
    catamaran("pack", "split", tmp_path / "made", "--parts", "a=0.5,b=0.5", "--out", tmp_path / "parts")
    catamaran("pack", "merge", tmp_path / "parts/a", tmp_path / "parts/b", "--out", tmp_path / "merged")
    assert sorted(rows(read(tmp_path / "merged"))) == sorted(expected)
    assert "scaled twice" in refused(2, "reshard", tmp_path / "made", "--pixels", 32, out=tmp_path / "no")
    assert "one pack holds JPEG files, the other squares of 48 pixels" in refused(3, "merge", files.folder, tmp_path / "made", out=tmp_path / "no")


def test_a_merge_of_packs_is_one_behind_the_other(packed, tmp_path):
    a, b = packed("coco"), packed("coco", "test")
    catamaran("pack", "merge", a.folder, b.folder, "--out", tmp_path / "out")
    merged = read(tmp_path / "out")
    assert rows(merged) == rows(a) + rows(b)
    assert any(note.startswith("merged from") and str(b.folder) in note for note in merged.manifest["notes"])


def test_a_merge_by_class_names_ignores_what_a_pack_says_nothing_of(packed, tmp_path):
    voc, coco = packed("voc"), packed("coco")
    assert "different class lists" in refused(3, "merge", voc.folder, coco.folder, out=tmp_path / "no")
    for missing, value in (("ignore", 0), ("absent", -1)):
        catamaran("pack", "merge", voc.folder, coco.folder, "--classes-union", "--missing-classes", missing, "--out", tmp_path / missing)
        merged = read(tmp_path / missing)
        assert merged.classes == voc.classes + [name for name in coco.classes if name not in voc.classes]
        assert merged.ids == voc.ids + coco.ids and merged.images == voc.images + coco.images
        for part, labels in ((voc, merged.labels[:len(voc.ids)]), (coco, merged.labels[len(voc.ids):])):
            for c, name in enumerate(merged.classes):
                expected = part.labels[:, part.classes.index(name)] if name in part.classes else value
                assert (labels[:, c] == expected).all()


def test_an_image_of_two_packs_counts_once_or_is_refused_with_its_ids(packed, tmp_path):
    voc = packed("voc")
    (tmp_path / "ids").write_text("\n".join(voc.ids[5:9]))
    catamaran("pack", "subset", voc.folder, "--ids", tmp_path / "ids", "--out", tmp_path / "some")
    catamaran("pack", "merge", voc.folder, tmp_path / "some", "--out", tmp_path / "once")
    assert rows(read(tmp_path / "once")) == rows(voc)
    assert any(note.startswith("4 image(s) are in more than one pack") for note in read(tmp_path / "once").manifest["notes"])

    shutil.copytree(tmp_path / "some", tmp_path / "other")
    manifest = json.loads((tmp_path / "other/pack.json").read_text())
    with h5py.File(tmp_path / "other/shard-00000.h5", "r+") as shard:
        shard["label"][1, 2] = 1 if shard["label"][1, 2] == -1 else -1
    manifest["shards"][0]["sha256"] = hashlib.sha256((tmp_path / "other/shard-00000.h5").read_bytes()).hexdigest()
    (tmp_path / "other/pack.json").write_text(json.dumps(manifest))
    told = refused(3, "merge", voc.folder, tmp_path / "other", out=tmp_path / "no")
    assert "1 image(s) are in two packs with labels that differ" in told and voc.ids[6] in told and voc.classes[2] in told
    (tmp_path / "id").write_text(voc.ids[6] + "\n")
    catamaran("pack", "subset", tmp_path / "other", "--without-ids", tmp_path / "id", "--out", tmp_path / "without")
    catamaran("pack", "merge", voc.folder, tmp_path / "without", "--out", tmp_path / "merged")
    assert rows(read(tmp_path / "merged")) == rows(voc)


def test_ids_that_two_packs_use_for_different_images_are_refused_or_told_apart(packed, tmp_path):
    a, b = packed("coco"), packed("coco", "test")
    shutil.copytree(b.folder, tmp_path / "renamed")
    with h5py.File(tmp_path / "renamed/shard-00000.h5", "r+") as shard:
        shard["id"][0] = a.ids[3]
    manifest = dict(b.manifest)
    file = tmp_path / "renamed/shard-00000.h5"
    manifest["shards"] = [dict(b.manifest["shards"][0], bytes=file.stat().st_size, sha256=hashlib.sha256(file.read_bytes()).hexdigest())]
    (tmp_path / "renamed/pack.json").write_text(json.dumps(manifest))
    told = refused(3, "merge", a.folder, tmp_path / "renamed", out=tmp_path / "no")
    assert "1 id(s) are of different images" in told and f"'{a.ids[3]}'" in told and "--prefix-ids" in told
    catamaran("pack", "merge", a.folder, tmp_path / "renamed", "--prefix-ids", "--out", tmp_path / "out")
    assert read(tmp_path / "out").ids == [f"coco-train/{i}" for i in a.ids] + [f"renamed/{i}" for i in [a.ids[3]] + b.ids[1:]]


def test_a_subset_has_the_classes_and_images_asked_for(packed, tmp_path):
    corel = packed("corel5k")
    wanted = ["water", "sky", "bear"]
    columns = [corel.classes.index(name) for name in wanted]
    (tmp_path / "classes").write_text("\n".join(wanted) + "\n")
    for name, options in (("line", ["--classes", ",".join(wanted)]), ("file", ["--classes-file", tmp_path / "classes"])):
        catamaran("pack", "subset", corel.folder, *options, "--without-labels", "drop", "--out", tmp_path / name)
    subset = read(tmp_path / "line")
    kept = np.flatnonzero((corel.labels[:, columns] == 1).any(1))
    assert 0 < len(kept) < len(corel.ids) and subset.classes == wanted
    assert rows(subset) == rows(read(tmp_path / "file"))
    assert subset.ids == [corel.ids[i] for i in kept] and subset.images == [corel.images[i] for i in kept]
    assert (subset.labels == corel.labels[np.ix_(kept, columns)]).all()
    assert any(note.startswith(f"subset of {corel.folder} (fingerprint ") for note in subset.manifest["notes"])

    drawn = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        catamaran("pack", "subset", corel.folder, "--limit", 450, "--seed", seed, "--out", tmp_path / name)
        drawn[name] = read(tmp_path / name).ids
        assert len(drawn[name]) == 450 and drawn[name] == [i for i in corel.ids if i in set(drawn[name])]
    assert drawn["a"] == drawn["b"] != drawn["c"]
    places = [corel.ids.index(i) for i in drawn["a"]]
    assert abs(np.mean(places) / len(corel.ids) - 0.5) < 0.06, "not the first ones: 4 sigma of a fair lot"


def paper_split(labels, shares, random):
    """Iterative stratification as the paper writes it, for its quality; sizes are only near to the shares."""
    desired, classes = shares * len(labels), np.outer(shares, labels.sum(0))
    part = np.full(len(labels), -1)
    while (part < 0).any():
        left = labels[part < 0].sum(0)
        if left.max() == 0:
            for i in np.flatnonzero(part < 0):
                part[i] = random.choice(np.flatnonzero(desired == desired.max()))
                desired[part[i]] -= 1
            break
        rarest = min((count, c) for c, count in enumerate(left) if count > 0)[1]
        for i in np.flatnonzero((part < 0) & labels[:, rarest]):
            best = np.flatnonzero(classes[:, rarest] == classes[:, rarest].max())
            part[i] = random.choice(best[desired[best] == desired[best].max()])
            classes[part[i]] -= labels[i]
            desired[part[i]] -= 1
    return part


def deviation(labels, part, shares):
    """Mean over parts and classes of positives beside what was wanted, in images."""
    return np.mean([abs(labels[part == p].sum(0) - share * labels.sum(0)).mean() for p, share in enumerate(shares)])


@pytest.mark.parametrize("name", SETS)
def test_a_split_is_stratified_at_least_as_well_as_the_papers_with_exact_sizes(packed, tmp_path, name):
    whole = packed(name)
    shares, present, images = np.array(list(SHARES.values())), whole.labels == 1, len(whole.ids)
    found = []
    for seed in range(3):
        out = tmp_path / str(seed)
        report = json.loads(catamaran("pack", "split", whole.folder, "--parts", PARTS, "--seed", seed, "--out", out, "--json").stdout)
        parts = [read(out / part) for part in SHARES]
        assert sorted(sum((rows(part) for part in parts), [])) == sorted(rows(whole))
        part_of = {i: p for p, part in enumerate(parts) for i in part.ids}
        part = np.array([part_of[i] for i in whole.ids])
        for p, entry in enumerate(report["parts"]):
            assert abs(len(parts[p].ids) - shares[p] * images) < 1 and entry["images"] == entry["wanted_images"] == len(parts[p].ids)
            assert parts[p].ids == [i for i in whole.ids if part_of[i] == p]
            assert entry["positives"] == present[part == p].sum(0).tolist()
            share = [None if total == 0 else count / total for count, total in zip(entry["positives"], present.sum(0))]
            assert entry["share"] == pytest.approx(share)
            assert entry["without_labels"] == (~present[part == p].any(1)).sum()
        off = [(abs(entry["share"][c] - entry["wanted_share"]), entry["name"], whole.classes[c])
               for entry in report["parts"] for c in range(len(whole.classes)) if present[:, c].any()]
        largest = report["largest_deviation_of_share"]
        assert abs(largest["share"] - largest["wanted_share"]) == pytest.approx(max(off)[0])
        for copy in {c for c in whole.checksums if whole.checksums.count(c) > 1}:
            assert len({part[i] for i, c in enumerate(whole.checksums) if c == copy}) == 1
        found.append(deviation(present, part, shares))
    random = np.random.default_rng(0)
    papers = [deviation(present, paper_split(present, shares, random), shares) for _ in range(3)]
    by_lot = [deviation(present, random.permutation(np.searchsorted(np.cumsum(shares), (np.arange(images) + 0.5) / images)), shares) for _ in range(20)]
    print(name, "stratified", found, "the paper's", papers, "by lot", min(by_lot), np.mean(by_lot))
    assert max(found) < min(by_lot), "better than the best of twenty by lot"
    assert np.mean(found) < 1.1 * np.mean(papers), "exact sizes cost no more than a tenth"


def test_a_split_depends_on_its_seed_alone(packed, tmp_path):
    coco = packed("coco")
    for name, seed, threads in (("a", 5, 1), ("b", 5, 2), ("c", 6, 1)):
        catamaran("pack", "split", coco.folder, "--parts", PARTS, "--seed", seed, "--threads", threads, "--out", tmp_path / name)
    a, b, c = (rows(read(tmp_path / name / "val")) for name in "abc")
    assert a == b != c


def test_a_split_tells_each_class_in_a_table(packed, tmp_path):
    voc = packed("voc")
    told = catamaran("pack", "split", voc.folder, "--parts", "train=0.7,test=0.3", "--out", tmp_path / "out").stdout
    lines = told.splitlines()
    first = next(i for i, line in enumerate(lines) if line.split()[:1] == ["class"]) + 1
    for c, line in enumerate(map(str.split, lines[first:first + 20])):
        assert line[0] == voc.classes[c] and int(line[1]) == (voc.labels[:, c] == 1).sum()
    assert "largest deviation of a share: " in told and "largest deviation in images: " in told


def test_what_cannot_be_is_refused_before_anything_is_written(packed, tmp_path):
    voc = packed("voc").folder
    out = tmp_path / "out"
    assert "'hrose' (did you mean 'horse'?)" in refused(2, "subset", voc, "--classes", "cat,hrose", out=out)
    assert "only 47 images are there to draw 48 from" in refused(2, "subset", voc, "--limit", 48, out=out)
    assert "the shares sum to 0.9, not to 1" in refused(2, "split", voc, "--parts", "a=0.5,b=0.4", out=out)
    many = ",".join(f"p{i}=0.02" for i in range(50))
    assert "fewer than the 50 parts" in refused(2, "split", voc, "--parts", many, out=out)
    (tmp_path / "ids").write_text("000000\n")
    assert "'000000' is no id of the pack" in refused(3, "subset", voc, "--ids", tmp_path / "ids", out=out)
    out.mkdir()
    for arguments in (["reshard", voc], ["merge", voc, voc], ["subset", voc, "--limit", 3], ["split", voc, "--parts", "a=0.5,b=0.5"]):
        done = catamaran("pack", *arguments, "--out", out, check=False)
        assert done.returncode == 2 and "exists already" in done.stderr and not list(out.iterdir())
        inside = catamaran("pack", *arguments, "--out", voc / "more", check=False)
        assert inside.returncode == 2 and "is in the pack" in inside.stderr
