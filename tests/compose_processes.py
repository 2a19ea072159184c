"""The services of docker/compose.yaml as plain processes on loopback: their commands, their environment, their secrets.

There is no container engine here, so what a container would be given is mapped: a folder of its own for /srv/onestop,
files for /run/secrets, 127.0.0.1 and a free port for the name of a service.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from delivery_servers import free_port
from onestop.platform.bi.server import INSIDE
from onestop.platform.processes import Service, stop
from onestop.resources import resource

DOCKER = Path(__file__).resolve().parents[1] / "docker"
BIN = Path(sys.executable).parent
SUPERSET = DOCKER.parent / ".local" / "superset" / "venv"
"""Where tests keep Superset's environment between runs."""
SERVERS = ("redis", "api-server", "scheduler", "dag-processor", "triggerer", "worker-1", "worker-2")


def compose() -> dict[str, Any]:
    """compose.yaml as Compose reads it: anchors and merges resolved."""
    found: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))
    return found


def env_file(path: Path) -> dict[str, str]:
    """A file of variables as Compose reads it."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def image_environment(target: str) -> dict[str, str]:
    """The variables that the Dockerfile sets in its last stage of this name."""
    stage = (DOCKER / "Dockerfile").read_text(encoding="utf-8").rpartition(f" AS {target}\n")[2].partition("\nFROM ")[0]
    line = next(line for line in stage.splitlines() if line.startswith("ENV "))
    return dict(word.split("=", 1) for word in line.removeprefix("ENV ").split())


class Processes:
    """All of it in a folder.

    Args:
        folder: a fresh one.
        postgres_port: of a server that is there.
        province: the folder of province.yml and of its reference files; copied for each service.
        sources: what province/sources.env would hold.
        airflow: what airflow.env says otherwise here.
    """

    def __init__(
        self,
        folder: Path,
        postgres_port: int,
        province: Path,
        sources: Mapping[str, str],
        airflow: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self._province = folder, province
        self._airflow = env_file(DOCKER / "airflow.env") | dict(airflow or {})
        self._services = compose()["services"]
        self._sources = dict(sources)
        self.ports = {name: free_port() for name in ("redis", "api-server", "logs", "superset")}
        self.url = f"http://127.0.0.1:{self.ports['api-server']}"
        self.docker = folder / "docker"
        shutil.copytree(DOCKER, self.docker, ignore=shutil.ignore_patterns("secrets", "province"))
        self.secrets = self.docker / "secrets"
        addresses = {
            "ONESTOP_POSTGRES": f"127.0.0.1:{postgres_port}",
            "ONESTOP_REDIS": f"127.0.0.1:{self.ports['redis']}",
        }
        subprocess.run([self.docker / "make-secrets.sh"], env=os.environ | addresses, check=True)
        (self.docker / "redis.conf").write_text(
            self._here("redis", (DOCKER / "redis.conf").read_text())
            .replace("bind * -::*", "bind 127.0.0.1")
            .replace("port 6379", f"port {self.ports['redis']}")
            .replace("dir /data", f"dir {self.home('redis')}")
        )

    def secret(self, name: str) -> str:
        """What make-secrets.sh made."""
        return (self.secrets / name).read_text(encoding="utf-8").strip()

    def home(self, service: str) -> Path:
        """A service's own /srv/onestop, with its copy of the province's files; Superset's two services share a volume."""
        home = self.folder / ("superset" if service == "superset-prepare" else service)
        if not home.exists():
            home.mkdir()
            shutil.copy(self._province / "province.yml", home)
            shutil.copytree(self._province / "reference", home / "reference")
        return home

    def environment(self, service: str) -> dict[str, str]:
        """What compose.yaml tells a service, and nothing of this process's own but where programs are."""
        given: dict[str, str] = {}
        for name in self._services[service].get("env_file", ()):
            known = {"province/sources.env": self._sources, "airflow.env": self._airflow}
            given |= known[name] if name in known else env_file(DOCKER / name)
        given |= self._services[service].get("environment", {})
        if self._services[service]["image"].startswith("onestop-superset:"):
            given |= image_environment("superset")
        own = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(self.home(service)), "LANG": "C.UTF-8"}
        mapped = {name: self._here(service, value) for name, value in given.items()}
        if "AIRFLOW_HOME" in mapped:
            mapped |= {
                "AIRFLOW__API__BASE_URL": self.url,
                "AIRFLOW__API__HOST": "127.0.0.1",
                "AIRFLOW__API__PORT": str(self.ports["api-server"]),
                "AIRFLOW__FAB__COOKIE_SECURE": "False",  # no TLS here
                "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(self.ports["logs"]),
                "AIRFLOW__API__WORKERS": "1",
            }
        return own | mapped

    def command(self, service: str) -> list[str]:
        """What compose.yaml starts."""
        return [self._here(service, word) for word in self._services[service]["command"]]

    def run(self, service: str, *command: str, seconds: float = 300) -> str:
        """`docker compose run`: one command in a service's place, to its end; what it printed."""
        done = subprocess.run(
            command or self.command(service), env=self.environment(service), cwd=self.home(service),
            capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout

    def service(self, name: str) -> Service:
        """A server, by the name of its service."""
        return Service(name, self.folder / "run", self.folder / "logs" / f"{name}.log")

    def start(self, *names: str) -> None:
        """Start servers."""
        for name in names:
            words = self.command(name)
            if name == "worker-2":
                words.append("--skip-serve-logs")  # one host has one port for them
            self.service(name).start(words, self.environment(name))

    def health(self, name: str) -> bool:
        """The service's own health check."""
        test = self._services[name]["healthcheck"]["test"]
        words = [self._here(name, word) for word in test[1:]]
        command = ["sh", "-c", words[0].replace("$$", "$")] if test[0] == "CMD-SHELL" else words
        if name == "redis":
            command[-1] = command[-1].replace("redis-cli", f"redis-cli -p {self.ports['redis']}")
        done = subprocess.run(command, env=self.environment(name), capture_output=True, timeout=60, check=False)
        return done.returncode == 0

    def wait_until_healthy(self, *names: str, seconds: float = 120) -> None:
        """Ask each service's health check until it says yes."""
        end = time.monotonic() + seconds
        for name in names:
            while not self.health(name):
                service = self.service(name)
                assert service.running, f"{name} ended:\n{service.log_tail(40)}"
                assert time.monotonic() < end, f"{name} is not healthy:\n{service.log_tail(40)}"
                time.sleep(1)

    def stop(self, *names: str) -> None:
        """Stop servers, by default all."""
        stop([self.service(name) for name in names or SERVERS], grace_seconds=5)

    def _here(self, service: str, text: str) -> str:
        for there, here in {
            "/srv/onestop": str(self.home(service)),
            "/run/secrets": str(self.secrets),
            "/opt/onestop/dags": str(resource("dags")),
            "/opt/onestop/health.py": str(self.docker / "health.py"),
            "/etc/redis/redis.conf": str(self.docker / "redis.conf"),
            "/opt/superset/venv": str(SUPERSET),
            "/opt/superset/inside": str(INSIDE),
            "/srv/superset": str(self.folder / "superset-home"),
            "0.0.0.0:8088": f"127.0.0.1:{self.ports['superset']}",
            "127.0.0.1:8088": f"127.0.0.1:{self.ports['superset']}",
            "http://api-server:8080": self.url,
        }.items():
            text = text.replace(there, here)
        return text
