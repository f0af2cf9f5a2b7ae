#!/usr/bin/env python3
"""The last lines of `make test`: each part's counts and time, why tests were skipped, which took longest, and which failed.

usage: test_summary.py NAME=JUNIT.xml...      files of `ctest --output-junit`; one that is not there is a part that did not run. Exit code: 0.
"""
import collections
import re
import sys
import xml.etree.ElementTree as xml

LONGEST = 5
# What GoogleTest and pytest say after a skipped test; else only that it was skipped is known.
REASON = re.compile(r"Skipped\n(.+?)\n|SKIPPED \[\d+\] [^:]+:\d+: (.+)|: Skipped: (.+)")


def read_part(path):
    """[(name, status, seconds, output)]; None where the part did not run."""
    try:
        root = xml.parse(path).getroot()
    except (OSError, xml.ParseError):
        return None
    return [(case.get("name"), case.get("status"), float(case.get("time") or 0), case.findtext("system-out") or "") for case in root.iter("testcase")]


def reason_of(output):
    found = REASON.search(output)
    return next((part for part in found.groups() if part), "").strip() if found else "no reason given"


def lines_of(name, tests):
    if tests is None:
        return [f"{name}: did not run"]
    counts = collections.Counter(status for _, status, _, _ in tests)
    skipped = collections.Counter(reason_of(output) for _, status, _, output in tests if status in ("notrun", "disabled"))
    lines = [f"{name}: {counts['run']} passed, {counts['fail']} failed, {sum(skipped.values())} skipped, {sum(test[2] for test in tests) / 60:.1f} min of work"]
    lines += [f"  skipped {count}: {reason}" for reason, count in skipped.most_common()]
    lines += [f"  FAILED {test}" for test, status, _, _ in tests if status == "fail"]
    longest = sorted(tests, key=lambda test: -test[2])[:LONGEST]
    return lines + ["  longest: " + ", ".join(f"{test} {seconds:.0f} s" for test, _, seconds, _ in longest if seconds >= 1)]


def main():
    print("\nsummary")
    for argument in sys.argv[1:]:
        name, path = argument.split("=", 1)
        print("\n".join(lines_of(name, read_part(path))))


if __name__ == "__main__":
    main()
