"""Golden values for model/losses: sums, counts and gradients in fp64 of code written from the papers' formulas, which timm's and
torchvision's losses confirm where they offer the same.

Case loss-NAME: input z, y, w (class weights, all 1 without them), option.KEY; expected sum, count, gradient.
"""
import itertools

import timm.loss
import torch
from safetensors.torch import save_file
from torchvision.ops import sigmoid_focal_loss

BASE = {"name": "bce", "focal_gamma": 2.0, "focal_alpha": 0.25, "asl_gamma_pos": 0.0, "asl_gamma_neg": 4.0, "asl_clip": 0.05,
        "asl_detach_weights": True, "label_smoothing": 0.0, "scale": 1.0}
NAMES = ("bce", "focal", "asl")
CASES = {
    "bce": {},
    "focal": {"name": "focal"},
    "focal-unweighted": {"name": "focal", "focal_alpha": -1.0, "focal_gamma": 1.5},
    "focal-root": {"name": "focal", "focal_gamma": 0.5},
    "asl-paper": {"name": "asl"},
    "asl-paper-through-weights": {"name": "asl", "asl_detach_weights": False},
    "asl-gamma-pos-1": {"name": "asl", "asl_gamma_pos": 1.0},
    "asl-query2label": {"name": "asl", "asl_gamma_neg": 2.0, "asl_clip": 0.0, "asl_detach_weights": False, "scale": 1000.0},
    "asl-root": {"name": "asl", "asl_gamma_neg": 0.5, "asl_gamma_pos": 0.5, "asl_detach_weights": False},
}


def loss_of_labels(o, z, t, w):
    """t the target after smoothing; p and its complement each from its own sigmoid, so that neither is lost to rounding."""
    p, q = torch.sigmoid(z), torch.sigmoid(-z)
    if o["name"] == "bce":
        return -w * t * p.log() - (1 - t) * q.log()
    if o["name"] == "focal":
        a = o["focal_alpha"]
        a, b = (1.0, 1.0) if a < 0 else (a, 1 - a)
        return -w * t * a * q ** o["focal_gamma"] * p.log() - (1 - t) * b * p ** o["focal_gamma"] * q.log()
    clipped = p <= o["asl_clip"]
    pm = torch.where(clipped, torch.full_like(p, 0.5), p - o["asl_clip"])
    factor_pos, factor_neg = q ** o["asl_gamma_pos"], pm ** o["asl_gamma_neg"]
    if o["asl_detach_weights"]:
        factor_pos, factor_neg = factor_pos.detach(), factor_neg.detach()
    negative = torch.where(clipped, torch.zeros_like(p), -factor_neg * (q + o["asl_clip"]).log())
    return -w * t * factor_pos * p.log() + (1 - t) * negative


def confirm(o, z, y, w):
    """The same loss from a library, in fp32 and at moderate logits; None if it has none."""
    hard = (y > 0).float()
    t = hard * (1 - o["label_smoothing"]) + o["label_smoothing"] / 2
    if o["name"] == "bce":
        return torch.nn.functional.binary_cross_entropy_with_logits(z, t, pos_weight=w, reduction="none")
    if o["name"] == "focal" and o["label_smoothing"] == 0 and bool((w == 1).all()):
        return sigmoid_focal_loss(z, hard, alpha=o["focal_alpha"], gamma=o["focal_gamma"])
    if o["name"] == "asl" and o["label_smoothing"] == 0 and bool((w == 1).all()) and o["asl_gamma_neg"] >= 1:  # timm: NaN below 1
        return timm.loss.AsymmetricLossMultiLabel(o["asl_gamma_neg"], o["asl_gamma_pos"], o["asl_clip"], reduction="none",
                                                  disable_torch_grad_focal_loss=o["asl_detach_weights"])(z, hard)
    return None


def write_case(out, name, o, w, z, y):
    def total(z):
        t = (y > 0).double() * (1 - o["label_smoothing"]) + o["label_smoothing"] / 2
        loss = loss_of_labels(o, z, t, w)
        return o["scale"] * loss[y != 0].sum()
    z = z.clone().requires_grad_()
    value = total(z)
    value.backward()
    moderate = z.detach().float().clamp(-8, 8).requires_grad_()
    other = confirm(o, moderate, y, w.float())
    if other is not None:
        ours = moderate.detach().double().requires_grad_()
        total(ours).backward()
        (o["scale"] * other[y != 0].sum()).backward()
        torch.testing.assert_close(moderate.grad, ours.grad.float(), rtol=1e-3, atol=1e-4 * o["scale"], msg=lambda m: f"{name}: {m}")
        torch.testing.assert_close(o["scale"] * other[y != 0].sum(), total(ours).float(), rtol=1e-4, atol=0, msg=lambda m: f"{name}: {m}")
    options = {f"option.{key}": torch.tensor(float(NAMES.index(v)) if key == "name" else float(v), dtype=torch.float64) for key, v in o.items()}
    save_file({"z": z.detach(), "y": y, "w": w, **options}, out / f"loss-{name}.input.safetensors")
    save_file({"sum": value.detach(), "count": (y != 0).sum(), "gradient": z.grad}, out / f"loss-{name}.expected.safetensors")
    save_file({}, out / f"loss-{name}.weights.safetensors")


def write_losses(out):
    generator = torch.Generator().manual_seed(17)
    z = torch.randn(6, 7, generator=generator, dtype=torch.float64) * 4
    z[0, :4] = torch.tensor([80.0, -80.0, 80.0, -80.0])
    z[1, :2] = torch.tensor([-2.9, -2.95])  # on both sides of a clip of 0.05
    y = torch.randint(-1, 2, (6, 7), generator=generator).to(torch.int8)
    y[0, :4] = torch.tensor([1, 1, -1, -1], dtype=torch.int8)
    y[1, :2] = -1
    weights = {"": torch.ones(7, dtype=torch.float64), "-weighted": torch.rand(7, generator=generator, dtype=torch.float64) * 5 + 0.2}
    names = []
    for (case, changes), (suffix, w), smoothing in itertools.product(CASES.items(), weights.items(), (0.0, 0.1)):
        name = case + suffix + ("-smoothed" if smoothing else "")
        write_case(out, name, {**BASE, **changes, "label_smoothing": smoothing}, w, z, y)
        names.append(f"loss-{name}")
    (out / "losses.txt").write_text("\n".join(names) + "\n")
