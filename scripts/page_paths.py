"""usage: page_paths.py PAGE...: prints PAGE:LINE: PATH for each path of the repository that a page names and that is not there.

A path is a word that begins with a folder of the repository (`trainer/step.cpp`, also a pattern or a name without its ending), a word in
backticks with a slash in it, the name of a source file in backticks, and a folder that begins a line of a table of folders.
"""
import pathlib
import re
import subprocess
import sys

TRACKED = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.splitlines()
FOLDERS = sorted({name.split("/")[0] for name in TRACKED if "/" in name})
NAMES = {pathlib.PurePath(name).name for name in TRACKED}
ELSEWHERE = ("build/", "packs/", "pictures/", "runs/", "torch/")  # made by commands, or of LibTorch
PATTERNS = [
    re.compile(r"(?<![\w./~-])((?:%s)/[\w./*-]*[\w/*])" % "|".join(map(re.escape, FOLDERS))),
    re.compile(r"`([\w-]+/[\w./*-]*)(?::\d+)?`"),
    re.compile(r"^    ([\w-]+/)\s"),
]
ALONE = re.compile(r"`([\w-]+\.(?:md|txt|sh|sbatch|py|h|cpp|cmake))`")


def exists(name):
    return name in NAMES if "/" not in name else any(True for pattern in (name.rstrip("/"), name + ".*") for _ in pathlib.Path().glob(pattern))


for page in sys.argv[1:]:
    for number, line in enumerate(open(page), 1):
        named = {name for pattern in [*PATTERNS, ALONE] for name in pattern.findall(line)}
        for name in sorted(named):
            if not name.startswith(ELSEWHERE) and not exists(name):
                print(f"{page}:{number}: {name}")
