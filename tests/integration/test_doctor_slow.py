"""doctor beside a process that never starts MPI: MPI_Init knows no time-out, doctor does."""
import socket
import subprocess
import time

from runs import command


def test_a_process_that_never_joins_ends_in_a_finding_within_a_minute():
    words, environment = command(["doctor", "--quick"], 1)
    began = time.monotonic()
    done = subprocess.run([*words, ":", "-n", "1", "sleep", "300"], capture_output=True, text=True, env=environment, timeout=180)
    assert done.returncode == 1 and time.monotonic() - began < 80, done.stderr
    assert f"fail  deadline on {socket.gethostname()} (rank 0): not done within 55 s: starting MPI" in done.stdout
    assert "did not start" in done.stdout and "ok    memory on" in done.stdout, "what is known is told"
