"""Golden values for model/: backbones (backbones.py) and an independent CAT (scripts/cat_pytorch.py), with random weights.

usage: model.py OUT_DIR
Writes, per case: NAME.weights.safetensors, NAME.input.safetensors and NAME.expected.safetensors.
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))
import backbones  # noqa: E402
import cat_pytorch as cat_reference  # noqa: E402
import model_cost  # noqa: E402
import model_losses  # noqa: E402

out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)


def randomise(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for name, value in model.state_dict().items():
        if name.endswith("running_var"):
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
        elif name.endswith("running_mean") or name.endswith("bias"):
            value.copy_(torch.randn(value.shape, generator=generator) * 0.1)
        elif name.endswith(".gamma"):
            value.copy_(torch.rand(value.shape, generator=generator) * 0.3 + 0.1)
        elif name.endswith(("bn1.weight", "bn2.weight", "bn3.weight", "norm.weight")) or ".downsample.1.weight" in name:
            value.copy_(torch.rand(value.shape, generator=generator) * 0.4 + 0.6)


def cat(case, size=64, **changes):
    options = dict(cat_reference.SMALL_OPTIONS)
    options["input.size"] = size
    options.update(changes)
    torch.manual_seed(3)
    model = cat_reference.Cat(options, labels=5)
    randomise(model, 5)
    with torch.no_grad():
        for name, value in zip(("alpha", "beta", "gamma"), (0.5, 0.3, 0.2)):
            if hasattr(model, name):
                getattr(model, name).fill_(value)
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    x = torch.randn(2, 3, size, size)
    labels = torch.tensor([[1, -1, 0, 1, -1], [-1, -1, 1, 0, 1]], dtype=torch.int8)
    weights = {name: value.clone().contiguous() for name, value in model.state_dict().items()}
    logits = model(x)
    mask = labels != 0
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits[mask], (labels[mask] > 0).float(), reduction="sum")
    loss.backward()
    expected = {"logits": logits.detach(), "loss": loss.detach()}
    expected.update({f"grad.{name}": p.grad.contiguous() for name, p in model.named_parameters() if p.grad is not None})
    save_file(weights, out / f"{case}.weights.safetensors", metadata={"catamaran.model": json.dumps(options), "catamaran.classes": json.dumps(list("abcde"))})
    save_file({"x": x, "labels": labels}, out / f"{case}.input.safetensors")
    save_file(expected, out / f"{case}.expected.safetensors")


backbones.write_all(out)
cat("cat-default")
cat("cat-without-fpn", **{"fpn.enabled": False, "lrd.enabled": False, "cla.enabled": False})
cat("cat-without-lrd", **{"lrd.enabled": False})
cat("cat-without-cla", **{"cla.enabled": False})
cat("cat-without-pma", **{"cla.pma": False})
cat("cat-without-residual", **{"cla.residual": False})
cat("cat-upsampled-query", size=72, **{"cla.query": "upsampled"})
cat("cat-upsample-then-conv", **{"fpn.topdown": "upsample_then_conv"})
cat("cat-deconv", **{"fpn.topdown": "deconv"})
cat("cat-shared-conv", **{"fpn.share_td_conv": True})
cat("cat-pre-norm", **{"attention.norm": "pre"})
cat("cat-sine2d", **{"attention.position": "sine2d"})
# odd sides: 72 px gives maps of 18, 9 and 5 cells, 80 px 20, 10 and 5, 104 px 26, 13 and 7
for size in (72, 80, 104):
    for kind in ("conv_then_upsample", "upsample_then_conv", "deconv"):
        cat(f"cat-{size}-{kind}", size=size, **{"fpn.topdown": kind})
    cat(f"cat-{size}-kv-grid", size=size, **{"cla.kv_grid": 5})
cat("cat-kv-grid", **{"cla.kv_grid": 4})
cat("cat-kv-grid-larger-than-a-level", size=72, **{"cla.kv_grid": 13})
cat("cat-kv-grid-upsampled-query", size=80, **{"cla.kv_grid": 3, "cla.query": "upsampled"})
cat("cat-stride-larger-than-a-level", **{"cla.kv_stride_p4": 5, "cla.kv_stride_p3": 17})
cat("cat-shared-deconv", size=104, **{"fpn.share_td_conv": True, "fpn.topdown": "deconv"})
for pool in ("max", "topk", "csra"):
    cat(f"cat-pool-{pool}", **{"head.pool": pool})
for name in ("tf_efficientnet_lite0", "convnext_tiny"):
    cat(f"cat-{name}", **{"backbone.name": name})
cat("cat-lite0-without-fpn", **{"backbone.name": "tf_efficientnet_lite0", "fpn.enabled": False, "lrd.enabled": False, "cla.enabled": False})
(out / "cases.txt").write_text("\n".join(sorted(p.name[:-len(".weights.safetensors")] for p in out.glob("cat-*.weights.safetensors"))) + "\n")
model_losses.write_losses(out)
model_cost.write(out / "costs.json")
