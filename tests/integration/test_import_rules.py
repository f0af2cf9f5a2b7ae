"""Each rule of the importers, on small made sets in the official layouts: labels as pycocotools and the devkit's definition say."""
import io
import json

import h5py
import numpy as np
import pytest
from PIL import Image, ImageOps
from pycocotools.coco import COCO
from runs import catamaran

VOC = ["aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog", "horse", "motorbike",
       "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"]


def picture(path, mode="RGB", size=(40, 30), **more):
    pixels = np.random.default_rng(size[0]).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path, "JPEG", quality=90, **more)


def read(pack):
    with h5py.File(pack / "shard-00000.h5") as shard:
        ids = [i.decode() for i in shard["id"][:]]
        offset = shard["jpeg/offset"][:].tolist()
        content = shard["jpeg/bytes"][:].tobytes()
        files = [content[a:b] for a, b in zip(offset, offset[1:])]
        return json.loads((pack / "pack.json").read_text()), ids, shard["label"][:], shard["size"][:].tolist(), files


def make_voc(root, line_end):
    """000005: chair difficult only, person present. 000007: car present. 009999: nothing but a difficult sofa."""
    labels = {"000005": {"chair": 0, "person": 1}, "000007": {"car": 1}, "009999": {"sofa": 0}}
    lists = root / "ImageSets/Main"
    lists.mkdir(parents=True)
    for name in VOC:
        # as published: two blanks before 1 and 0, one before -1
        lines = [f"{image} {of.get(name, -1):2d}" for image, of in labels.items()]
        (lists / f"{name}_trainval.txt").write_bytes((line_end.join(lines) + line_end).encode())
    for image in labels:
        picture(root / f"JPEGImages/{image}.jpg")
    return labels


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CR-LF"])
def test_voc_lists_give_present_difficult_and_absent(tmp_path, line_end):
    labels = make_voc(tmp_path / "VOC2007", line_end)
    catamaran("pack", "voc", "--root", tmp_path / "VOC2007", "--split", "trainval", "--out", tmp_path / "pack")
    manifest, ids, found, _, _ = read(tmp_path / "pack")
    assert manifest["classes"] == VOC and ids == list(labels)
    expected = np.full((3, 20), -1)
    for row, of in enumerate(labels.values()):
        for name, label in of.items():
            expected[row, VOC.index(name)] = label
    assert found.tolist() == expected.tolist()
    assert manifest["ignored"][VOC.index("chair")] == 1 and manifest["positives"][VOC.index("chair")] == 0


def test_voc_lists_that_disagree_are_refused(tmp_path):
    make_voc(tmp_path / "VOC2007", "\n")
    broken = tmp_path / "VOC2007/ImageSets/Main/dog_trainval.txt"
    broken.write_text("".join(broken.read_text().splitlines(True)[:2]))
    done = catamaran("pack", "voc", "--root", tmp_path / "VOC2007", "--split", "trainval", "--out", tmp_path / "pack", check=False)
    assert done.returncode == 3 and "dog_trainval.txt" in done.stderr and not (tmp_path / "pack").exists()


LARGE = 2**31 + 7  # image ids of some exports are hashes


def make_coco(folder):
    """Categories with gaps, in no order; image 3 has no annotation, image 4 a crowd region only, image LARGE two of one kind."""
    images = [3, 1, LARGE, 4]
    categories = [{"id": 90, "name": "toothbrush"}, {"id": 1, "name": "person"}, {"id": 13, "name": "stop sign"}]
    marks = [(1, 13, 0), (1, 1, 0), (LARGE, 90, 0), (LARGE, 90, 0), (4, 1, 1)]
    annotations = [{"id": 10**12 + n, "image_id": image, "category_id": category, "iscrowd": crowd, "bbox": [1, 1, 5, 5], "area": 25,
                    "segmentation": {"counts": [0, 1200], "size": [30, 40]} if crowd else [[1, 1, 6, 1, 6, 6]]}
                   for n, (image, category, crowd) in enumerate(marks)]
    for image in images:
        picture(folder / f"images/{image}.jpg")
    path = folder / "instances_made.json"
    path.write_text(json.dumps({"images": [{"id": i, "file_name": f"{i}.jpg", "width": 40, "height": 30} for i in images],
                                "annotations": annotations, "categories": categories}))
    return path


