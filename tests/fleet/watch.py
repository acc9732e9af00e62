"""The site's Prometheus as an operator asks it, in its own host: it answers nobody else."""

import json
from dataclasses import dataclass
from typing import Any, Final

from tests.fleet.host import Host

_ASK: Final = """
import sys, urllib.parse, urllib.request
base, query = "http://127.0.0.1:9090/api/v1/", urllib.parse.urlencode({"query": sys.argv[2]})
print(urllib.request.urlopen(base + sys.argv[1] + "?" + query, timeout=20).read().decode())
"""
_OURS: Final = 'up{job=~"afferent-.+"}'


@dataclass(frozen=True)
class Watch:
    """Everything is asked afresh each time."""

    host: Host

    def up(self) -> dict[str, bool]:
        """Whether the last scrape of each of ours went well; what Debian's first settings asked for lingers."""
        return {series["metric"]["instance"]: series["value"][1] == "1" for series in self._vector(_OURS)}

    def instances(self, query: str) -> set[str]:
        """Those that have a series which the query finds."""
        return {series["metric"]["instance"] for series in self._vector(query)}

    def alerts(self, instance: str) -> dict[str, str]:
        """What rings about an instance: `pending` or `firing`, by the alert's name."""
        about = [one for one in self._asked("alerts")["alerts"] if one["labels"].get("instance") == instance]
        return {one["labels"]["alertname"]: one["state"] for one in about}

    def _vector(self, query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._asked("query", query)["result"]
        return found

    def _asked(self, what: str, query: str = "") -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.host.run("python3", "-c", _ASK, what, query))["data"]
        return answer
