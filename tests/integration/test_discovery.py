"""catamaran sd: the targets of a folder, as Prometheus' http_sd_configs asks for them."""
import contextlib
import json
import re
import signal
import socket
import time
import urllib.error
import urllib.request

import pytest
from runs import BINARY, catamaran, running


def target(folder, name, address="node7:9400", **labels):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps([{"targets": [address], "labels": {"job": "catamaran", "run": "cat-1", **labels}}]))


@contextlib.contextmanager
def served(folder, *more):
    with running([BINARY, "sd", "--folder", folder, "--address", "127.0.0.1", *more]) as server:
        said = ""
        while not (found := re.search(r"targets at http://127\.0\.0\.1:(\d+)/targets", said)):
            line = server.stdout.readline()
            assert line, said
            said += line
        yield server, f"http://127.0.0.1:{found.group(1)}"


def fetched(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.headers["Content-Type"], json.loads(answer.read())


def test_once_prints_the_list_and_names_what_it_left_out(tmp_path):
    target(tmp_path / "targets", "a.json", slurm_job_id="4711", __meta_catamaran_run_dir="/runs/a")
    (tmp_path / "targets/b.json").write_text("\x00\x01 garbage")
    (tmp_path / "targets/c.json").write_text('[{"targets": ["node:9100"], "labels": {"job": "node"}}]')
    (tmp_path / "targets/d.json").write_text("[" * 100000)
    (tmp_path / "targets/notes.txt").write_text("not read")
    done = catamaran("sd", "--folder", tmp_path / "targets", "--once")
    group, = json.loads(done.stdout)
    assert group == {"targets": ["node7:9400"], "labels": {"job": "catamaran", "run": "cat-1", "slurm_job_id": "4711", "__meta_catamaran_run_dir": "/runs/a"}}
    left_out = re.findall(r"left out: (.*)", done.stderr)
    assert len(left_out) == 3 and all(f"{name}.json: " in line for name, line in zip("bcd", left_out)), done.stderr


def test_a_folder_without_targets_is_an_empty_list(tmp_path):
    assert json.loads(catamaran("sd", "--folder", tmp_path, "--once").stdout) == []


def test_the_list_is_served_as_prometheus_wants_it_and_follows_the_folder(tmp_path):
    folder = tmp_path / "targets"
    target(folder, "a.json")
    with served(folder, "--port", "0") as (server, url):
        kind, groups = fetched(url + "/targets")
        assert kind == "application/json" and [group["targets"] for group in groups] == [["node7:9400"]]
        target(folder, "b.json", "node8:9400")
        deadline = time.monotonic() + 20
        while len(groups) == 1 and time.monotonic() < deadline:
            groups = fetched(url)[1]
        assert [group["targets"] for group in groups] == [["node7:9400"], ["node8:9400"]]
        for path, code in (("/metrics", 404), ("/../targets", 404)):
            with pytest.raises(urllib.error.HTTPError) as refused:
                fetched(url + path)
            assert refused.value.code == code
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
        time.sleep(1.1)
        with pytest.raises(urllib.error.HTTPError) as broken:  # so Prometheus keeps the list that it has
            fetched(url + "/targets")
        assert broken.value.code == 500
        folder.mkdir()
        assert fetched(url + "/targets")[1] == []
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=20)
    assert server.returncode == 0


def test_clients_that_say_nothing_do_not_keep_prometheus_waiting(tmp_path):
    with served(tmp_path) as (_, url), contextlib.ExitStack() as open_ones:
        port = int(url.rsplit(":", 1)[1])
        for number in range(40):
            client = open_ones.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            client.sendall(b"GET /targets HTTP" if number % 2 else b"\x16\x03\x01garbage")
        begin = time.monotonic()
        assert fetched(url + "/targets")[1] == []
        assert time.monotonic() - begin < 5


@pytest.mark.parametrize("words, named", [(["--port", "70000"], "--port"), (["--port", "many"], "--port"), (["--address", "localhost"], "--address"),
                                          (["--folder", ""], "--folder"), (["--folder", "no/such/folder"], "no/such/folder"), ([], "--folder")])
def test_what_cannot_be_served_is_refused_in_one_sentence(tmp_path, words, named):
    given = words if "--folder" in words or not words else [*words, "--folder", tmp_path]
    done = catamaran("sd", *given, check=False, timeout=60)
    assert done.returncode == 2, done.stderr
    errors = re.findall(r"error: .*", done.stderr)
    assert len(errors) == 1 and named in errors[0], done.stderr


def test_a_port_that_is_taken_is_refused_in_one_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = catamaran("sd", "--folder", tmp_path, "--address", "127.0.0.1", "--port", port, check=False, timeout=60)
    assert done.returncode == 2, done.stderr
    assert re.findall(r"error: .*", done.stderr) == [f"error: --port: the port 127.0.0.1:{port} cannot be opened: Address already in use; give another port, or 0 for a free one"]
