"""What the tests of monitoring/ compare with: the page docs/metrics.md as it is in the repository.

    python monitoring.py OUT_DIR        writes OUT_DIR/metrics.md, empty if there is no such page
"""

import pathlib
import sys

out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
page = pathlib.Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
(out / "metrics.md").write_bytes(page.read_bytes() if page.exists() else b"")
