"""Each rule of the importers, on small made sets in the official layouts: labels as pycocotools and the devkit's definition say."""
import hashlib
import io
import json
import os
import re
import shutil
import subprocess

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
    for i, image in enumerate(labels):
        picture(root / f"JPEGImages/{image}.jpg", size=(40 + i, 30))
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


def make_annotations(root):
    """The same labels as Annotations: instances of both kinds, a missing <difficult>, and names that name no object."""
    person_with_head = "<object><name>person</name><part><name>head</name></part><difficult>0</difficult></object>"
    objects = {"000005": [("chair", 1), ("chair", 1)], "000007": [("car", 1), ("car", None)], "009999": [("sofa", 1)]}
    (root / "Annotations").mkdir()
    for image, of in objects.items():
        inside = "".join(f"<object>\n\t<name>{name}</name>{'' if d is None else f'<difficult>{d}</difficult>'}</object>" for name, d in of)
        (root / f"Annotations/{image}.xml").write_text(
            '<?xml version="1.0"?>\n<annotation><!-- made --><owner><name>dog</name></owner>' + inside +
            (person_with_head if image == "000005" else "") + "</annotation>\n")
    (root / "ImageSets/Main/trainval.txt").write_text("".join(f"{image}\r\n" for image in objects))


def pack_voc(folder, out, *more, **kwargs):
    return catamaran("pack", "voc", "--root", folder / "VOC2007", "--split", "trainval", "--out", folder / out, *more, **kwargs)


def test_voc_annotations_give_the_labels_where_the_lists_are_missing(tmp_path):
    make_voc(tmp_path / "VOC2007", "\n")
    make_annotations(tmp_path / "VOC2007")
    pack_voc(tmp_path, "lists", "--verify-xml")
    for path in (tmp_path / "VOC2007/ImageSets/Main").glob("*_trainval.txt"):
        path.unlink()
    pack_voc(tmp_path, "annotations")
    (lists, ids, labels, _, _), (annotations, other_ids, others, _, _) = read(tmp_path / "lists"), read(tmp_path / "annotations")
    assert ids == other_ids and labels.tolist() == others.tolist()
    assert lists["notes"] == ["the lists agree with 3 files of Annotations"]
    assert annotations["notes"] == ["the split has no lists per class: labels come from 3 files of Annotations"]
    assert [s["path"] for s in annotations["sources"]] == [str(tmp_path / "VOC2007/ImageSets/Main/trainval.txt")]


def test_voc_lists_and_annotations_that_disagree_are_refused_on_request(tmp_path):
    make_voc(tmp_path / "VOC2007", "\n")
    make_annotations(tmp_path / "VOC2007")
    xml = tmp_path / "VOC2007/Annotations/009999.xml"
    xml.write_text(xml.read_text().replace("sofa", "dog"))
    done = pack_voc(tmp_path, "pack", "--verify-xml", check=False)
    assert done.returncode == 3 and "2 label(s) differ" in done.stderr
    assert "image '009999', class 'dog' is -1 in the list and 0 in Annotations" in done.stderr and not (tmp_path / "pack").exists()
    pack_voc(tmp_path, "pack")


@pytest.mark.parametrize("xml, says", [
    ("<annotation><object><name>dgo</name></object></annotation>", "did you mean 'dog'"),
    ("<annotation>\n<object><name>dog</object></annotation>", "line 2: not valid XML"), ("<foo/>", "its root is 'foo'"), ("", "not valid XML"),
    ("<annotation><object/></annotation>", "has no name"), ("<annotation><object><name>dog</name><difficult>x</difficult></object></annotation>", "0 or 1"),
    ('<!DOCTYPE a [<!ENTITY b "dog">' + "".join(f'<!ENTITY {chr(98 + i + 1)} "{f"&{chr(98 + i)};" * 50}">' for i in range(6)) +
     "]><annotation><object><name>&h;</name></object></annotation>", "XML"),
], ids=["unknown_class", "broken", "other_root", "empty", "nameless", "difficult", "entities"])
def test_a_wrong_annotation_is_refused_by_its_name(tmp_path, xml, says):
    make_voc(tmp_path / "VOC2007", "\n")
    make_annotations(tmp_path / "VOC2007")
    (tmp_path / "VOC2007/Annotations/000007.xml").write_text(xml)
    done = pack_voc(tmp_path, "pack", "--verify-xml", check=False)
    assert done.returncode == 3 and says in done.stderr and "000007.xml" in done.stderr


