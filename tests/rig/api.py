"""The switch's doors for operators, as a client sees them: the HTTP API and the command line."""

import http.client
import json
import urllib.parse
from dataclasses import dataclass


@dataclass
class Answer:
    """What the API said. `json` is None where the body is none."""

    status: int
    headers: dict
    text: str

    @property
    def json(self):
        try:
            return json.loads(self.text)
        except ValueError:
            return None

    @property
    def items(self):
        return self.json["items"]


class Api:
    """The HTTP API with its bearer token. `token=None` sends none."""

    def __init__(self, host, port, token=None, timeout_s=10):
        self.host, self.port, self.token, self.timeout_s = host, port, token, timeout_s

    def ask(self, method, path, body=None, headers=None, **query):
        """Sends a request and returns the Answer, whatever its status."""
        if query:
            path += "?" + urllib.parse.urlencode(query)
        headers = dict(headers or {})
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None and not isinstance(body, (str, bytes)):
            body, headers["Content-Type"] = json.dumps(body), "application/json"
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout_s)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, text)
        finally:
            connection.close()

    def _succeed(self, method, path, body=None, **query):
        answer = self.ask(method, path, body, **query)
        assert 200 <= answer.status < 300, f"{method} {path}: {answer.status} {answer.text[:500]}"
        return answer

    def get(self, path, **query):
        """GET that must succeed; returns the parsed JSON."""
        return self._succeed("GET", path, **query).json

    def post(self, path, body):
        return self._succeed("POST", path, body).json

    def put(self, path, body):
        return self._succeed("PUT", path, body).json

    def delete(self, path):
        return self._succeed("DELETE", path).json
