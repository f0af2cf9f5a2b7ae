"""Rows 33 to 35: a metrics port that is taken, clients that are slow or stuck, and requests that are no scrape."""
import pathlib
import re
import signal
import socket
import time
import urllib.parse
import urllib.request

from jobs import ended, latest, one_message, require_all_is_well, train_words, wait_for_steps
from runs import catamaran, metrics, started


def address(run):
    parts = urllib.parse.urlsplit((run / "metrics-address.txt").read_text().strip())
    return parts.hostname, parts.port


def scrape(run):
    begin = time.monotonic()
    page = urllib.request.urlopen((run / "metrics-address.txt").read_text().strip(), timeout=10).read().decode()
    assert "catamaran_step" in page
    return time.monotonic() - begin


def test_row_33_jobs_on_a_node_have_ports_of_their_own_whether_the_kernel_picks_them_or_a_fixed_one_is_taken(config, tmp_path, record):
    first, second, third = tmp_path / "first", tmp_path / "second", tmp_path / "third"
    with started(*train_words(config, first), ranks=2) as one, started(*train_words(config, second), ranks=2) as two:
        wait_for_steps(first, one, 1)
        wait_for_steps(second, two, 1)
        taken = address(first)[1]
        assert taken != address(second)[1]
        with started(*train_words(config, third, f"monitoring.port={taken}"), ranks=2) as other:
            wait_for_steps(third, other, 1)
            assert taken < address(third)[1] < taken + 16
            for run in (first, second, third):
                scrape(run)
            other.send_signal(signal.SIGUSR1)
            output, _ = ended(other, 30)
        assert other.returncode == 75, output
        assert re.search(rf"warning: monitoring.port = {taken} is taken: the metrics are at port {address(third)[1]}", output), output
        begin = time.monotonic()
        strict = train_words(config, tmp_path / "strict", f"monitoring.port={taken}", "monitoring.strict_port=true")
        done = catamaran(*strict, ranks=2, check=False)
        seconds = round(time.monotonic() - begin, 2)
        for job in (one, two):
            job.send_signal(signal.SIGUSR1)
            output, _ = ended(job, 30)
            assert job.returncode == 75, output
    assert done.returncode == 2, done.stderr
    one_message(done.stderr, "monitoring.port", str(taken))
    assert not (tmp_path / "strict").exists()
    require_all_is_well(first)
    record(33, "metrics port in use", "two jobs on a node; a third and a fourth with the first one's port",
           "port 0: the kernel picks; a fixed one that is taken: the next free one of 16, with a warning, and the real one is in metrics-address.txt; "
           "with monitoring.strict_port: exit 2 (time with the start)", seconds)


def steps_per_second(run, seconds=3):
    begin = time.monotonic()
    first = metrics(run)[-1]["step"]
    time.sleep(seconds)
    return (metrics(run)[-1]["step"] - first) / (time.monotonic() - begin)


def test_row_34_clients_that_never_read_or_read_slowly_neither_slow_training_nor_block_a_scrape(config, tmp_path, record):
    run, clients = tmp_path / "run", []
    with started(*train_words(config, run, "log.every_steps=1", "checkpoint.every_steps=100000", "evaluate.every_epochs=0"), ranks=2) as job:
        wait_for_steps(run, job, 5)
        before = steps_per_second(run)
        for index in range(128):
            client = socket.create_connection(address(run), timeout=5)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" if index % 2 else b"GET /met")
            clients.append(client)
        for _ in range(64):  # every place is held by one that says nothing
            clients.append(socket.create_connection(address(run), timeout=5))
        longest = max(scrape(run) for _ in range(3))
        during = steps_per_second(run)
        job.send_signal(signal.SIGUSR1)
        output, _ = ended(job, 30)
    for client in clients:
        client.close()
    assert job.returncode == 75, output
    assert longest < 1, "connections that do nothing are closed after two seconds, and at once where another needs the place"
    assert during > 0.5 * before, "within the noise of a machine that does other things too"
    record(34, "slow or stuck scraper", "192 clients: a third each send half a request, never read, say nothing",
           "training goes on; another scrape is answered (time of the slowest)", round(longest, 3))


