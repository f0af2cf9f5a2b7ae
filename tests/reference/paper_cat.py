"""CAT in plain PyTorch, written from the paper's equations (1) to (12), for the parity test.

It shares no code and no name with Catamaran's C++ model or with the shipped rebuild: attention is written out
with einsum and softmax, pooling and up-sampling with reshapes, the layers are named after the equations. The only
thing it knows of Catamaran is the last part, a map from its own names to those in model.safetensors.

    image -> S3, S4, S5 -> P3, P4, P5 -> P_r5 -> P_r4 -> P_r3 -> y_hat         feature maps of stride 8, 16, 32

Three conventions that the paper leaves open follow Catamaran's documents: positions are added to the tokens themselves;
with pre-norm only the queries are normalised, the keys' map is not; the plain backbone has one fixed factor, 1.

    model = PaperCat(Switches(backbone="resnet18", labels=7, d=64, heads=4))
    model.take(safetensors.torch.load_file("model.safetensors"))               strict: every tensor, no other
    y_hat = model(pictures)                                                    (B, labels)

Letters in einsum: b image, n head, q query position, k key position, e width of a head, l label, d width.
"""
from dataclasses import dataclass, replace

import timm
import torch
from torch import nn
from torch.nn import functional as F


@dataclass
class Switches:
    """What the paper leaves open, and what its ablation rows switch off; the first value is the paper's reading."""

    backbone: str = "resnext50_32x4d"
    labels: int = 80
    d: int = 512
    heads: int = 8
    ffn_width: int = 2048
    fpn: bool = True
    topdown: str = "conv_then_upsample"  # upsample_then_conv, deconv
    share_conv2: bool = False
    lrd: bool = True
    clf: bool = True
    pma: bool = True
    query: str = "upper"  # upsampled
    kv_stride: tuple = (2, 4)  # of P4, of P3
    kv_grid: int = 0  # > 0: so many windows a side instead, whatever the level's size
    residual: bool = True
    pre_norm: bool = False
    position: str = "none"  # sine2d
    pool: str = "mean"  # max, topk, csra
    topk: int = 4
    csra_lambda: float = 0.2
    csra_temperature: float = 1.0


def nearest(x, rows, columns):
    """Row r of the result is row floor(r * H / rows) of x, the same for columns."""
    height, width = x.shape[2:]
    r = torch.arange(rows) * height // rows
    c = torch.arange(columns) * width // columns
    return x[:, :, r][:, :, :, c]


