"""Golden values for tests/parity: the CAT of tests/reference/paper_cat.py, written from the paper's equations.

usage: parity_cases.py OUT_DIR CASE...    a case is ROW-SIZE or SWITCH-SIZE (ResNet-18, d = 64), or large-ROW-SIZE (ResNeXt50, d = 512);
                                         two pictures, one where it is large or of 448 pixels
Writes ROW.weights.safetensors, and per case CASE.input.safetensors (pictures x, labels y) and CASE.expected.safetensors
(logits, loss, and grad.PARAMETER of every parameter, in eval mode, computed in double precision and rounded). The same row has the same weights at every size.
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests/reference")]
import cat_pytorch  # noqa: E402  the keys of the metadata and their defaults, nothing else
import paper_cat  # noqa: E402

LABELS = 6
ROWS = {
    "cat": {},
    "no_lrd": {"lrd.enabled": False},
    "no_pma": {"cla.pma": False},
    "no_clf": {"cla.enabled": False},
    "backbone_fpn": {"lrd.enabled": False, "cla.enabled": False},
    "backbone": {"fpn.enabled": False, "lrd.enabled": False, "cla.enabled": False},
    "upsampled": {"cla.query": "upsampled"},
    "upsampled_no_pma": {"cla.query": "upsampled", "cla.pma": False},
}
SWITCHES = {
    "upsample_then_conv": {"fpn.topdown": "upsample_then_conv"},
    "deconv": {"fpn.topdown": "deconv"},
    "shared_conv": {"fpn.share_td_conv": True},
    "strides_3_5": {"cla.kv_stride_p4": 3, "cla.kv_stride_p3": 5},
    "grid_7": {"cla.kv_grid": 7},
    "no_residual": {"cla.residual": False},
    "pre_norm": {"attention.norm": "pre"},
    "sine2d": {"attention.position": "sine2d"},
    "sine2d_no_pma": {"attention.position": "sine2d", "cla.pma": False},
    "sine2d_upsampled_pre_norm": {"attention.position": "sine2d", "attention.norm": "pre", "cla.query": "upsampled"},
    "pool_max": {"head.pool": "max"},
    "pool_topk": {"head.pool": "topk"},
    "pool_csra": {"head.pool": "csra", "head.csra_lambda": 0.4, "head.csra_temperature": 2.0},
}
SMALL = {"backbone.name": "resnet18", "attention.dim": 64, "attention.heads": 4, "attention.ffn_dim": 96, "attention.dropout": 0.0}
LARGE = {"backbone.name": "resnext50_32x4d", "attention.dim": 512, "attention.heads": 8, "attention.ffn_dim": 2048, "attention.dropout": 0.1}


def fill(model):
    """Weights under which every part matters: attention far from uniform, no norm at 1 or 0, statistics of real activations."""
    generator = torch.Generator().manual_seed(5)
    for name, p in model.named_parameters():
        noise = torch.randn(p.shape, generator=generator)
        if p.dim() > 1:
            gain = 2.0 if ".W_q." in name or ".W_k." in name else 1.4 if name.startswith("encoder.") else 1.0
            p.data = noise * gain / p[0].numel() ** 0.5
        elif p.dim() == 1:
            p.data = 1 + 0.2 * noise if name.endswith("weight") else 0.1 * noise
    if model.s.fpn:
        for p, value in ((model.alpha, 0.5), (model.beta, 0.3), (model.gamma, 0.2)):
            p.data.fill_(value)
    for norm in (m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        norm.momentum = 1.0
    with torch.no_grad():
        model.encoder.train()(torch.randn(2, 3, 128, 128, generator=generator))
    return model.eval()


def case(name, out):
    row, size = name.rsplit("-", 1)
    size = int(size)
    base = LARGE if name.startswith("large-") else SMALL
    options = {**cat_pytorch.SMALL_OPTIONS, **base, "input.size": size, **(ROWS | SWITCHES)[row.removeprefix("large-")]}
    model = fill(paper_cat.PaperCat(paper_cat.switches(options, LABELS)))
    names = model.names()
    generator = torch.Generator().manual_seed(size)
    count = 1 if base is LARGE or size > 400 else 2
    x = torch.randn(count, 3, size, size, generator=generator)
    y = torch.randint(0, 2, (count, LABELS), generator=generator)
    # Double precision: a ReLU or a maximum whose sides differ by rounding alone falls on the same side here and there.
    model.double()
    logits = model(x.double())
    loss = model.loss(logits, y.double())
    loss.backward()
    model.float()
    weights = {names[n]: t.detach().contiguous() for n, t in model.state_dict().items() if n in names}
    gradients = {"grad." + names[n]: p.grad.float().contiguous() for n, p in model.named_parameters() if p.requires_grad}
    save_file(weights, out / f"{row}.weights.safetensors",
              metadata={"catamaran.model": json.dumps(options), "catamaran.classes": json.dumps(list("abcdef"[:LABELS]))})
    save_file({"x": x, "y": (2 * y - 1).to(torch.int8)}, out / f"{name}.input.safetensors")
    save_file({"logits": logits.detach().float(), "loss": loss.detach().float(), **gradients}, out / f"{name}.expected.safetensors")


out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
for name in sys.argv[2:]:
    case(name, out)