def answer(run, request, seconds=30):
    """What comes back, and how long it takes until the connection is closed."""
    begin = time.monotonic()
    with socket.create_connection(address(run), timeout=seconds) as client:
        try:
            client.sendall(request)
            parts = []
            while part := client.recv(4096):
                parts.append(part)
            page = b"".join(parts)
        except ConnectionError:
            page = b""
    return page.decode("latin-1"), time.monotonic() - begin


ABUSE = {"post": (b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "405"),
         "header of 1 MB": (b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 2**20, "431|^$"),
         "path out of the root": (b"GET /../../etc/passwd HTTP/1.1\r\n\r\n", "404"),
         "half a request": (b"GET /met", "^$"), "garbage": (bytes(range(256)) * 8 + b"\r\n\r\n", "400|405|^$"),
         "TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500, "^$|4\\d\\d"), "other page": (b"GET /config HTTP/1.1\r\n\r\n", "404")}


def resident_mib(process):
    return int(re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{process}/status").read_text()).group(1)) / 1024


def test_row_35_abuse_of_the_metrics_port_is_refused_in_bounded_time_and_memory_and_fills_no_log(config, tmp_path, record):
    run = tmp_path / "run"
    with started(*train_words(config, run), ranks=0) as job:
        wait_for_steps(run, job, 60)
        memory, lines, slowest = resident_mib(job.pid), (run / "log.jsonl").read_text().count("warning"), 0
        for name, (request, pattern) in ABUSE.items():
            page, seconds = answer(run, request)
            assert re.search(pattern, page.split("\r\n")[0]), (name, page[:200])
            slowest = max(slowest, seconds)
        for _ in range(1000):
            socket.create_connection(address(run), timeout=10).close()
        scrape(run)
        grown = resident_mib(job.pid) - memory
        job.send_signal(signal.SIGUSR1)
        output, _ = ended(job, 30)
    assert job.returncode == 75, output
    assert (run / "log.jsonl").read_text().count("warning") == lines
    assert grown < 16, f"{grown:.1f} MiB: the port adds at most 8 MiB, and training itself a little"
    require_all_is_well(run)
    assert latest(run)
    record(35, "abuse of the metrics port", ", ".join(ABUSE) + ", 1,000 connections",
           "4xx or closed, nothing in the log, training goes on (time of the slowest answer)", round(slowest, 2))


def test_row_35_connections_that_are_kept_open_are_bounded_and_the_rest_of_the_page_is_not_served(config, tmp_path, record):
    run, held = tmp_path / "run", []
    with started(*train_words(config, run), ranks=0) as job:
        wait_for_steps(run, job, 3)
        before = len(list(pathlib.Path(f"/proc/{job.pid}/fd").iterdir()))
        for _ in range(100):  # more than are held, fewer than held and waiting
            held.append(socket.create_connection(address(run), timeout=10))
        time.sleep(1)
        opened = len(list(pathlib.Path(f"/proc/{job.pid}/fd").iterdir())) - before
        for client in held:
            client.close()
        for page in ("/", "/config.toml", "/metrics/../config.toml", "/log.jsonl"):
            text, _ = answer(run, f"GET {page} HTTP/1.1\r\n\r\n".encode())
            assert "HTTP/1.1 200" not in text, page
        assert scrape(run) < 10
        job.send_signal(signal.SIGUSR1)
        output, _ = ended(job, 30)
    assert job.returncode == 75, output
    assert opened <= 64 + 8, "64 connections, and what training opens meanwhile"
    record(35, "abuse of the metrics port", "100 connections that say nothing", "64 at most are held; only the page of metrics is served")


def test_row_35_a_request_that_comes_twice_in_one_packet_is_answered_once(config, tmp_path):
    run = tmp_path / "run"
    with started(*train_words(config, run), ranks=0) as job:
        wait_for_steps(run, job, 3)
        text, _ = answer(run, b"GET /metrics HTTP/1.1\r\n\r\n" * 2)
        assert text.count("HTTP/1.1 200") == 1
        job.send_signal(signal.SIGUSR1)
        ended(job, 30)