@pytest.mark.parametrize("importer", ["manifest classes", "manifest lines", "voc", "coco"])
def test_names_that_are_not_utf8_are_refused_with_their_place(tmp_path, importer):
    latin1 = "caf\u00e9".encode("latin-1")
    picture(tmp_path / "a.jpg")
    (tmp_path / "m.jsonl").write_bytes(b'\n{"image": "a.jpg", "labels": ["' + (latin1 if importer == "manifest lines" else b"tea") + b'"]}\n')
    (tmp_path / "classes.txt").write_bytes(b"tea\n" + latin1 + b"\n")
    if importer == "voc":
        make_voc(tmp_path / "VOC2007", "\n")
        bus = tmp_path / "VOC2007/ImageSets/Main/bus_trainval.txt"
        bus.write_bytes(bus.read_bytes() + latin1 + b" -1\n")
        place, done = "bus_trainval.txt line 4", pack_voc(tmp_path, "pack", check=False)
    elif importer == "coco":
        path = make_coco(tmp_path)
        path.write_bytes(path.read_bytes().replace(b"toothbrush", latin1))
        place, done = "instances_made.json", catamaran("pack", "coco", "--images", tmp_path / "images", "--annotations", path,
                                                       "--out", tmp_path / "pack", check=False)
    else:
        more = ["--classes", tmp_path / "classes.txt"] if importer == "manifest classes" else []
        place = "classes.txt line 2" if more else "m.jsonl line 2"
        done = catamaran("pack", "manifest", "--images", tmp_path, "--manifest", tmp_path / "m.jsonl", *more, "--out", tmp_path / "pack", check=False)
    assert done.returncode == 3 and place in done.stderr and "UTF-8" in done.stderr, done.stderr
    assert not (tmp_path / "pack").exists()


def test_a_name_with_a_zero_byte_is_refused(tmp_path):
    picture(tmp_path / "a.jpg")
    (tmp_path / "m.jsonl").write_text('{"image": "a.jpg", "labels": ["a\\u0000b"]}\n')
    done = catamaran("pack", "manifest", "--images", tmp_path, "--manifest", tmp_path / "m.jsonl", "--out", tmp_path / "pack", check=False)
    assert done.returncode == 3 and "'a?b' is no name of a class" in done.stderr


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    mark = "\ufeff"
    picture(tmp_path / "a.jpg")
    (tmp_path / "m.jsonl").write_text(mark + '{"image": "a.jpg", "labels": ["th\u00e9"]}\n')
    (tmp_path / "classes.txt").write_text(mark + "th\u00e9\ncaf\u00e9\n")
    out = tmp_path / "pack"
    catamaran("pack", "manifest", "--images", tmp_path, "--manifest", tmp_path / "m.jsonl", "--classes", tmp_path / "classes.txt", "--out", out)
    manifest, _, labels, _, _ = read(out)
    assert manifest["classes"] == ["th\u00e9", "caf\u00e9"] and labels.tolist() == [[1, -1]]
    make_voc(tmp_path / "VOC2007", "\n")
    first = tmp_path / "VOC2007/ImageSets/Main/aeroplane_trainval.txt"
    first.write_text(mark + first.read_text())
    pack_voc(tmp_path, "voc")
    assert read(tmp_path / "voc")[1][0] == "000005"


