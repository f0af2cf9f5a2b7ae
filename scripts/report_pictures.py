#!/usr/bin/env python3
"""Pictures of a report for the documentation, taken in headless Chromium: by day, by night, on a phone, and of a sweep where one is given.

usage: build/venv/bin/python scripts/report_pictures.py REPORT.html [SWEEP.html] [--out docs/pictures]

Writes report.png, report-dark.png, report-phone.png and report-sweep.png. `make demo` leaves build/demo/report.html.
"""
import argparse
import pathlib
import sys

root = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root / "tests/integration"))
from browser import Browser  # noqa: E402


def picture(browser, page_file, target, **how):
    page = browser.open(page_file, **how)
    page.wait_for_charts()
    page.screenshot(target)
    if page.complaints:
        sys.exit(f"{page_file}: {page.complaints}")
    page.close()
    print(target)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("report", type=pathlib.Path)
    arguments.add_argument("sweep", type=pathlib.Path, nargs="?")
    arguments.add_argument("--out", type=pathlib.Path, default=root / "docs/pictures")
    given = arguments.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with Browser() as browser:
        picture(browser, given.report, given.out / "report.png", width=1240, height=1500)
        picture(browser, given.report, given.out / "report-dark.png", width=1240, height=900, dark=True)
        picture(browser, given.report, given.out / "report-phone.png", width=390, height=844, mobile=True, scale=2)
        if given.sweep:
            picture(browser, given.sweep, given.out / "report-sweep.png", width=1240, height=1300)


if __name__ == "__main__":
    main()
