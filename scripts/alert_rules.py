#!/usr/bin/env python3
"""The alerting rules that ship with the program, for your site or for a trial: links to your own copy of the pages, or all times shorter.

    scripts/alert_rules.py --pages https://docs.example.org/catamaran/ --out /etc/prometheus/catamaran.rules.yml
    scripts/alert_rules.py --faster 20 --out trial.rules.yml        CatamaranDown after 6 seconds instead of two minutes

--faster N divides every duration by N: `for: 2m`, ranges and steps ([10m], [1h:1m]), and minutes in expressions (2 * 60). It is for trying
alerts out, and for tests: a rate over half a minute needs a scrape a second (global.scrape_interval). Nothing else is changed, comments stay.
Reads monitoring/prometheus/catamaran.rules.yml, or --rules FILE. Exit code: 0, or 2 with a sentence where a file or a number is no good.
"""
import argparse
import pathlib
import re
import sys

SHIPPED = pathlib.Path(__file__).resolve().parents[1] / "monitoring/prometheus/catamaran.rules.yml"
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
FOR = re.compile(r"(?m)^(\s+for: )(\d+)([smhd])$")
RANGE = re.compile(r"\[(\d+)([smhd])(?::(\d+)([smhd]))?\]")
MINUTES = re.compile(r"\b(\d+) \* 60\b")
LINK = re.compile(r"(?m)^(\s+runbook_url: )(docs/\S+)$")


def shorter(count, unit, faster):
    """A duration as Prometheus writes it, divided; not less than a millisecond."""
    milliseconds = max(1, round(1000 * int(count) * SECONDS[unit] / faster))
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"


def faster_rules(text, faster):
    def of_range(found):
        count, unit, step, step_unit = found.groups()
        return f"[{shorter(count, unit, faster)}{':' + shorter(step, step_unit, faster) if step else ''}]"

    def outside_comments(line):
        if line.lstrip().startswith("#"):
            return line
        line = MINUTES.sub(lambda found: f"{int(found[1]) * 60 / faster:g}", line)
        return RANGE.sub(of_range, line)

    text = FOR.sub(lambda found: found[1] + shorter(found[2], found[3], faster), text)
    return "\n".join(outside_comments(line) for line in text.split("\n"))


def linked_rules(text, pages):
    return LINK.sub(lambda found: f"{found[1]}{pages.rstrip('/')}/{found[2]}", text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", type=pathlib.Path, default=SHIPPED, metavar="FILE")
    parser.add_argument("--faster", type=float, default=1, metavar="N", help="divide every duration by N, 1 to 1000")
    parser.add_argument("--pages", metavar="URL", help="where the folder docs/ is, for links of alerts")
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE", help="standard output without it")
    options = parser.parse_args()
    if not 1 <= options.faster <= 1000:
        parser.error(f"--faster {options.faster:g} must be 1 to 1000")
    if options.pages is not None and not re.fullmatch(r"https?://[^\s'\"]+", options.pages):
        parser.error(f"--pages {options.pages} must begin with http:// or https://")
    try:
        text = options.rules.read_text()
        if options.faster != 1:
            text = faster_rules(text, options.faster)
        if options.pages:
            text = linked_rules(text, options.pages)
        if options.out:
            options.out.write_text(text)
        else:
            sys.stdout.write(text)
    except (OSError, UnicodeDecodeError) as problem:
        parser.error(str(problem))


if __name__ == "__main__":
    main()
