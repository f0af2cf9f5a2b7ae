#!/usr/bin/env python3
"""A trained model as ONNX: rebuilt in plain PyTorch (scripts/cat_pytorch.py), loaded strictly, exported, checked.

    scripts/export_onnx.py runs/voc voc.onnx                      the newest checkpoint, averaged weights if there are any
    scripts/export_onnx.py model.safetensors voc.onnx --opset 20

The newest checkpoint is the one that `catamaran predict` takes, and catamaran is asked which: build/release/bin/catamaran, or
CATAMARAN_BIN. The file used is printed.

Input `pixels`: float32 (batch, 3, S, S), any batch. Outputs: `logits` and `probabilities`, float32 (batch, labels).
The metadata of the ONNX file says what a program needs: `catamaran.classes` (JSON list, in the order of the outputs),
`catamaran.preprocessing` (JSON: size, resize, mean, std, ...), `catamaran.model` (JSON, the switches),
`catamaran.source` (JSON: file and SHA-256).

Before anything is written onnx.checker takes the model and onnxruntime gives PyTorch's logits to 1e-4 for batches of one and
three. OUT.onnx replaces nothing but an .onnx file, never a file of a pack, a run or a checkpoint.

Exit codes: 0 written; 2 usage, the path of OUT, an opset that the installed exporter cannot write; 4 the weights cannot be used, the
exported model does not agree, or OUT cannot be written; 6 weights or outputs that are not finite.
"""
import argparse
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import warnings

from script_results import Misused, NotFinite, Refused, different_files, ended, first_line, require_folder, result_path, say, script, whole_file

TOLERANCE = 1e-4
ROOT = pathlib.Path(__file__).resolve().parents[1]
BINARY = pathlib.Path(os.environ.get("CATAMARAN_BIN", ROOT / "build/release/bin/catamaran"))


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", metavar="RUN|CHECKPOINT|FILE.safetensors", type=pathlib.Path)
    parser.add_argument("out", metavar="OUT.onnx")
    parser.add_argument("--weights", choices=("auto", "ema", "raw"), default="auto", help="auto: averaged if there, else raw")
    parser.add_argument("--opset", type=int, default=18, help="of the ONNX operators (default: 18)")
    return parser.parse_args(argv)


def weights_file(source, weights):
    """Of a folder: what catamaran itself takes, after it has verified the checkpoint."""
    if os.path.isfile(source):
        return source
    try:
        done = subprocess.run([str(BINARY), "weights", "inspect", str(source), "--weights", weights, "--json"], capture_output=True, encoding="utf-8",
                              errors="replace")
    except OSError as problem:
        raise Refused(f"{BINARY} cannot be run: {problem.strerror}; build it with make, or name a .safetensors file") from None
    for line in done.stderr.splitlines():
        if " warning: " in line:
            print(line.split(" warning: ", 1)[1], file=sys.stderr)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"{BINARY} ended with code {done.returncode} and said nothing"]
        raise Refused(re.sub(r"^catamaran: (rank \d+: )?error: ", "", said[-1]).removeprefix(f"{source}: "))
    try:
        return pathlib.Path(json.loads(done.stdout)["file"])
    except (ValueError, KeyError, TypeError):
        raise Refused(f"{BINARY} does not answer as catamaran does: build it again with make") from None


def require_opset(opset):
    """Beyond what it supports the exporter warns, and writes another opset or one that nothing reads."""
    from onnxscript.version_converter import _version_converter as converter
    least, most = converter.SUPPORTED_MIN_ONNX_OPSET, converter.SUPPORTED_MAX_ONNX_OPSET
    if not least <= opset <= most:
        raise Misused(f"--opset {opset} is not one that the installed exporter writes; give one from {least} to {most}")


def require_finite(model):
    for name, tensor in model.state_dict().items():
        if not tensor.isfinite().all():
            raise NotFinite(f"tensor {name} holds values that are not finite: nothing is written; take weights of an earlier checkpoint")


def preprocessing(metadata):
    options = json.loads(metadata["catamaran.model"])
    shown = json.loads(metadata.get("catamaran.evaluation", '{"crop": "none", "resize": 0}'))
    size = options["input.size"]
    how = "squish to size, aspect not kept; bilinear with antialias, as Pillow's Image.resize((S, S), BILINEAR)"
    if shown["crop"] == "center":
        how = "shorter side to shorter_side, bilinear with antialias, then the middle of size: torchvision's Resize and CenterCrop of Pillow's images"
    return {"layout": "NCHW", "colour": "RGB", "size": [size, size], "crop": shown["crop"], "shorter_side": shown["resize"], "resize": how,
            "scale": 1 / 255, "mean": options["input.mean"], "std": options["input.std"],
            "formula": "(pixel * scale - mean) / std"}