def window_max(x, stride):
    """Largest value of each stride x stride window; the last windows may be cut off by the border."""
    height, width = x.shape[2:]
    x = F.pad(x, (0, -width % stride, 0, -height % stride), value=-torch.inf)
    b, c, h, w = x.shape
    return x.reshape(b, c, h // stride, stride, w // stride, stride).amax((3, 5))


def grid_max(x, grid):
    """Largest value of each of grid x grid windows; window i of n rows is rows floor(i n / grid) to ceil((i + 1) n / grid)."""
    def windows(x, dim):
        n, count = x.shape[dim], min(grid, x.shape[dim])
        edges = [(i * n // count, -(-(i + 1) * n // count)) for i in range(count)]
        return torch.stack([x.narrow(dim, a, b - a).amax(dim) for a, b in edges], dim)

    return windows(windows(x, 2), 3)


def positions(x, grid):
    """A map for x's positions: rows in the first half of the width, columns in the second; in each first the sines,
    then the cosines, of the position over 10000^(i/(d/4)). A position is where the middle of a cell of x lies between the
    middles of the cells of a map of grid rows and columns over the same picture."""
    d, height, width = x.shape[1:]
    rate = 10000.0 ** (-torch.arange(d // 4) / (d // 4))

    def waves(n, cells):
        first = (cells / n - 1) / 2  # half a cell of x less half a cell of the grid, in the grid's cells
        where = first + cells / n * torch.arange(n)
        angle = where[:, None] * rate  # (n, d/4)
        return torch.cat([angle.sin(), angle.cos()], 1)

    rows = waves(height, grid[0]).T[:, :, None].expand(-1, -1, width)
    columns = waves(width, grid[1]).T[:, None, :].expand(-1, height, -1)
    return torch.cat([rows, columns])


def tokens(x):
    return x.flatten(2).transpose(1, 2)  # (b, d, h, w) -> (b, h w, d)


class Attention(nn.Module):
    """MHA(I1, I2, I2): softmax(Q K^T / sqrt(e)) V, a projection of its own for Q, K, V and the result."""

    def __init__(self, s):
        super().__init__()
        self.heads = s.heads
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(s.d, s.d) for _ in range(4))

    def forward(self, I1, I2, I2_values):
        def split(t):
            return t.unflatten(2, (self.heads, -1))  # (b, positions, n, e)

        Q, K, V = split(self.W_q(I1)), split(self.W_k(I2)), split(self.W_v(I2_values))
        scores = torch.einsum("bqne,bkne->bnqk", Q, K) / Q.shape[3] ** 0.5
        weights = torch.softmax(scores, dim=3)
        return self.W_o(torch.einsum("bnqk,bkne->bqne", weights, V).flatten(2))


class Aggregation(nn.Module):
    """Eq. 4 and 7: FFN(I1 + MHA(I1, I2, I2)) over a map of queries and a map of keys and values."""

    def __init__(self, s):
        super().__init__()
        self.s = s
        self.attention = Attention(s)
        self.norm_attention = nn.LayerNorm(s.d)
        self.widen = nn.Linear(s.d, s.ffn_width)
        self.narrow = nn.Linear(s.ffn_width, s.d)
        self.norm_ffn = nn.LayerNorm(s.d)

    def ffn(self, x):
        return self.narrow(F.gelu(self.widen(x)))

    def forward(self, I1, I2, grid):
        """grid: rows and columns of the upper level, in whose cells positions count."""
        height, width = I1.shape[2:]
        itself = I1 is I2
        if self.s.position == "sine2d":
            I1, I2 = I1 + positions(I1, grid), I2 + positions(I2, grid)
        x, source = tokens(I1), tokens(I2)
        if self.s.pre_norm:
            q = self.norm_attention(x)
            source = q if itself else source
            a = self.attention(q, source, source)
            x = x + a if self.s.residual else a
            x = x + self.ffn(self.norm_ffn(x))
        else:
            a = self.attention(x, source, source)
            x = self.norm_attention(x + a if self.s.residual else a)
            x = self.norm_ffn(x + self.ffn(x))
        return x.transpose(1, 2).unflatten(2, (height, width))


class PaperCat(nn.Module):
    def __init__(self, switches):
        super().__init__()
        s = self.s = switches
        self.encoder = timm.create_model(s.backbone, num_classes=0)
        levels = [(i, f["num_chs"]) for i, f in enumerate(self.encoder.feature_info) if f["reduction"] >= 8]
        self.taken = [i for i, _ in levels]
        (c3, c4, c5) = [c for _, c in levels]
        if not s.fpn:  # the row "Backbone": one fully connected layer over S5
            self.mlp1 = nn.Linear(c5, s.labels)
            self.alpha = nn.Parameter(torch.tensor(1.0), requires_grad=False)
            return
        self.S3_to_d, self.S4_to_d, self.conv1 = (nn.Conv2d(c, s.d, 1) for c in (c3, c4, c5))
        self.conv2_of_P5 = self.make_conv2()
        self.conv2_of_P4 = self.conv2_of_P5 if s.share_conv2 else self.make_conv2()
        if s.lrd:
            self.LRD = Aggregation(replace(s, residual=True))  # eq. 4 has it; the switch is of eq. 7
        if s.clf:
            self.CLA4, self.CLA3 = Aggregation(s), Aggregation(s)
        self.mlp1, self.mlp2, self.mlp3 = (nn.Linear(s.d, s.labels) for _ in range(3))
        self.alpha, self.beta, self.gamma = (nn.Parameter(torch.tensor(1 / 3)) for _ in range(3))

    def make_conv2(self):
        if self.s.topdown == "deconv":
            return nn.ConvTranspose2d(self.s.d, self.s.d, 2, stride=2)
        return nn.Conv2d(self.s.d, self.s.d, 3, padding=1)

    def down(self, conv2, P, lateral):
        """The part of P4 or P3 that comes from the level above (eq. 2, 3), at that level's size."""
        size = lateral.shape[2:]
        if self.s.topdown == "upsample_then_conv":
            return lateral + conv2(nearest(P, *size))
        if self.s.topdown == "deconv":
            return lateral + conv2(P)[:, :, : size[0], : size[1]]
        return lateral + nearest(conv2(P), *size)

    def CLA(self, block, upper, lower, stride):
        grid = upper.shape[2:]
        if self.s.query == "upsampled":
            upper = nearest(upper, *lower.shape[2:])
        if self.s.pma:
            lower = grid_max(lower, self.s.kv_grid) if self.s.kv_grid else window_max(lower, stride)
        return block(upper, lower, grid)

    def pooled(self, mlp, feature):
        """One score a position and label, then one a label."""
        score = torch.einsum("bdhw,ld->blhw", feature, mlp.weight).flatten(2) + mlp.bias[:, None]
        if self.s.pool == "max":
            return score.amax(2)
        if self.s.pool == "topk":
            return score.sort(dim=2, descending=True).values[:, :, : self.s.topk].mean(2)
        if self.s.pool == "csra":
            attention = torch.softmax(self.s.csra_temperature * score, dim=2)
            return score.mean(2) + self.s.csra_lambda * (attention * score).sum(2)
        return score.mean(2)

    def levels(self, x):
        """The maps that are classified: P_r5, P_r4, P_r3 (eq. 1 to 7)."""
        S3, S4, S5 = self.encoder.forward_intermediates(x, indices=self.taken, intermediates_only=True)
        if not self.s.fpn:
            return [S5]
        P5 = self.conv1(S5)
        P4 = self.down(self.conv2_of_P5, P5, self.S4_to_d(S4))
        P3 = self.down(self.conv2_of_P4, P4, self.S3_to_d(S3))
        P_r5 = self.LRD(P5, P5, P5.shape[2:]) if self.s.lrd else P5
        if not self.s.clf:
            return [P_r5, P4, P3]
        P_r4 = self.CLA(self.CLA4, P_r5, P4, self.s.kv_stride[0])
        P_r3 = self.CLA(self.CLA3, P_r4, P3, self.s.kv_stride[1])
        return [P_r5, P_r4, P_r3]

    def forward(self, x):
        maps = self.levels(x)
        y1 = self.pooled(self.mlp1, maps[0])
        if not self.s.fpn:
            return self.alpha * y1
        y2, y3 = self.pooled(self.mlp2, maps[1]), self.pooled(self.mlp3, maps[2])
        return self.alpha * y1 + self.beta * y2 + self.gamma * y3

    @staticmethod
    def loss(y_hat, y):
        """Eq. 12 over a batch, with y_hat the logits and y 1 or 0."""
        p = torch.sigmoid(y_hat)
        return -(y * p.log() + (1 - y) * (1 - p).log()).mean()

    def names(self):
        """This model's names -> those in model.safetensors; a shared tensor once."""
        names, seen = {}, set()
        for name, tensor in self.state_dict(keep_vars=True).items():
            if tensor not in seen:
                names[name] = safetensors_name(name)
            seen.add(tensor)
        return names

    def take(self, tensors):
        """Loads every tensor of a file; counters of batch norm may be missing."""
        own = {ours: tensors[theirs] for ours, theirs in self.names().items() if theirs in tensors}
        missing = [n for n in self.names().values() if n not in tensors and not n.endswith("num_batches_tracked")]
        extra = sorted(set(tensors) - set(self.names().values()))
        if missing or extra:
            raise ValueError(f"missing {missing}, not wanted {extra}")
        self.load_state_dict(own, strict=False)


# The only thing here that comes from Catamaran: what it calls the parts.
PARTS = {
    "encoder": "backbone",
    "conv1": "fpn.lateral5", "S4_to_d": "fpn.lateral4", "S3_to_d": "fpn.lateral3",
    "conv2_of_P5": "fpn.topdown5", "conv2_of_P4": "fpn.topdown4",
    "LRD": "lrd", "CLA4": "cla4", "CLA3": "cla3",
    "mlp1": "head1.fc", "mlp2": "head2.fc", "mlp3": "head3.fc",
}
INSIDE_AGGREGATION = {
    "attention.W_q": "attention.q", "attention.W_k": "attention.k", "attention.W_v": "attention.v", "attention.W_o": "attention.out",
    "norm_attention": "norm", "widen": "ffn.linear1", "narrow": "ffn.linear2", "norm_ffn": "ffn.norm",
}


def switches(options, labels):
    """The switches as the metadata "catamaran.model" of a model.safetensors writes them."""
    o = options
    return Switches(
        backbone=o["backbone.name"], labels=labels, d=o["attention.dim"], heads=o["attention.heads"], ffn_width=o["attention.ffn_dim"],
        fpn=o["fpn.enabled"], topdown=o["fpn.topdown"], share_conv2=o["fpn.share_td_conv"], lrd=o["lrd.enabled"], clf=o["cla.enabled"],
        pma=o["cla.pma"], query=o["cla.query"], kv_stride=(o["cla.kv_stride_p4"], o["cla.kv_stride_p3"]),
        kv_grid=o.get("cla.kv_grid", 0), residual=o["cla.residual"],
        pre_norm=o["attention.norm"] == "pre", position=o["attention.position"], pool=o["head.pool"], topk=o["head.topk"],
        csra_lambda=o["head.csra_lambda"], csra_temperature=o["head.csra_temperature"])


def safetensors_name(name):
    part, _, rest = name.partition(".")
    if part in ("LRD", "CLA4", "CLA3"):
        inner, _, leaf = rest.rpartition(".")
        rest = f"{INSIDE_AGGREGATION[inner]}.{leaf}"
    return f"{PARTS[part]}.{rest}" if rest else part
