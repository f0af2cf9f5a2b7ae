"""CAT in plain PyTorch, as a user of PyTorch would write it: what a trained model is rebuilt with outside of catamaran
(scripts/export_onnx.py), the golden model of our tests and the peer of `make bench-step`.

Parameter names and options (the JSON of model.safetensors' metadata) are those of catamaran, the code is independent of it:
backbones come from timm.

    model, classes, metadata = load("model.safetensors")     strictly: every tensor, no other; in eval mode
    probabilities = model(x).sigmoid()                       x: (B, 3, S, S), normalised as metadata says
"""
import json
import math

import timm
import torch
from safetensors import safe_open
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from torch import nn
from torch.nn import functional as F

SMALL_OPTIONS = {
    "input.size": 64, "input.mean": [0.485, 0.456, 0.406], "input.std": [0.229, 0.224, 0.225],
    "backbone.name": "resnet10_narrow", "backbone.bn": "local",
    "fpn.enabled": True, "fpn.topdown": "conv_then_upsample", "fpn.share_td_conv": False, "lrd.enabled": True,
    "attention.dim": 32, "attention.heads": 4, "attention.ffn_dim": 64, "attention.dropout": 0.0, "attention.norm": "post",
    "attention.position": "none", "cla.enabled": True, "cla.residual": True, "cla.query": "upper", "cla.pma": True,
    "cla.kv_stride_p4": 2, "cla.kv_stride_p3": 4, "cla.kv_grid": 0, "head.pool": "mean", "head.topk": 4, "head.csra_lambda": 0.2,
    "head.csra_temperature": 1.0, "head.frozen_fusion": False,
}


TIMM_CHANNELS = {"tf_efficientnet_lite0": (40, 112, 320), "tf_efficientnet_lite1": (40, 112, 320), "tf_efficientnet_lite2": (48, 120, 352),
                 "convnext_tiny": (192, 384, 768)}


def end_at_last_stage(model):
    """Takes away what a timm model has between its last stage and its classifier's pooling."""
    if hasattr(model, "conv_head"):
        model.conv_head = model.bn2 = nn.Identity()


def make_backbone(name, pyramid):
    """pyramid: S5 is the last stage's map; else the one that the network's own classifier pools."""
    if name in TIMM_CHANNELS:
        model = timm.create_model(name, pretrained=False, num_classes=0)
        if hasattr(model, "head"):
            model.head = nn.Identity()  # its norm stands behind the pooling
        if pyramid:
            end_at_last_stage(model)
        return model, TIMM_CHANNELS[name] if pyramid else (*TIMM_CHANNELS[name][:2], model.num_features)
    if name == "resnet10_narrow":
        model = ResNet(BasicBlock, [1, 1, 1, 1], channels=(16, 32, 64, 128), num_classes=0)
        model.conv1 = nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False)
        model.bn1 = nn.BatchNorm2d(16)
        model.maxpool = nn.Identity()
        # timm's stem has 64 channels: the first block takes 16
        block = model.layer1[0]
        block.conv1 = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        block.downsample = None
        return model, (32, 64, 128)
    settings = {"resnet18": (BasicBlock, [2, 2, 2, 2], {}), "resnet50": (Bottleneck, [3, 4, 6, 3], {}),
                "resnet101": (Bottleneck, [3, 4, 23, 3], {}),
                "resnext50_32x4d": (Bottleneck, [3, 4, 6, 3], {"cardinality": 32, "base_width": 4}),
                "resnext101_32x8d": (Bottleneck, [3, 4, 23, 3], {"cardinality": 32, "base_width": 8})}
    block, layers, extra = settings[name]
    return ResNet(block, layers, num_classes=0, **extra), tuple(c * block.expansion for c in (128, 256, 512))