@pytest.mark.parametrize("bare", ["drop", "keep"])
def test_coco_labels_with_gaps_crowds_and_large_ids_are_those_of_pycocotools(tmp_path, bare):
    annotations = make_coco(tmp_path)
    catamaran("pack", "coco", "--images", tmp_path / "images", "--annotations", annotations, "--without-annotations", bare, "--out", tmp_path / "pack")
    manifest, ids, labels, _, _ = read(tmp_path / "pack")
    coco = COCO(str(annotations))
    categories = sorted(coco.getCatIds())
    assert categories == [1, 13, 90] and manifest["classes"] == [c["name"] for c in coco.loadCats(categories)]
    wanted = [i for i in sorted(coco.getImgIds()) if bare == "keep" or coco.getAnnIds(imgIds=[i])]
    assert ids == [str(i) for i in wanted] and str(LARGE) in ids
    for row, image in zip(labels, wanted):
        present = {a["category_id"] for a in coco.loadAnns(coco.getAnnIds(imgIds=[image]))}  # iscrowd=None: crowds count
        assert row.tolist() == [1 if c in present else -1 for c in categories]
    assert any(note == f"1 images without annotation were {'kept' if bare == 'keep' else 'left out'}" for note in manifest["notes"])


def test_coco_classes_may_be_in_the_order_of_their_names(tmp_path):
    annotations = make_coco(tmp_path)
    catamaran("pack", "coco", "--images", tmp_path / "images", "--annotations", annotations, "--class-order", "name", "--out", tmp_path / "pack")
    manifest, ids, labels, _, _ = read(tmp_path / "pack")
    assert manifest["classes"] == ["person", "stop sign", "toothbrush"]
    assert labels[ids.index(str(LARGE))].tolist() == [-1, -1, 1]


def test_an_annotation_of_no_image_is_refused_by_its_number(tmp_path):
    annotations = make_coco(tmp_path)
    content = json.loads(annotations.read_text())
    content["annotations"][2]["image_id"] = 77
    annotations.write_text(json.dumps(content))
    done = catamaran("pack", "coco", "--images", tmp_path / "images", "--annotations", annotations, "--out", tmp_path / "pack", check=False)
    assert done.returncode == 3 and "image 77" in done.stderr and not (tmp_path / "pack").exists()


def test_gray_cmyk_and_rotated_pictures_are_packed_as_they_are_and_pass_the_check(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn: not applied, as PIL does not
    picture(tmp_path / "gray.jpg", "L")
    picture(tmp_path / "cmyk.jpg", "CMYK")
    picture(tmp_path / "turned.jpg", size=(50, 20), exif=exif)
    names = ["gray.jpg", "cmyk.jpg", "turned.jpg"]
    (tmp_path / "m.jsonl").write_text("".join(json.dumps({"image": n, "labels": ["x"]}) + "\n" for n in names))
    catamaran("pack", "manifest", "--images", tmp_path, "--manifest", tmp_path / "m.jsonl", "--out", tmp_path / "pack")
    _, ids, _, sizes, files = read(tmp_path / "pack")
    assert ids == names
    assert files == [(tmp_path / n).read_bytes() for n in names]
    assert sizes == [[30, 40], [30, 40], [20, 50]]
    with Image.open(io.BytesIO(files[2])) as turned:
        assert turned.size == (50, 20) and ImageOps.exif_transpose(turned).size == (20, 50)
    assert "no problem found" in catamaran("check", "--decode", tmp_path / "pack").stdout


def test_manifest_labels_may_be_ignored(tmp_path):
    picture(tmp_path / "a.jpg")
    (tmp_path / "m.jsonl").write_text('{"image": "a.jpg", "labels": ["dog"], "ignore": ["cat"]}\n')
    (tmp_path / "classes.txt").write_text("cat\ndog\nowl\n")
    catamaran("pack", "manifest", "--images", tmp_path, "--manifest", tmp_path / "m.jsonl", "--classes", tmp_path / "classes.txt", "--out", tmp_path / "pack")
    assert read(tmp_path / "pack")[2].tolist() == [[0, 1, -1]]
