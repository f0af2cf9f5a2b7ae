"""What the tests of trainer/ compare with: the rates of PyTorch's OneCycleLR, the optimizers of PyTorch and timm, the stages
of timm's backbones.

    python trainer.py OUT_DIR        writes OUT_DIR/onecycle.json, stages.json, optimizers.json, optimizers.safetensors, clipped.safetensors
"""
import json
import pathlib
import sys
import warnings

import timm
import timm.optim
import timm.utils
import torch
from safetensors.torch import save_file

out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
warnings.filterwarnings("ignore")  # no optimizer steps between the scheduler's


def rates(total, pct_start):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=total, pct_start=pct_start, cycle_momentum=False)
    found = []
    for _ in range(total):
        found.append(schedule.get_last_lr()[0])
        schedule.step()
    return found


cases = []
for total, pct_start in [(20, 0.3), (7, 0.25), (5, 0.2), (5, 0.2 - 1e-9), (2, 0.3), (1, 0.3), (100, 0.05), (3, 0.9)]:
    try:
        cases.append({"total": total, "pct_start": pct_start, "rates": rates(total, pct_start)})
    except ZeroDivisionError:  # a rise of exactly one step: no value to compare with
        assert pct_start * total == 1
(out / "onecycle.json").write_text(json.dumps(cases))

# Stages of timm's backbones from the top, the classifier being 0.
levels = {}
for backbone in ["resnet18", "resnet50", "resnext50_32x4d", "convnext_tiny", "tf_efficientnet_lite0"]:
    model = timm.create_model(backbone, pretrained=False)
    layer = timm.models.group_parameters(model, model.group_matcher(coarse=True), reverse=True)
    levels[backbone] = {name: max(layer.values()) - number for name, number in layer.items()}
(out / "stages.json").write_text(json.dumps(levels))

# Optimizers: float32 weights, gradients of every step, and the weights after every step as the reference computes them.
# One tensor starts at 0 and one never has a gradient: their trust ratio is 1.
STEPS = 50
SHAPES = {"backbone.conv.weight": (4, 3, 3, 3), "backbone.bn.weight": (4,), "fpn.conv.weight": (6, 4, 1, 1), "fpn.unused.weight": (3, 2),
          "head1.fc.weight": (5, 8), "head1.fc.bias": (5,), "head2.fc.weight": (5, 8), "alpha": ()}


class MocoLars(torch.optim.Optimizer):
    """The rule of moco-v3's LARS, from its formula: u = g + decay w; v = momentum v + c |w| / |u| u; w -= rate v."""

    def __init__(self, groups, momentum, trust, nesterov=False):
        super().__init__(groups, dict(momentum=momentum, trust=trust, nesterov=nesterov))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for weight in group["params"]:
                update = weight.grad.clone()
                if weight.ndim > 1:
                    update += group["weight_decay"] * weight
                    weight_norm, update_norm = weight.norm().item(), update.norm().item()
                    if weight_norm > 0 and update_norm > 0:
                        update *= group["trust"] * weight_norm / update_norm
                velocity = self.state[weight].setdefault("velocity", torch.zeros_like(weight))
                velocity.mul_(group["momentum"]).add_(update)
                weight -= group["lr"] * (update + group["momentum"] * velocity if group["nesterov"] else velocity)


def run_optimizer(make, options, start, gradients):
    weights = {name: value.clone().requires_grad_() for name, value in start.items()}
    groups = [{"params": [weight], "weight_decay": options["weight_decay"] if weight.ndim >= 2 else 0.0,
               "factor": options.get("backbone_ratio", 1.0) if name.startswith("backbone.") else 1.0, "lr": 1.0}
              for name, weight in weights.items()]
    optimizer = make(groups)
    after = {name: [] for name in weights}
    for step in range(STEPS):
        for name, weight in weights.items():
            weight.grad = gradients[name][step]
        for group in optimizer.param_groups:
            group["lr"] = rate_at(options, step) * group["factor"]
        optimizer.step()
        for name, weight in weights.items():
            after[name].append(weight.detach().clone())
    return {name: torch.stack(values) for name, values in after.items()}


def rate_at(options, step):  # changes, so that a rate inside the velocity would show
    return options["learning_rate"] * (1.0 if step < 20 else 0.3)


def adaptive(name, o):
    return dict(momentum=o["momentum"], trust_coeff=o["trust_coefficient"], eps=1e-8, trust_clip=name == "larc", nesterov=o.get("nesterov", False), foreach=False)


def sgd(o):
    return lambda groups: torch.optim.SGD(groups, momentum=o["momentum"], nesterov=o.get("nesterov", False))


