"""slurm/Containerfile and slurm/catamaran.def without a container runtime: their steps are scripts, which are run here as far as a system without one allows."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from runs import BINARY, ROOT

CONTAINERFILE = (ROOT / "slurm/Containerfile").read_text()
DEFINITION = (ROOT / "slurm/catamaran.def").read_text()
BUILD_STEP = "/src/scripts/build_tree.sh /opt/catamaran"
RUNTIME_STEPS = ["/opt/catamaran/share/catamaran/scripts/install_runtime.sh --user catamaran", "/opt/catamaran/bin/catamaran --version"]


def instructions():
    """Of the OCI file by stage: (word, rest)."""
    stages, arguments = [], {}
    for line in CONTAINERFILE.splitlines():
        if not line or line.startswith("#"):
            continue
        word, rest = line.split(maxsplit=1)
        assert word in ("ARG", "FROM", "COPY", "RUN", "ENV", "USER", "WORKDIR", "CMD"), line
        if word == "ARG":
            name, value = rest.split("=")
            arguments[f"${{{name}}}"] = value
        elif word == "FROM":
            stages.append([(word, " ".join(arguments.get(part, part) for part in rest.split()))])
        else:
            stages[-1].append((word, rest))
    return stages


def sections():
    """Of the Apptainer file by stage: header fields, and lines by section."""
    stages, at = [], None
    for line in DEFINITION.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("Bootstrap:"):
            stages.append({})
            at = None
        if line.startswith("%"):
            at = line
            stages[-1][at] = []
        elif at is None:
            name, value = line.split(": ", 1)
            stages[-1][name] = value
        else:
            assert line.startswith("    "), line
            stages[-1][at].append(line.strip())
    return stages


def of(stage, word):
    return [rest for name, rest in stage if name == word]


def test_both_files_take_the_same_pinned_debian():
    build, final = instructions()
    image = "docker.io/library/debian:"
    (tag,) = {of(build, "FROM")[0].removesuffix(" AS build").removeprefix(image), of(final, "FROM")[0].removeprefix(image),
              *(stage["From"].removeprefix(image) for stage in sections())}
    assert re.fullmatch(r"12\.\d+-slim", tag), "a point release of Debian 12, and no tag that moves"


def test_both_files_do_the_same_steps_and_nothing_else():
    build, final = instructions()
    assert of(build, "RUN") == [BUILD_STEP] and of(final, "RUN") == RUNTIME_STEPS
    one, other = sections()
    assert one["%post"] == [BUILD_STEP] and other["%post"] == RUNTIME_STEPS
    assert of(build, "COPY") == [". /src"] and one["%files"] == [". /src"]
    assert of(final, "COPY") == ["--from=build /opt/catamaran /opt/catamaran"] and other["%files from build"] == ["/opt/catamaran /opt/catamaran"]
    assert one["Stage"] == "build" and other["Stage"] == "final"


def test_both_images_are_set_up_alike_and_nobody_is_root():
    _, final = instructions()
    _, other = sections()
    assert [f"export {rest}" for rest in of(final, "ENV")] == other["%environment"]
    words = [word for word, _ in final]
    assert of(final, "USER") == ["catamaran"] and words.index("USER") > max(i for i, word in enumerate(words) if word in ("RUN", "COPY"))
    assert other["%runscript"] == ['exec catamaran "$@"']


def test_what_the_steps_name_is_there():
    for step in (BUILD_STEP, *RUNTIME_STEPS[:1]):
        script = ROOT / re.sub(r"^/src/|^/opt/catamaran/share/catamaran/", "", step.split()[0])
        assert os.access(script, os.X_OK), script
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {"build", "packs", "runs"} <= set(ignored)


def fakes(folder, **scripts):
    """Programs that note what they are asked, in front of the others; a script's text is what they do then."""
    folder.mkdir()
    for name, text in scripts.items():
        path = folder / name.replace("_", "-")
        path.write_text(f'#!/bin/bash\necho "{path.name} $*" >>"{folder}/asked"\n{text}\n')
        path.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


def asked(folder):
    return (folder / "asked").read_text().splitlines()


def runtime_packages():
    return subprocess.run([ROOT / "scripts/install_runtime.sh", "--print"], capture_output=True, text=True, check=True).stdout.split()


def test_the_runtime_script_installs_its_packages_and_a_user_and_leaves_no_lists(tmp_path):
    environment = fakes(tmp_path / "fakes", apt_get="", id="exit 1", useradd="")
    lists = tmp_path / "root/var/lib/apt/lists"
    lists.mkdir(parents=True)
    (lists / "debian_Packages").write_text("")
    for _ in range(2):  # safe to repeat
        subprocess.run([ROOT / "scripts/install_runtime.sh", "--user", "catamaran"], check=True, env={**environment, "CATAMARAN_ROOT": str(tmp_path / "root")})
    install = "apt-get install -y -qq --no-install-recommends " + " ".join(runtime_packages())
    assert asked(tmp_path / "fakes")[:4] == ["apt-get update -qq", install, "id catamaran", "useradd --uid 1000 --create-home --shell /bin/bash catamaran"]
    assert lists.is_dir() and not list(lists.iterdir())