def test_a_path_in_another_encoding_is_packed_and_told(tmp_path):
    folder = os.fsencode(tmp_path) + "/caf\u00e9".encode("latin-1")
    os.mkdir(folder)
    picture(tmp_path / "a.jpg")
    with open(folder + b"/m.jsonl", "w") as file:
        file.write('{"image": "a.jpg", "labels": ["x"]}\n')
    done = catamaran("pack", "manifest", "--images", tmp_path, "--manifest", os.fsdecode(folder + b"/m.jsonl"), "--out", os.fsdecode(folder + b"/pack"), "--json")
    assert json.loads(done.stdout)["images"] == 1
    with open(folder + b"/pack/pack.json") as file:
        assert json.load(file)["data_set"] == "caf\ufffd"


def test_the_data_set_has_the_name_that_is_given(tmp_path):
    picture(tmp_path / "a.jpg")
    (tmp_path / "m.jsonl").write_text('{"image": "a.jpg", "labels": ["x"]}\n')
    words = ["pack", "manifest", "--images", tmp_path, "--manifest", tmp_path / "m.jsonl", "--out", tmp_path / "pack"]
    for wrong in ("", "two\nlines", "n" * 101):
        assert "--name" in catamaran(*words, "--name", wrong, check=False).stderr
    catamaran(*words, "--name", "garment scenes")
    assert json.loads((tmp_path / "pack/pack.json").read_text())["data_set"] == "garment scenes"


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


def test_two_coco_images_on_one_file_are_refused(tmp_path):
    annotations = make_coco(tmp_path)
    content = json.loads(annotations.read_text())
    content["images"][1]["file_name"] = "./" + content["images"][0]["file_name"]
    annotations.write_text(json.dumps(content))
    done = catamaran("pack", "coco", "--images", tmp_path / "images", "--annotations", annotations, "--out", tmp_path / "pack", check=False)
    assert done.returncode == 3 and "are the same file" in done.stderr and not (tmp_path / "pack").exists()


@pytest.mark.parametrize("number", ["1e300", "1.5", "-1e19", "true"])
def test_an_id_that_is_no_whole_number_is_refused(tmp_path, number):
    annotations = make_coco(tmp_path)
    content = json.loads(annotations.read_text())
    first = content["images"][0]["id"]
    annotations.write_text(annotations.read_text().replace(f'"id": {first},', f'"id": {number},', 1))
    done = catamaran("pack", "coco", "--images", tmp_path / "images", "--annotations", annotations, "--out", tmp_path / "pack", check=False)
    assert done.returncode == 3 and "the key 'id'" in done.stderr, done.stderr


