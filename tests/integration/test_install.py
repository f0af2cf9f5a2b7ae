"""`cmake --install` into a scratch folder, moved elsewhere, with the clone out of sight: the program runs from there.

The libraries are linked in place of copied (CATAMARAN_INSTALL_LINKS), where the file system allows it; the folder is beside the build.
"""
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from runs import BINARY, ROOT, SMALL, metrics, settings

BUILD = BINARY.parents[1]
# What of this test's environment could show the program where it was built.
CLEAN = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nowhere", "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def install(prefix, *words, **environment):
    done = subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix, *words], capture_output=True, text=True, env={**os.environ, "CATAMARAN_INSTALL_LINKS": "1", **environment})
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


@pytest.fixture(scope="module")
def tree():
    """The installed tree, after it was moved."""
    scratch = BUILD / "install-test"
    shutil.rmtree(scratch, ignore_errors=True)
    install(scratch / "before")
    (scratch / "before").rename(scratch / "afterwards")
    yield scratch / "afterwards"
    shutil.rmtree(scratch, ignore_errors=True)


def run(tree, *words, code=0):
    done = subprocess.run([tree / "bin/catamaran", *map(str, words)], capture_output=True, text=True, env=CLEAN, cwd="/", timeout=240)
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_tree_has_what_its_users_need(tree):
    for path in ("bin/catamaran", "lib/catamaran/torch/lib/libtorch_cpu.so", "share/catamaran/configs/cat.toml", "share/catamaran/slurm/train.sbatch",
                 "share/catamaran/slurm/Containerfile", "share/catamaran/slurm/catamaran.def", "share/catamaran/scripts/install_runtime.sh",
                 "share/catamaran/scripts/debian-packages.txt", "share/doc/catamaran/LICENSE", "share/doc/catamaran/README.md",
                 "share/doc/catamaran/docs/configuration.md"):
        assert (tree / path).is_file(), path
    assert os.access(tree / "share/catamaran/scripts/install_runtime.sh", os.X_OK)
    licenses = {path.name for path in (tree / "share/doc/catamaran/licenses").iterdir()}
    assert any(name.startswith("torch-") for name in licenses) and {"nlohmann-json3-dev", "libcli11-dev"} <= licenses
    for folder in ("prometheus", "grafana"):
        assert (tree / "share/catamaran/monitoring" / folder).is_dir() == (ROOT / "monitoring" / folder).is_dir()
    assert not list(tree.rglob("site.sh")) and not list(tree.rglob("site.toml")) and not list(tree.rglob("libtorch_python.so"))
    assert not (tree / "share/doc/catamaran/docs/parts").exists()


def test_every_library_is_of_the_tree_or_of_the_system(tree):
    said = subprocess.run(["ldd", tree / "bin/catamaran"], capture_output=True, text=True, check=True, env=CLEAN).stdout
    assert "not found" not in said, said
    of_torch = {line.split(" => ")[1].rsplit(" (", 1)[0] for line in said.splitlines() if re.search(r"lib(torch|c10|nccl|cud|cublas|gomp)", line)}
    assert of_torch and all(pathlib.Path(os.path.realpath(path)).is_relative_to(os.path.realpath(tree)) for path in of_torch), of_torch
    assert str(ROOT) not in said and "site-packages" not in said


def test_the_program_does_not_remember_where_it_was_built(tree):
    paths = subprocess.run(["readelf", "-d", tree / "bin/catamaran"], capture_output=True, text=True, check=True).stdout
    (runpath,) = re.findall(r"R(?:UN)?PATH.*\[(.*)\]", paths)
    assert "$ORIGIN/../lib/catamaran/torch/lib" in runpath.split(":") and str(ROOT) not in runpath and "site-packages" not in runpath


def test_it_tells_its_version_and_checks_a_preset(tree):
    assert run(tree, "--version").startswith("catamaran ")
    assert "the configuration is valid" in run(tree, "config", "check", "--config", tree / "share/catamaran/configs/cat.toml", "--set", "data.train=p")


def test_two_steps_of_training_from_there(tree, packs, tmp_path):
    words = settings(*SMALL, f"data.train={packs}/pack-train", f"data.eval={packs}/pack-test", "data.augment.resize=64", "batch.global=16", "batch.per_device=16",
                     "schedule.max_steps=2")
    run(tree, "train", "--config", tree / "share/catamaran/configs/cat.toml", *words, "--run-dir", tmp_path / "run")
    assert [line["step"] for line in metrics(tmp_path / "run")] == [1, 2]


def test_ranks_of_its_own_find_the_program_where_it_is(tree):
    assert '"world": 2' in run(tree, "doctor", "--quick", "--json", "--ranks", 2)


def test_the_program_alone_can_be_installed_by_its_component(tmp_path):
    install(tmp_path / "tree", "--component", "catamaran")
    assert (tmp_path / "tree/bin/catamaran").is_file() and not (tmp_path / "tree/lib").exists()


def test_without_libtorch_in_the_tree_the_program_finds_the_one_it_was_built_with(tmp_path):
    """The option of the build, in a configuration of its own whose program is the one that is there."""
    build = tmp_path / "build"
    done = subprocess.run(["cmake", "--preset", "release", "-B", build, "-DBUILD_TESTING=OFF", "-DCATAMARAN_INSTALL_LIBTORCH=OFF"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    script = (build / "cmake_install.cmake").read_text()
    (rpath,) = re.findall(r'RPATH "([^"]*)"\)', script)[:1]
    assert "$ORIGIN" not in rpath and rpath.split(":")[0].endswith("/torch/lib") and pathlib.Path(rpath.split(":")[0]).is_dir()
    assert "install_libraries.cmake" not in script


def test_make_install_takes_a_prefix():
    said = subprocess.run(["make", "-n", "install", "PREFIX=elsewhere"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert f'cmake --install build/release --prefix "{ROOT}/elsewhere"' in said
