#!/usr/bin/env python3
"""Writes requirements.lock and requirements-bench.lock: every wheel that the .in file beside it needs, pinned, with its SHA-256.

usage: python scripts/lock_requirements.py     (with the Python and pip of Debian 12, on x86-64)
"""
import json
import pathlib
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parent.parent


def lock(name):
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--only-binary", ":all:",
             "--report", str(report), "-r", str(root / f"{name}.in")], check=True)
        wheels = json.loads(report.read_text())["install"]
    lines = [f"# Made by scripts/lock_requirements.py from {name}.in; do not edit.\n"]
    for wheel in sorted(wheels, key=lambda w: w["metadata"]["name"].lower()):
        digest = wheel["download_info"]["archive_info"]["hashes"]["sha256"]
        lines.append(f"{wheel['metadata']['name']}=={wheel['metadata']['version']} --hash=sha256:{digest}\n")
    (root / f"{name}.lock").write_text("".join(lines))
    print(f"{len(wheels)} wheels pinned in {name}.lock")


for name in sys.argv[1:] or ["requirements", "requirements-bench"]:
    lock(name)
