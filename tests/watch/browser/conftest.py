"""A headless Chromium, driven over its DevTools pipe: JSON messages, each ended by a zero byte."""

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


class Tab:
    """One page of the browser."""

    def __init__(
        self, send: Callable[..., Any], target: str, session: str, events: list[dict[str, Any]]
    ) -> None:
        self._send, self._target, self._session, self._events = send, target, session, events

    def close(self) -> None:
        """Closes the page."""
        self._send("Target.closeTarget", {"targetId": self._target})

    def call(self, method: str, **parameters: Any) -> Any:
        """One DevTools command and what it gives."""
        return self._send(method, parameters, self._session)

    def run(self, script: str) -> Any:
        """The value of an expression, promises awaited; a click of the user's for whoever asks."""
        given = self.call(
            "Runtime.evaluate",
            expression=f"(async () => ({script}))()",
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in given, given["exceptionDetails"]
        return given["result"].get("value")

    def wait(self, condition: str, seconds: float = 20) -> None:
        """Until an expression is true."""
        end = time.monotonic() + seconds
        while not self.run(condition):
            assert time.monotonic() < end, f"never true: {condition}"
            time.sleep(0.05)

    def click(self, x: float, y: float) -> None:
        """A press of the left button at a place of the window, in CSS pixels."""
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        """A key."""
        text = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 else {}
        code = "Space" if key == " " else key
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=code, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=code)

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        """The window's size and the reader's taste."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self) -> bytes:
        """The whole page as PNG."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def complaints(self) -> list[str]:
        """What the page logged as an error, threw, or was forbidden."""
        found = []
        for event in self._events:
            body = event.get("params", {})
            if event["method"] == "Runtime.exceptionThrown":
                found.append(json.dumps(body["exceptionDetails"])[:500])
            elif event["method"] == "Log.entryAdded" and body["entry"]["level"] == "error":
                found.append(body["entry"]["text"])
        return found


class Chromium:
    """The process and its pipe."""

    def __init__(self, program: str, profile: Path) -> None:
        to_browser, from_us = os.pipe()
        to_us, from_browser = os.pipe()

        def place() -> None:  # the browser reads descriptor 3 and writes descriptor 4
            saved = os.dup(from_browser)
            os.dup2(to_browser, 3)
            os.dup2(saved, 4)

        self._process = subprocess.Popen(
            [program, *_FLAGS, f"--user-data-dir={profile}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=place,
            pass_fds=(3, 4),
        )
        os.close(to_browser)
        os.close(from_browser)
        self._out, self._in = from_us, to_us
        self._number = itertools.count(1)
        self._rest = b""
        self._events: list[dict[str, Any]] = []

    def open(self, address: str) -> Tab:
        """A new tab at an address, loaded."""
        self._events.clear()
        target = self._send("Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = self._send("Target.attachToTarget", {"targetId": target, "flatten": True})
        tab = Tab(self._send, target, attached["sessionId"], self._events)
        for domain in ("Page", "Runtime", "Log"):
            tab.call(f"{domain}.enable")
        tab.call("Page.navigate", url=address)
        tab.wait("document.readyState === 'complete' && location.href !== 'about:blank'")
        return tab

    def close(self) -> None:
        """Ends the process."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._out)
        os.close(self._in)

    def _send(self, method: str, parameters: dict[str, Any], session: str | None = None) -> Any:
        number = next(self._number)
        message = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            if "method" in answer:
                self._events.append(answer)

    def _receive(self, seconds: float = 60) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], seconds)
            assert ready, f"the browser said nothing for {seconds} s"
            block = os.read(self._in, 1 << 16)
            assert block, "the browser ended"
            self._rest += block
        message, self._rest = self._rest.split(b"\0", 1)
        found: dict[str, Any] = json.loads(message)
        return found


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A headless Chromium; without one its tests are skipped."""
    program = next((p for p in map(shutil.which, _NAMES) if p), None)
    if program is None:
        pytest.skip(f"no browser: none of {', '.join(_NAMES)} is installed")
    chromium = Chromium(program, tmp_path_factory.mktemp("chromium"))
    yield chromium
    chromium.close()
