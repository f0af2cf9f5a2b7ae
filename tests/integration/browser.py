"""A headless Chromium that tests look at pages with, driven by the DevTools protocol over a pipe: JSON messages that end with a zero
byte, read by the browser from descriptor 3 and written to 4. No network: every name resolves to nothing.

    with Browser() as browser:
        page = browser.open(path, width=1280, height=900, dark=True)
        page.wait_for("document.documentElement.dataset.charts === 'drawn'")
        assert page.complaints == [] and page.requests == []
        page.screenshot(tmp_path / "page.png")
"""
import base64
import fcntl
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

ARGUMENTS = ["--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--no-default-browser-check", "--disable-extensions", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--disable-default-apps", "--mute-audio", "--hide-scrollbars", "--force-color-profile=srgb",
             "--host-resolver-rules=MAP * ~NOTFOUND"]
LOCAL = ("file:", "data:", "blob:", "about:", "chrome:", "devtools:")


class Browser:
    def __init__(self):
        program = shutil.which("chromium")
        assert program, "chromium is missing: scripts/setup.sh base test"
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        reads, self._to = os.pipe()
        self._from, writes = os.pipe()
        # Above 10, so that the shell's own redirection to 3 and 4 does not overwrite one before it is used.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (reads, writes)]
        os.close(reads)
        os.close(writes)
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{high[0]} 4>&{high[1]}', "bash", program, *ARGUMENTS, f"--user-data-dir={self._profile.name}", "about:blank"],
            pass_fds=high, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=dict(os.environ, HOME=self._profile.name, XDG_CONFIG_HOME=self._profile.name, XDG_CACHE_HOME=self._profile.name))
        for fd in high:
            os.close(fd)
        self._number = 0
        self._text = b""
        self._answers = {}
        self.pages = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.ask("Browser.close", seconds=10)
        except (AssertionError, OSError):
            pass
        finally:
            for fd in (self._to, self._from):
                os.close(fd)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._profile.cleanup()

    def ask(self, method, session=None, seconds=60, **parameters):
        """The result of a command; events that come meanwhile go to their page."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        self._write(json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + seconds
        while number not in self._answers:
            left = deadline - time.monotonic()
            assert left > 0, f"chromium gave no answer to {method} for {seconds} s"
            self.listen(left)
        answer = self._answers.pop(number)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def _write(self, data):
        while data:
            data = data[os.write(self._to, data):]

    def listen(self, seconds):
        """Takes what the browser says within so many seconds, at least one piece of it if there is any."""
        if not select.select([self._from], [], [], max(0, seconds))[0]:
            return
        piece = os.read(self._from, 1 << 20)
        assert piece, f"chromium has ended, code {self._process.poll()}"
        self._text += piece
        *messages, self._text = self._text.split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self._answers[message["id"]] = message
            elif message.get("sessionId") in self.pages:
                self.pages[message["sessionId"]].hear(message["method"], message["params"])

    def close_pages(self):
        for page in list(self.pages.values()):
            page.close()
        self.pages.clear()

    def open(self, path, width=1280, height=900, dark=False, mobile=False, scale=1):
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self.pages[session] = Page(self, session, target)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.ask(f"{domain}.enable")
        page.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=mobile)
        if mobile:
            page.ask("Emulation.setTouchEmulationEnabled", enabled=True)
        page.prefer(dark)
        page.ask("Page.navigate", url=pathlib.Path(path).resolve().as_uri())
        return page


class Page:
    def __init__(self, browser, session, target):
        self._browser, self._session, self._target = browser, session, target
        self.complaints = []  # errors of the console, exceptions, what the content policy refused, dialogues
        self.requests = []  # of anything that is not in the page or on this disk

    def ask(self, method, **parameters):
        return self._browser.ask(method, self._session, **parameters)

    def hear(self, method, event):
        if method == "Runtime.exceptionThrown":
            details = event["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and event["type"] in ("error", "assert"):
            self.complaints.append(" ".join(str(a.get("value", a.get("description", ""))) for a in event["args"]))
        elif method == "Log.entryAdded" and event["entry"]["level"] == "error":
            self.complaints.append(event["entry"]["text"])
        elif method == "Page.javascriptDialogOpening":
            self.complaints.append(f"a dialogue: {event['message']}")
        elif method == "Network.requestWillBeSent" and not event["request"]["url"].startswith(LOCAL):
            self.requests.append(event["request"]["url"])

    def prefer(self, dark):
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def evaluate(self, expression):
        """The value of an expression, which may be a promise."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"].get("exception", {}).get("description", answer["exceptionDetails"])
        return answer["result"].get("value")

    def wait_for(self, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not self.evaluate(f"Boolean({condition})"):
            assert time.monotonic() < deadline, f"waited {seconds} s in vain for {condition}: {self.complaints}"
            self._browser.listen(0.1)

    def wait_for_charts(self):
        """The report's own word that it has drawn everything."""
        self.wait_for("document.documentElement && document.documentElement.dataset.charts")
        assert self.evaluate("document.documentElement.dataset.charts") == "drawn", (self.evaluate("document.getElementById('trouble').textContent"), self.complaints)

    def screenshot(self, path, whole=False):
        picture = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole, **({"clip": self._all()} if whole else {}))
        pathlib.Path(path).write_bytes(base64.b64decode(picture["data"]))

    def _all(self):
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}

    def pdf(self):
        return base64.b64decode(self.ask("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"])

    def close(self):
        self._browser.ask("Target.closeTarget", targetId=self._target)
