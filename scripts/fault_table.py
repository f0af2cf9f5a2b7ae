#!/usr/bin/env python3
"""Puts what the fault tests saw (build/release/faults/results.jsonl) as a table between the two markers of docs/reliability.md.

    scripts/fault_table.py [RESULTS [PAGE]]
    scripts/fault_table.py --check           names the rows that tests/faults has and the table has not

A line of RESULTS is one test: row, fault, injected, seen, detection_seconds, recovery_seconds; of several of one test the last
counts. Rows come in the matrix's order.
"""
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- table of scripts/fault_table.py: begin -->", "<!-- table of scripts/fault_table.py: end -->"
HEAD = ["| row | fault | injected | seen | detected after | back after |", "|---|---|---|---|---|---|"]


def newest_of_each_test(lines):
    found = {}
    for line in filter(str.strip, lines):
        result = json.loads(line)
        found[result["test"], result["row"], result["injected"]] = result
    return list(found.values())


def order(result):
    number, letter = re.fullmatch(r"(\d+)(\w*)", result["row"]).groups()
    return int(number), letter, result["fault"], result["injected"]


def seconds(value):
    return "" if value is None else f"{value:.1f} s"


def table(results):
    def cell(text):
        return str(text).replace("|", "\\|")
    lines = [f"| {r['row']} | {cell(r['fault'])} | {cell(r['injected'])} | {cell(r['seen'])} | {seconds(r['detection_seconds'])} | {seconds(r['recovery_seconds'])} |"
             for r in sorted(results, key=order)]
    return "\n".join([*HEAD, *lines])


def main(results=ROOT / "build/release/faults/results.jsonl", page=ROOT / "docs/reliability.md"):
    page = pathlib.Path(page)
    before, rest = page.read_text().split(BEGIN)
    after = rest.split(END)[1]
    found = newest_of_each_test(pathlib.Path(results).read_text().splitlines())
    page.write_text(f"{before}{BEGIN}\n{table(found)}\n{END}{after}")
    print(f"{page}: {len(found)} tests of {len({r['row'] for r in found})} rows")


def missing(tests=ROOT / "tests/faults", page=ROOT / "docs/reliability.md"):
    """Rows of tests that stand in no line of the table."""
    tested = {row.lstrip("0") for path in tests.glob("test_*.py") for row in re.findall(r"^def test_row_(\d+[a-z]?)_", path.read_text(), re.MULTILINE)}
    told = set(re.findall(r"^\| (\d+[a-z]?) \|", page.read_text(), re.MULTILINE))
    return sorted(tested - told, key=lambda row: (int(row.rstrip("abcdefgh")), row))


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit("\n".join(f"docs/reliability.md: row {row} is tested and not in the table (make faults)" for row in missing()))
    main(*sys.argv[1:])
