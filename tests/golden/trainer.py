"""What the tests of trainer/ compare with: the rates of PyTorch's OneCycleLR.

    python trainer.py OUT_DIR        writes OUT_DIR/onecycle.json
"""
import json
import pathlib
import sys
import warnings

import torch

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
