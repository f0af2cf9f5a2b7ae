"""Golden values of evaluation: runs every evaluation_*.py beside this file with the same arguments."""
import glob
import os
import runpy
import sys

for script in sorted(glob.glob(os.path.splitext(os.path.abspath(__file__))[0] + "_*.py")):
    sys.argv[0] = script
    runpy.run_path(script, run_name="__main__")