def test_one_picture_under_two_names_is_told_when_packing_and_checking(tmp_path):
    picture(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").write_bytes((tmp_path / "a.jpg").read_bytes())
    lines = [{"image": "a.jpg", "labels": ["x"]}, {"image": "b.jpg", "labels": ["y"]}, {"image": "./a.jpg", "labels": ["x"]}]
    (tmp_path / "m.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    note = "1 picture(s) are the same file as an earlier one (first: 'b.jpg' is 'a.jpg')"
    packed = catamaran("pack", "manifest", "--images", tmp_path, "--manifest", tmp_path / "m.jsonl", "--out", tmp_path / "pack").stdout
    assert note in packed and "1 line(s) list an image again, which counts once (first: line 3, a.jpg)" in packed and "2 images" in packed
    assert catamaran("check", tmp_path / "pack").stdout.count(note) == 1
    assert json.loads(catamaran("check", "--json", tmp_path / "pack").stdout)["packs"][0]["repeated"] == 1


@pytest.mark.parametrize("name", ["a\nb", "a\tb", "a\x1b[31mb", "a\x7fb"])
def test_a_class_name_with_control_characters_is_refused(tmp_path, name):
    picture(tmp_path / "a.jpg")
    (tmp_path / "m.jsonl").write_text(json.dumps({"image": "a.jpg", "labels": [name]}) + "\n")
    done = catamaran("pack", "manifest", "--images", tmp_path, "--manifest", tmp_path / "m.jsonl", "--out", tmp_path / "pack", check=False)
    assert done.returncode == 3 and "is no name of a class" in done.stderr and "\x1b" not in done.stderr


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


def test_hashes_and_decoder_in_a_pack_are_those_of_other_programs(tmp_path):
    for name, size in (("a.jpg", (40, 30)), ("b.jpg", (300, 200))):
        picture(tmp_path / name, size=size)
    manifest, classes = tmp_path / "m.jsonl", tmp_path / "classes.txt"
    manifest.write_text('{"image": "a.jpg", "labels": ["x"]}\n{"image": "b.jpg", "labels": []}\n')
    classes.write_text("x\ny\n")
    catamaran("pack", "manifest", "--images", tmp_path, "--manifest", manifest, "--classes", classes, "--out", tmp_path / "pack")
    pack, shard = json.loads((tmp_path / "pack/pack.json").read_text()), tmp_path / "pack/shard-00000.h5"
    assert pack["sources"] == [{"path": str(p), "sha256": hashlib.sha256(p.read_bytes()).hexdigest()} for p in (manifest, classes)]
    assert [s["sha256"] for s in pack["shards"]] == [hashlib.sha256(shard.read_bytes()).hexdigest()]
    jpeg = subprocess.run(["pkg-config", "--modversion", "libjpeg"], capture_output=True, text=True, check=True).stdout.strip()
    assert pack["decoder"] == f"libjpeg-turbo {jpeg} (compiled with)"  # libjpeg tells no version at run time
    told = [subprocess.run(["xxhsum", "-H3", tmp_path / name], capture_output=True, text=True, check=True).stdout for name in ("a.jpg", "b.jpg")]
    with h5py.File(shard) as file:
        assert [f"{checksum:016x}" for checksum in file["checksum"][:]] == [re.search(r"[0-9a-f]{16}", line)[0] for line in told]


def test_manifest_labels_may_be_ignored(tmp_path):
    picture(tmp_path / "a.jpg")
    (tmp_path / "m.jsonl").write_text('{"image": "a.jpg", "labels": ["dog"], "ignore": ["cat"]}\n')
    (tmp_path / "classes.txt").write_text("cat\ndog\nowl\n")
    catamaran("pack", "manifest", "--images", tmp_path, "--manifest", tmp_path / "m.jsonl", "--classes", tmp_path / "classes.txt", "--out", tmp_path / "pack")
    assert read(tmp_path / "pack")[2].tolist() == [[0, 1, -1]]


@pytest.mark.parametrize("importer", ["manifest", "voc", "coco"])
@pytest.mark.parametrize("more", [[], ["--skip-bad"]], ids=["strict", "skip_bad"])
def test_a_wrong_folder_of_images_is_told_in_one_line_with_the_first_expected_path(tmp_path, importer, more):
    if importer == "voc":
        make_voc(tmp_path / "VOC2007", "\n")
        shutil.rmtree(tmp_path / "VOC2007/JPEGImages")
        (tmp_path / "VOC2007/JPEGImages").mkdir()
        count, expected, option = 3, tmp_path / "VOC2007/JPEGImages/000005.jpg", "--root"
        done = pack_voc(tmp_path, "pack", *more, check=False)
    elif importer == "coco":
        count, expected, option = 3, tmp_path / "elsewhere/1.jpg", "--images"  # the image without an annotation does not count
        done = catamaran("pack", "coco", "--images", tmp_path / "elsewhere", "--annotations", make_coco(tmp_path), "--out", tmp_path / "pack", *more, check=False)
    else:
        count, expected, option = 200, tmp_path / "elsewhere/0.jpg", "--images"
        (tmp_path / "m.jsonl").write_text("".join(json.dumps({"image": f"{i}.jpg", "labels": ["x"]}) + "\n" for i in range(count)))
        done = catamaran("pack", "manifest", "--images", tmp_path / "elsewhere", "--manifest", tmp_path / "m.jsonl", "--out", tmp_path / "pack", *more, check=False)
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 3 and len(lines) == 1, done.stderr
    assert f"none of the {count} images is there" in lines[0] and str(expected) in lines[0] and f"check {option}" in lines[0]
    assert not (tmp_path / "pack").exists()
