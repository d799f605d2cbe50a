"""The API by Python's standard library alone: python examples/api/client.py [URL]"""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

JSON, EVENTS = "application/json", "text/event-stream"


class Api:
    """The web app at ``url``."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def ask(self, path: str, body: Any = None, accept: str = JSON, tries: int = 4) -> Any:
        """The open response; a busy server is asked again when it says so."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": JSON, "Accept": accept}
        try:
            return urlopen(Request(self.url + path, data, headers), timeout=90)  # noqa: S310
        except HTTPError as error:
            wait = error.headers.get("Retry-After")
            if wait is None or tries <= 1:
                problem = json.load(error)
                raise RuntimeError(f"{problem['status']}: {problem['detail']}") from None
        time.sleep(float(wait))
        return self.ask(path, body, accept, tries - 1)

    def json(self, path: str, body: Any = None) -> Any:
        """The answer as a value."""
        with self.ask(path, body) as response:
            return json.load(response)

    def generate(self, prompt: str, **options: Any) -> Iterator[dict[str, Any]]:
        """The bytes of a text as they are made; leaving the loop stops the work."""
        event = ""
        with self.ask("/api/generate", {"prompt": prompt, **options}, EVENTS) as response:
            for line in response:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data" and event == "byte":
                    yield json.loads(value)
                elif name == "data" and event == "problem":
                    raise RuntimeError(json.loads(value)["detail"])


def main() -> None:
    """One of everything."""
    api = Api(sys.argv[1] if len(sys.argv) > 1 else "http://localhost:5000")
    for kind, model in api.json("/api/model").items():
        print(f"{kind}: {model['name']}, {'loaded' if model['loaded'] else model['reason']}")

    found = api.json("/api/patches", {"text": "A BLT has", "top_k": 3})
    print("patches:", "|".join(patch["text"] for patch in found["patches"]))
    # Entropy i belongs to the prediction of byte i; predictions[i] says what was expected there.
    print("first byte:", found["entropies"][0], [p["text"] for p in found["predictions"][0]])

    compared = api.json("/api/compare", {"text": "A BLT has", "splitters": ["entropy", "space"]})
    for row in compared["rows"]:
        print(f"{row['title']}: {row['count']}")

    page = api.json("/api/visualizations?kind=data&limit=2")
    print("data:", ", ".join(page["data"]))

    try:
        for byte in api.generate("A BLT has", max_bytes=8):
            print("byte", byte["index"], repr(byte["text"]), byte["probability"])
    except RuntimeError as problem:
        print("no text was made:", problem)


if __name__ == "__main__":
    main()