def backbone_features(b, x):
    """S3, S4, S5 of a timm model."""
    if hasattr(b, "conv_stem"):  # EfficientNet: last features of reduction 8 and 16; of 32, or the output of the head's convolution
        x = b.bn1(b.conv_stem(x))
        levels = []
        for i, stage in enumerate(b.blocks):
            x = stage(x)
            if i in (2, 4):
                levels.append(x)
        return (*levels, b.bn2(b.conv_head(x)))
    if hasattr(b, "stages"):  # ConvNeXt
        s3 = b.stages[1](b.stages[0](b.stem(x)))
        s4 = b.stages[2](s3)
        return s3, s4, b.stages[3](s4)
    x = b.layer1(b.maxpool(b.act1(b.bn1(b.conv1(x)))))
    s3 = b.layer2(x)
    s4 = b.layer3(s3)
    return s3, s4, b.layer4(s4)


class Attention(nn.Module):
    def __init__(self, dim, heads, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.q, self.k, self.v, self.out = (nn.Linear(dim, dim) for _ in range(4))

    def forward(self, query, source):
        def split(t):
            return t.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        q, k, v = split(self.q(query)), split(self.k(source)), split(self.v(source))
        weight = (q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])).softmax(-1)
        weight = F.dropout(weight, self.dropout, self.training)
        return self.out((weight @ v).transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, dim, inner, dropout, pre):
        super().__init__()
        self.linear1, self.linear2, self.norm = nn.Linear(dim, inner), nn.Linear(inner, dim), nn.LayerNorm(dim)
        self.dropout, self.pre = nn.Dropout(dropout), pre

    def forward(self, x):
        if self.pre:
            return x + self.linear2(self.dropout(F.gelu(self.linear1(self.norm(x)))))
        return self.norm(x + self.linear2(self.dropout(F.gelu(self.linear1(x)))))


class Block(nn.Module):
    """LRD when source is None, CLA otherwise."""

    def __init__(self, o, residual=True):
        super().__init__()
        dim, pre = o["attention.dim"], o["attention.norm"] == "pre"
        self.attention = Attention(dim, o["attention.heads"], o["attention.dropout"])
        self.norm = nn.LayerNorm(dim)
        self.ffn = FeedForward(dim, o["attention.ffn_dim"], o["attention.dropout"], pre)
        self.pre, self.residual = pre, residual

    def forward(self, query, source=None):
        if self.pre:
            q = self.norm(query)
            y = self.attention(q, q if source is None else source)
        else:
            y = self.attention(query, query if source is None else source)
        if self.residual:
            y = query + y
        return self.ffn(y if self.pre else self.norm(y))


def sine2d(h, w, unit, dim):
    """Of the centres of h x w cells, counted in cells of a map of size unit over the same picture."""
    quarter = dim // 4
    omega = 10000.0 ** (-torch.arange(quarter) / quarter)
    ys, xs = (((torch.arange(n) + 0.5) * (u / n) - 0.5)[:, None] * omega for n, u in zip((h, w), unit))
    y = torch.cat([ys.sin(), ys.cos()], 1)[:, None].repeat(1, w, 1)
    x = torch.cat([xs.sin(), xs.cos()], 1)[None].repeat(h, 1, 1)
    return torch.cat([y, x], 2).reshape(1, h * w, dim)


class Fpn(nn.Module):
    def __init__(self, o, channels):
        super().__init__()
        dim = o["attention.dim"]
        self.kind = o["fpn.topdown"]
        self.lateral3, self.lateral4, self.lateral5 = (nn.Conv2d(c, dim, 1) for c in channels)

        def conv():
            return nn.ConvTranspose2d(dim, dim, 2, stride=2) if self.kind == "deconv" else nn.Conv2d(dim, dim, 3, padding=1)
        self.topdown5 = conv()
        self.shared = o["fpn.share_td_conv"]
        if not self.shared:
            self.topdown4 = conv()

    def down(self, conv, upper, lower):
        size = lower.shape[-2:]
        if self.kind == "upsample_then_conv":
            return conv(F.interpolate(upper, size))
        return F.interpolate(conv(upper), size)

    def forward(self, s3, s4, s5):
        p5 = self.lateral5(s5)
        l4, l3 = self.lateral4(s4), self.lateral3(s3)
        p4 = l4 + self.down(self.topdown5, p5, l4)
        return l3 + self.down(self.topdown5 if self.shared else self.topdown4, p4, l3), p4, p5


