"""Costs of the reference CAT (scripts/cat_pytorch.py), counted by PyTorch's own tools on the meta device, where nothing is computed:
multiply-accumulates by torch.utils.flop_counter, saved activations by saved_tensors_hooks. The attention matrix is materialised."""
import json

import cat_pytorch as cat_reference
import torch
from torch.utils.flop_counter import FlopCounterMode

# 80 labels, ResNeXt50, 448 px; the top-down convolutions after up-sampling, as the published sizes have it
PAPER = {"input.size": 448, "backbone.name": "resnext50_32x4d", "attention.dim": 512, "attention.heads": 8, "attention.ffn_dim": 2048,
         "fpn.topdown": "upsample_then_conv"}
CASES = {
    "cat": {},
    "cat-no-lrd": {"lrd.enabled": False},
    "cat-no-pma": {"cla.pma": False},
    "cat-no-clf": {"cla.enabled": False},
    "backbone-fpn": {"cla.enabled": False, "lrd.enabled": False},
    "backbone": {"fpn.enabled": False, "cla.enabled": False, "lrd.enabled": False},
    "cat-upsampled": {"cla.query": "upsampled"},
    "cat-no-pma-upsampled": {"cla.pma": False, "cla.query": "upsampled"},
    "cat-conv-then-upsample": {"fpn.topdown": "conv_then_upsample"},
    "cat-deconv-288-grid": {"fpn.topdown": "deconv", "input.size": 288, "cla.kv_grid": 7},
}


def measure(options):
    with torch.device("meta"):
        model = cat_reference.Cat(options, labels=80).train()
        x = torch.empty(1, 3, options["input.size"], options["input.size"])
    own = {tensor.untyped_storage()._cdata for tensor in [*model.parameters(), *model.buffers()]}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage  # held, so that no address is used twice
        return tensor

    counter = FlopCounterMode(display=False)
    with counter, torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(x)
    return {"parameters": sum(p.numel() for p in model.parameters()), "macs": counter.get_total_flops() // 2,
            "saved_bytes": sum(storage.nbytes() for storage in kept.values())}


def write(path):
    cases = {}
    for name, changes in CASES.items():
        options = dict(cat_reference.SMALL_OPTIONS, **PAPER)
        options.update(changes)
        cases[name] = dict(measure(options), options=options)
    path.write_text(json.dumps(cases, indent=1))