def test_the_runtime_script_makes_no_user_that_is_there_or_not_asked_for(tmp_path):
    for number, (words, there) in enumerate(((["--user", "catamaran"], "exit 0"), ([], "exit 1"))):
        environment = fakes(tmp_path / f"fakes{number}", apt_get="", id=there, useradd="")
        subprocess.run([ROOT / "scripts/install_runtime.sh", *words], check=True, env={**environment, "CATAMARAN_ROOT": str(tmp_path)})
        assert not any("useradd" in line for line in asked(tmp_path / f"fakes{number}"))


def test_the_runtime_script_ends_with_apts_failure_and_refuses_other_options(tmp_path):
    environment = fakes(tmp_path / "fakes", apt_get='[[ $1 != install ]] || exit 100', useradd="")
    assert subprocess.run([ROOT / "scripts/install_runtime.sh", "--user", "x"], env={**environment, "CATAMARAN_ROOT": str(tmp_path)}).returncode == 100
    assert not any("useradd" in line for line in asked(tmp_path / "fakes"))
    done = subprocess.run([ROOT / "scripts/install_runtime.sh", "--users"], capture_output=True, text=True)
    assert done.returncode == 2 and "'--users' is no option" in done.stderr


def test_debian_has_the_runtime_packages():
    """Without root, by apt's simulation."""
    if not list(pathlib.Path("/var/lib/apt/lists").glob("*_Packages*")):
        pytest.skip("apt has no lists here: apt-get update")
    done = subprocess.run(["apt-get", "-s", "install", "--no-install-recommends", *runtime_packages()], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def installed():
    """Of each installed package, what it needs, by name; a name that others provide stands for them."""
    fields = subprocess.run(["dpkg-query", "-W", "-f", "${Package}\t${Pre-Depends}, ${Depends}\t${Provides}\n"], capture_output=True, text=True, check=True).stdout
    needs, providers = {}, {}
    for line in fields.splitlines():
        name, depends, provides = line.split("\t")
        needs[name] = [re.split(r"[ :(]", choice.strip())[0] for group in depends.split(",") for choice in group.split("|") if choice.strip()]
        for provided in provides.split(","):
            providers.setdefault(re.split(r"[ :(]", provided.strip())[0], []).append(name)
    return needs, providers


def test_the_runtime_packages_bring_every_library_of_the_system_that_the_program_wants():
    said = subprocess.run(["ldd", BINARY], capture_output=True, text=True, check=True).stdout
    paths = {line.split(" => ")[1].split(" (")[0] for line in said.splitlines() if " => /" in line and "site-packages" not in line}
    needs, providers = installed()
    reached, waiting = set(), [*runtime_packages(), "libc6"]
    while waiting:
        name = waiting.pop()
        if name in needs and name not in reached:
            reached.add(name)
            waiting += needs[name]
        waiting += [other for other in providers.get(name, []) if other not in reached]
    def names(path):  # /lib is /usr/lib, and dpkg knows a file by one of them
        return {name.removeprefix("/usr") if bare else name for name in (path, os.path.realpath(path), f"/usr{path}") for bare in (False, True)}
    owners = {}
    for line in subprocess.run(["dpkg-query", "-S", *{name for path in paths for name in names(path)}], capture_output=True, text=True).stdout.splitlines():
        packages, _, file = line.partition(": ")
        owners[file] = packages.split(",")[0].split(":")[0]
    for path in paths:
        owner = next((owners[name] for name in names(path) if name in owners), None)
        assert owner in reached, f"{path} is of {owner}, which the group runtime of scripts/debian-packages.txt does not bring"


def test_the_build_script_in_a_clean_checkout_does_what_the_front_door_does(tmp_path):
    """The set-up and the configuration really; the compiler's part and the installation by name."""
    checkout = tmp_path / "src"
    subprocess.run(["git", "-c", "advice.detachedHead=false", "clone", "-q", ROOT, checkout], check=True)
    changed = subprocess.run(["git", "ls-files", "-m", "-o", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for name in changed:  # as it will be committed
        if (ROOT / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, checkout / name)
    cmake, ninja = shutil.which("cmake"), shutil.which("ninja")
    environment = fakes(tmp_path / "fakes", cmake=f'[[ $1 == --install ]] || exec {cmake} "$@"', ninja=f'[[ " $* " != *" catamaran"* ]] || exit 0\nexec {ninja} "$@"')
    done = subprocess.run([checkout / "scripts/build_tree.sh", tmp_path / "tree"], capture_output=True, text=True, env=environment, cwd="/")
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    steps = [line for line in asked(tmp_path / "fakes") if line.startswith(("cmake --preset", "cmake --install")) or line.endswith(" catamaran")]
    assert steps == ["cmake --preset release -B build/tree -DBUILD_TESTING=OFF", "ninja -C build/tree catamaran", f"cmake --install build/tree --prefix {tmp_path}/tree"]
    assert (checkout / "build/tree/build.ninja").is_file() and "bin/catamaran" in (checkout / "build/tree/build.ninja").read_text()
    makefile = (ROOT / "Makefile").read_text()
    for words in ("cmake --preset release", "ninja -C build/release -j $(JOBS) catamaran", "cmake --install build/release --prefix"):
        assert words in makefile, "the same by the front door"


def test_the_build_script_wants_an_absolute_place():
    for words, says in ((["here"], "no absolute path"), ([], "usage")):
        done = subprocess.run([ROOT / "scripts/build_tree.sh", *words], capture_output=True, text=True)
        assert done.returncode != 0 and says in done.stderr