def lars(o):
    if o["lars_variant"] == "moco":
        return lambda groups: MocoLars(groups, o["momentum"], o["trust_coefficient"], o.get("nesterov", False))
    return lambda groups: timm.optim.Lars(groups, **adaptive(o["lars_variant"], o))


def lamb(o):
    return lambda groups: timm.optim.Lamb(groups, betas=(0.9, 0.999), eps=o["epsilon"], max_grad_norm=o.get("max_norm"), trust_clip=o.get("trust_cap", 0) == 1,
                                          foreach=False)


def adamw(o):
    return lambda groups: torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=o["epsilon"])


OPTIMIZERS = {
    "sgd": (sgd, dict(name="sgd", learning_rate=0.02, backbone_ratio=0.1, weight_decay=0.05, momentum=0.9)),
    "sgd_without_momentum": (sgd, dict(name="sgd", learning_rate=0.02, weight_decay=0.05, momentum=0.0)),
    "sgd_nesterov": (sgd, dict(name="sgd", learning_rate=0.02, backbone_ratio=0.5, weight_decay=0.05, momentum=0.9, nesterov=True)),
    "adamw": (adamw, dict(name="adamw", learning_rate=0.01, backbone_ratio=0.5, weight_decay=0.1, epsilon=1e-8)),
    "lars_timm": (lars, dict(name="lars", lars_variant="timm", learning_rate=0.05, backbone_ratio=0.5, weight_decay=0.05, momentum=0.9, trust_coefficient=0.2)),
    "lars_timm_nesterov": (lars, dict(name="lars", lars_variant="timm", learning_rate=0.05, weight_decay=0.05, momentum=0.9, trust_coefficient=0.2, nesterov=True)),
    "lars_moco": (lars, dict(name="lars", lars_variant="moco", learning_rate=0.05, backbone_ratio=0.5, weight_decay=0.05, momentum=0.9, trust_coefficient=0.2)),
    "lars_moco_without_decay": (lars, dict(name="lars", lars_variant="moco", learning_rate=0.05, weight_decay=0.0, momentum=0.9, trust_coefficient=0.2, nesterov=True)),
    # some ratios above the rate, which is their ceiling, some below
    "larc": (lars, dict(name="lars", lars_variant="larc", learning_rate=0.01, backbone_ratio=0.5, weight_decay=0.05, momentum=0.9, trust_coefficient=0.05)),
    "lamb": (lamb, dict(name="lamb", learning_rate=0.01, backbone_ratio=0.5, weight_decay=0.02, epsilon=1e-6)),
    "lamb_capped_and_clipped": (lamb, dict(name="lamb", learning_rate=0.02, weight_decay=0.02, epsilon=1e-6, trust_cap=1.0, max_norm=1.0)),
}

generator = torch.Generator().manual_seed(7)
start = {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}
start["head2.fc.weight"].zero_()
gradients = {name: torch.randn((STEPS, *shape), generator=generator) for name, shape in SHAPES.items()}
gradients["fpn.unused.weight"].zero_()
tensors = {f"start/{name}": value for name, value in start.items()} | {f"gradient/{name}": value for name, value in gradients.items()}
described = []
for case, (make, options) in OPTIMIZERS.items():
    for name, value in run_optimizer(make(options), options, start, gradients).items():
        tensors[f"{case}/{name}"] = value
    described.append({"case": case, "options": options, "rates": [rate_at(options, step) for step in range(STEPS)]})
save_file({name: value.contiguous() for name, value in tensors.items()}, str(out / "optimizers.safetensors"))
(out / "optimizers.json").write_text(json.dumps(described))

# The first step's gradients (clipped at 0.3 of the weights, or at norm 2) after timm's adaptive clipping without the heads, and PyTorch's.
clipped = {f"start/{name}": value for name, value in start.items()} | {f"gradient/{name}": value[:1].contiguous() for name, value in gradients.items()}
for way in ["agc", "norm"]:
    weights = {name: value.clone().requires_grad_() for name, value in start.items()}
    for name, weight in weights.items():
        weight.grad = gradients[name][0].clone()
    if way == "agc":
        timm.utils.agc.adaptive_clip_grad([weight for name, weight in weights.items() if not name.startswith("head")], clip_factor=0.3)
    else:
        torch.nn.utils.clip_grad_norm_(weights.values(), 2.0)
    clipped |= {f"{way}/{name}": weight.grad.contiguous() for name, weight in weights.items()}
assert any(not torch.equal(clipped[f"agc/{name}"], gradients[name][0]) for name in start)
save_file(clipped, str(out / "clipped.safetensors"))