def exported(model, size, opset):
    import torch

    class WithProbabilities(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.cat = model

        def forward(self, pixels):
            logits = self.cat(pixels)
            return logits, logits.sigmoid()

    program = torch.onnx.export(WithProbabilities().eval(), (torch.zeros(2, 3, size, size),), dynamo=True, opset_version=opset,
                                input_names=["pixels"], output_names=["logits", "probabilities"],
                                dynamic_shapes={"pixels": {0: torch.export.Dim("batch")}}, verbose=False)
    return program.model_proto


def describe(proto, metadata, file):
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    for key, value in (("catamaran.classes", metadata["catamaran.classes"]), ("catamaran.model", metadata["catamaran.model"]),
                       ("catamaran.preprocessing", json.dumps(preprocessing(metadata))),
                       ("catamaran.source", json.dumps({"file": file.name, "sha256": digest}))):
        entry = proto.metadata_props.add()
        entry.key, entry.value = key, value
    proto.producer_name = "catamaran export_onnx.py"
    proto.doc_string = "CAT, multi-label image classifier. Input and classes: see the metadata."


def largest_difference(model, path, size):
    """Between onnxruntime and PyTorch, in logits, on made pictures; both batch sizes. NotFinite: max() would take NaN for agreement."""
    import onnxruntime
    import torch
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    largest = 0.0
    for batch in (1, 3):
        pixels = torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(batch))
        with torch.no_grad():
            wanted = model(pixels)
        logits, probabilities = (torch.from_numpy(t) for t in session.run(["logits", "probabilities"], {"pixels": pixels.numpy()}))
        for who, output in (("PyTorch", wanted), ("onnxruntime", logits), ("onnxruntime", probabilities)):
            if not output.isfinite().all():
                raise NotFinite(f"{who}'s outputs are not finite: nothing is written; take weights of an earlier checkpoint")
        largest = max(largest, (logits - wanted).abs().max().item(), (probabilities - wanted.sigmoid()).abs().max().item())
    return largest


def checked(proto, model, path, size):
    """The difference to PyTorch of the file that is written to `path`."""
    import onnx
    try:
        onnx.save(proto, path)
        onnx.checker.check_model(path, full_check=True)
        apart = largest_difference(model, path, size)
    except (OSError, Refused):
        raise
    except Exception as problem:  # onnx and onnxruntime have kinds of their own
        raise Refused(f"what PyTorch exported is not accepted: nothing is written ({first_line(problem)})") from None
    if not apart <= TOLERANCE:
        raise Refused(f"onnxruntime differs from PyTorch by {apart:.2g}, more than {TOLERANCE}: nothing is written")
    return apart


def export(given):
    result_path(given.out, ".onnx")
    require_opset(given.opset)
    different_files(given.out, given.source)
    require_folder(given.out)
    import cat_pytorch
    file = weights_file(given.source, given.weights)
    different_files(given.out, file)
    if file != given.source:
        say(f"using {file}", done="nothing is written; ")
    try:
        model, classes, metadata = cat_pytorch.load(file)
        size = json.loads(metadata["catamaran.model"])["input.size"]
    except Exception as problem:  # safetensors and PyTorch have no common kind
        raise Refused(f"{file} cannot be used: {' '.join(str(problem).split())[:400]}") from None
    require_finite(model)
    try:
        proto = exported(model, size, given.opset)
        describe(proto, metadata, file)
    except Exception as problem:
        raise Refused(f"PyTorch cannot export it at opset {given.opset}: {first_line(problem)}") from None
    opset = next(o.version for o in proto.opset_import if o.domain in ("", "ai.onnx"))
    if opset != given.opset:
        raise Refused(f"PyTorch exported it at opset {opset}, not {given.opset}: nothing is written; --opset {opset} takes that")
    with whole_file(given.out) as temporary:
        apart = checked(proto, model, temporary, size)
    say(f"{given.out}: {len(classes)} classes, {size} x {size} pixels, opset {opset}, onnxruntime within {apart:.1e} of PyTorch",
        done=f"{given.out} is written; ")


def main(argv=None):
    given = arguments(argv)
    warnings.simplefilter("ignore")
    return ended(given.source, lambda: export(given))


if __name__ == "__main__":
    sys.exit(script(main))
