"""docs/tutorial.md: its commands run as they stand on the page, and print what the page shows.

Blocks of `sh` are commands, run one after the other in one shell that stops at the first failure. A block of `text` is what the commands above
it print: each of its lines is a line of theirs, but for numbers, which other machines and other speeds change. Of what a
trained model thinks of a picture (`text for example`) nothing is compared.
"""
import os
import re
import subprocess

import pytest
from runs import BINARY, ROOT

PAGE = (ROOT / "docs/tutorial.md").read_text()
BLOCKS = re.findall(r"^```(\S[^\n]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
BUILD = "make build\n"  # stands on the page, and is what CATAMARAN_BIN comes from


def without_numbers(line):
    return re.sub(r"\s+", " ", re.sub(r"\b[0-9a-f]{12,}\b|\d+([.,]\d+)*(e-\d+)?", "#", line)).strip()


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """What the page takes from a clone in which `make build` has run, and nothing else of it."""
    root = tmp_path_factory.mktemp("clone")
    (root / "build/release").mkdir(parents=True)
    (root / "build/release/bin").symlink_to(BINARY.parent)
    (root / "build/venv").symlink_to(ROOT / "build/venv")
    for folder in ("configs", "scripts"):
        (root / folder).symlink_to(ROOT / folder)
    return root


@pytest.fixture(scope="module")
def printed(clone):
    """By the number of a block of commands: the lines that it printed."""
    script = ["exec 2>&1"]
    for number, (kind, text) in enumerate(BLOCKS):
        if kind == "sh" and text != BUILD:
            script += [f"echo '==== {number}'", text]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMPI_", "OMP_", "CATAMARAN_"))}
    shell = ["timeout", "--kill-after=10", "840", "bash", "-e", "-o", "pipefail", "-c", "\n".join(script)]  # ends ranks, too
    done = subprocess.run(shell, cwd=clone, env=environment, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout
    parts = re.split(r"^==== (\d+)$", done.stdout, flags=re.MULTILINE)
    return {int(number): text.splitlines() for number, text in zip(parts[1::2], parts[2::2])}


def test_the_page_is_a_row_of_commands_and_of_what_they_print(printed):
    assert BLOCKS[0] == ("sh", BUILD)
    assert {kind for kind, _ in BLOCKS} <= {"sh", "text", "text for example"}
    assert len(printed) == sum(kind == "sh" for kind, _ in BLOCKS) - 1
    assert all(before == "sh" for (before, _), (kind, _) in zip(BLOCKS, BLOCKS[1:]) if kind != "sh")


@pytest.mark.parametrize("number", [n for n, (kind, _) in enumerate(BLOCKS) if kind == "text"])
def test_commands_print_what_the_page_shows(printed, number):
    said = {without_numbers(line) for line in printed[number - 1]}
    missing = [line for line in BLOCKS[number][1].splitlines() if line.strip() != "..." and without_numbers(line) not in said]
    assert not missing, "\n".join([*missing, "is not in", *printed[number - 1]])
