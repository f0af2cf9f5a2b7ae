"""Programs that stand for Slurm's: they note what they are asked, and answer as a test says.

    slurm = FakeSlurm(folder)          # folder/bin goes before PATH: environment()
    slurm.asked("sbatch")              # a list of words for each call
    slurm.answers("squeue", out="RUNNING\\n")

A step of `srun` or `mpirun` runs the made `catamaran` of `folder/bin`, which behaves as FAKE_* variables of the environment say.
"""
import json
import os
import pathlib
import shlex
import shutil
import sys

# Notes its words as JSON, an array a line, then prints and ends as NAME.out, NAME.err and NAME.code say; "NAME.out.WORD" is the
# answer where a word of the call is WORD.
TOOL = """#!/usr/bin/env python3
import json, pathlib, sys
here, name = pathlib.Path({here!r}), {name!r}
with open(here / (name + ".asked"), "a") as asked:
    asked.write(json.dumps(sys.argv[1:]) + "\\n")
def answer(kind):
    for word in sys.argv[1:]:
        file = here / f"{{name}}.{{kind}}.{{word}}"
        if "/" not in word and file.exists():
            return file.read_text()
    file = here / f"{{name}}.{{kind}}"
    return file.read_text() if file.exists() else ""
sys.stdout.write(answer("out"))
sys.stderr.write(answer("err"))
sys.exit(int(answer("code") or 0))
"""

# Starts its program, once, in its own place; the test of nodes fails by itself with FAKE_SRUN_FAILS.
LAUNCHER = """#!/bin/bash
HERE={here}
printf '%s\\n' "$*" >>"$HERE/{name}.lines"
if [[ ${{FAKE_SRUN_FAILS:-}} && " $* " == *" doctor "* ]]; then echo "srun: error: Unable to create step" >&2; exit 1; fi
while (($#)) && [[ $1 != catamaran && $1 != */catamaran && $1 != wrapper ]]; do shift; done
exec "$@"
"""

# Ranks that take their time: USR1 ends them with 75, TERM kills them, as it would without a trap in the script.
CATAMARAN = """#!/bin/bash
HERE={here}
if [[ $1 == doctor ]]; then
  [[ ! ${{FAKE_DOCTOR:-}} ]] || {{ cat "$FAKE_DOCTOR"; exit 1; }}
  [[ ! ${{FAKE_DOCTOR_CODE:-}} ]] || exit "$FAKE_DOCTOR_CODE"
  echo '{{'; echo '  "may_train": true'; echo '}}'
  exit 0
fi
if [[ $1 == --version ]]; then echo "catamaran 0.1.0 (0123456789ab), LibTorch"; exit 0; fi
save() {{
  if [[ ${{FAKE_STEP:-}} ]]; then
    mkdir -p "$FAKE_RUN/checkpoints"
    printf 'step-%08d\\n' "$FAKE_STEP" >"$FAKE_RUN/checkpoints/latest"
  fi
}}
trap 'echo USR1 >>"$HERE/signals"; sleep "${{FAKE_CHECKPOINT_SECONDS:-0}}"; save; exit 75' USR1
printf '%s\\n' "$@" >"$HERE/arguments"
env | grep -E '^(SLURM_JOB_END_TIME|NCCL_)' | sort >"$HERE/environment"
if [[ ${{FAKE_CODE:-}} ]]; then
  save
  [[ -z ${{FAKE_FAILURE:-}} ]] || {{ sleep 0.05; printf '%s\\n' "$FAKE_FAILURE" >"$FAKE_RUN/failure.json"; }}
  exit "$FAKE_CODE"
fi
touch "$HERE/started"
for _ in $(seq 900); do sleep 0.1; done
"""


class FakeSlurm:
    def __init__(self, folder):
        self.folder, self.bin = pathlib.Path(folder), pathlib.Path(folder) / "bin"
        self.bin.mkdir(parents=True)
        here = shlex.quote(str(self.folder))
        for name in ("sbatch", "scontrol", "squeue", "sinfo", "scancel"):
            self._program(name, TOOL.format(here=str(self.folder), name=name))
        for name in ("srun", "mpirun"):
            self._program(name, LAUNCHER.format(here=here, name=name))
        self._program("catamaran", CATAMARAN.format(here=here))
        self.answers("squeue", out="RUNNING\n")
        self.few = self.folder / "few"  # what the made programs need, on a machine that may have a Slurm
        self.few.mkdir()
        for name, program in (("python3", sys.executable), ("bash", shutil.which("bash")), ("sleep", shutil.which("sleep"))):
            (self.few / name).symlink_to(program)

    def _program(self, name, text):
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def without(self, name):
        (self.bin / name).unlink()

    def answers(self, name, out=None, err=None, code=None, to=None):
        """What the program says; only where one of its words is `to`, if that is given."""
        for kind, value in (("out", out), ("err", err), ("code", code)):
            if value is not None:
                (self.folder / (f"{name}.{kind}" + (f".{to}" if to else ""))).write_text(str(value))

    def asked(self, name):
        file = self.folder / f"{name}.asked"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def lines(self, name):
        file = self.folder / name
        return file.read_text().splitlines() if file.exists() else []

    def forget(self):
        for file in self.folder.glob("*.asked"):
            file.unlink()

    def environment(self, alone=False, **more):
        """alone: nothing of the machine's own programs is on PATH."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "SBATCH_", "NCCL_"))}
        return {**kept, "PATH": f"{self.bin}:{self.few if alone else os.environ['PATH']}", **more}
