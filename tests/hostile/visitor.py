"""A visitor of the running page over plain HTTP, without the manners of Gradio's own client."""

import json
from typing import Any

import httpx

API = "/gradio_api"


class Visitor:
    """One client: uploads, asks and reads the stream of what comes back."""

    def __init__(self, url: str, seconds: float = 60.0) -> None:
        self.http = httpx.Client(base_url=url, timeout=seconds)

    def upload(self, name: str, content: bytes) -> dict[str, Any]:
        """A file as the server keeps it, to be handed to `call`. Raises httpx.HTTPStatusError where it is refused."""
        sent = self.http.post(f"{API}/upload", files={"files": (name, content)}).raise_for_status()
        return {"path": sent.json()[0], "meta": {"_type": "gradio.FileData"}, "orig_name": name}

    def begin(self, endpoint: str, *data: Any) -> str:
        """Ask and return the number of the event. Raises httpx.HTTPStatusError."""
        body = json.dumps({"data": data})
        asked = self.http.post(
            f"{API}/call/{endpoint}", content=body, headers={"content-type": "application/json"}
        ).raise_for_status()
        return asked.json()["event_id"]

    def result(self, endpoint: str, event: str) -> tuple[bool, Any]:
        """Whether it was answered, and the answer or the sentence of the refusal."""
        with self.http.stream("GET", f"{API}/call/{endpoint}/{event}") as stream:
            kind = ""
            for line in stream.iter_lines():
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: ") and kind in ("complete", "error"):
                    told = json.loads(line.removeprefix("data: "))
                    return (True, told[0]) if kind == "complete" else (False, _sentence(told))
        raise ConnectionError(f"The stream of {endpoint} ended without a result.")

    def call(self, endpoint: str, *data: Any) -> tuple[bool, Any]:
        """Ask and wait: whether it was answered, and the answer or the sentence of the refusal."""
        return self.result(endpoint, self.begin(endpoint, *data))

    def close(self) -> None:
        self.http.close()


def _sentence(told: Any) -> str:
    return str(told.get("error") or told) if isinstance(told, dict) else str(told)