class Head(nn.Module):
    def __init__(self, o, dim, labels):
        super().__init__()
        self.fc, self.o = nn.Linear(dim, labels), o

    def forward(self, p):
        pool = self.o["head.pool"]
        if pool == "mean":
            return self.fc(p.mean((2, 3)))
        scores = self.fc(p.flatten(2).transpose(1, 2))
        if pool == "max":
            return scores.max(1).values
        if pool == "topk":
            return scores.topk(min(self.o["head.topk"], scores.shape[1]), 1).values.mean(1)
        weight = (scores * self.o["head.csra_temperature"]).softmax(1)  # csra
        return scores.mean(1) + self.o["head.csra_lambda"] * (weight * scores).sum(1)


class Cat(nn.Module):
    def __init__(self, options, labels):
        super().__init__()
        self.o = o = options
        fpn = o["fpn.enabled"]
        self.backbone, channels = make_backbone(o["backbone.name"], pyramid=fpn)
        if fpn:
            self.fpn = Fpn(o, channels)
        if fpn and o["lrd.enabled"]:
            self.lrd = Block(o)
        if fpn and o["cla.enabled"]:
            self.cla4, self.cla3 = Block(o, o["cla.residual"]), Block(o, o["cla.residual"])
        heads = 3 if fpn else 1
        for i in range(heads):
            setattr(self, f"head{i + 1}", Head(o, o["attention.dim"] if fpn else channels[2], labels))
            setattr(self, ("alpha", "beta", "gamma")[i],
                    nn.Parameter(torch.tensor(1.0 / heads), requires_grad=heads > 1 and not o["head.frozen_fusion"]))

    def tokens(self, p, unit):
        t = p.flatten(2).transpose(1, 2)
        if self.o["attention.position"] == "sine2d":
            t = t + sine2d(*p.shape[-2:], unit, p.shape[1]).to(t)
        return t

    def cross(self, block, upper, lower, stride):
        unit = upper.shape[-2:]
        if self.o["cla.query"] == "upsampled":
            upper = F.interpolate(upper, lower.shape[-2:])
        if self.o["cla.pma"]:
            grid = self.o["cla.kv_grid"]
            if grid:
                lower = F.adaptive_max_pool2d(lower, [min(grid, side) for side in lower.shape[-2:]])
            else:
                lower = F.max_pool2d(lower, stride, stride, ceil_mode=True)
        return block(self.tokens(upper, unit), self.tokens(lower, unit)).transpose(1, 2).unflatten(2, upper.shape[-2:])

    def forward(self, x):
        s3, s4, s5 = backbone_features(self.backbone, x)
        if not self.o["fpn.enabled"]:
            return self.alpha * self.head1(s5)
        p3, p4, p5 = self.fpn(s3, s4, s5)
        r5 = p5
        if self.o["lrd.enabled"]:
            r5 = self.lrd(self.tokens(p5, p5.shape[-2:])).transpose(1, 2).unflatten(2, p5.shape[-2:])
        r4, r3 = p4, p3
        if self.o["cla.enabled"]:
            r4 = self.cross(self.cla4, r5, p4, self.o["cla.kv_stride_p4"])
            r3 = self.cross(self.cla3, r4, p3, self.o["cla.kv_stride_p3"])
        return self.alpha * self.head1(r5) + self.beta * self.head2(r4) + self.gamma * self.head3(r3)


def load(path):
    """The model that a file of catamaran describes, its class names, and the file's metadata."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    if "catamaran.model" not in metadata or "catamaran.classes" not in metadata:
        raise ValueError("it does not say which model and classes it holds: name a model.safetensors of a checkpoint, or import it first")
    options, classes = json.loads(metadata["catamaran.model"]), json.loads(metadata["catamaran.classes"])
    model = Cat(options, len(classes))
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        raise ValueError(f"its tensors do not fit the model it describes: missing {missing[:5]}, unexpected {unexpected[:5]}")
    return model.eval(), classes, metadata
