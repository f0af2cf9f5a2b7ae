"""What `make demo` does for a newcomer, from generated scenes to the report, and what it promises about its result."""
import json
import os
import subprocess

from runs import BINARY, ROOT


def test_the_demo_reaches_83_map_and_leaves_its_pictures_and_report(tmp_path):
    assert BINARY == ROOT / "build/release/bin/catamaran", "the demo runs the release build"
    folder = tmp_path / "demo"
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    done = subprocess.run([ROOT / "scripts/demo.sh", folder], capture_output=True, text=True, timeout=1500, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    voc = json.loads((folder / "run-1/eval-all.json").read_text())[0]
    assert voc["images"] == 1000
    assert voc["map"] >= 0.83
    assert f"mAP {100 * voc['map']:.1f} on 1,000 test scenes" in done.stdout
    assert len(list((folder / "run-1/explain").glob("[1-6]-*.sheet.png"))) == 6
    verdicts = {label["verdict"] for picture in json.loads((folder / "run-1/explain/explain.json").read_text())["images"] for label in picture["labels"]}
    assert "right" in verdicts and verdicts <= {"right", "wrong", "missing"}
    assert "http" in (folder / "run-1/metrics-address.txt").read_text()
    page = (folder / "report.html").read_text()
    assert "Does worst on" in page and "trouser" in page
