"""What docker/ promises: nobody is root, nothing is writable without a reason, no secret stands in an environment."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from compose_processes import DOCKER, compose, env_file
from onestop.config import load
from onestop.platform.airflow import LocalAirflow
from worlds import write_reference

ROOT = DOCKER.parent
SERVICES: dict[str, Any] = compose()["services"]
JOBS = {"prepare", "superset-prepare"}
EXACT = re.compile(r"[a-z-]+:\d+\.\d+\.?\d*[a-z0-9.-]*")
KNOWN = {
    *("image", "build", "user", "command", "env_file", "environment", "tmpfs", "volumes", "secrets", "depends_on"),
    *("init", "restart", "read_only", "cap_drop", "security_opt", "logging", "ports", "healthcheck", "hostname"),
    *("stop_grace_period", "shm_size", "profiles"),
}


def test_it_is_the_whole() -> None:
    assert set(SERVICES) == {
        *("postgres", "redis", "prepare", "api-server", "scheduler", "dag-processor", "triggerer"),
        *("worker-1", "worker-2", "superset-prepare", "superset"),
    }
    assert {key for service in SERVICES.values() for key in service} <= KNOWN


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_each_service_is_hardened(name: str) -> None:
    service = SERVICES[name]
    user, _, group = service["user"].partition(":")
    assert int(user) > 0 and int(group) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "latest" not in service["image"] and EXACT.fullmatch(service["image"]), service["image"]
    assert service.get("healthcheck", {}).get("test") or name in JOBS, "a job ends; a server says how it is"
    assert service["init"] and service["logging"]["options"]["max-size"]
    for port in service.get("ports", ()):
        assert port.startswith("127.0.0.1:"), "a proxy with TLS stands before it"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_what_can_be_written_is_named(name: str) -> None:
    """A mount is a declared volume, a read-only file or folder, or memory; no folder of the host can be written."""
    volumes = compose()["volumes"]
    for mount in SERVICES[name].get("volumes", ()):
        source, target, *mode = mount.split(":")
        assert target.startswith("/")
        assert source in volumes if not source.startswith(".") else mode == ["ro"], mount


def test_every_volume_and_secret_is_declared_and_used() -> None:
    for kind in ("volumes", "secrets"):
        used = {str(one).partition(":")[0] for service in SERVICES.values() for one in service.get(kind, ())}
        used = {one for one in used if not one.startswith(".")}
        assert used == set(compose()[kind])


def environments() -> dict[str, dict[str, str]]:
    return {
        "airflow.env": env_file(DOCKER / "airflow.env"),
        **{name: dict(service.get("environment", {})) for name, service in SERVICES.items()},
    }


def test_no_secret_stands_in_an_environment() -> None:
    secret = re.compile(r"PASSWORD|SECRET|_KEY|DSN|SQL_ALCHEMY_CONN|BROKER_URL|CREDENTIAL|TOKEN")
    found = {(place, n, v) for place, given in environments().items() for n, v in given.items() if secret.search(n)}
    assert len(found) > 8
    for place, name, value in found:
        in_a_file = name.endswith(("_FILE", "_CMD")) and "/run/secrets/" in value
        assert in_a_file or value == "/srv/onestop/.local/bi", f"{place}: {name}"


def test_secrets_are_made_once_each_of_its_own_and_for_nobody_else(tmp_path: Path) -> None:
    shutil.copy(DOCKER / "make-secrets.sh", tmp_path)
    subprocess.run([tmp_path / "make-secrets.sh"], check=True)
    folder = tmp_path / "secrets"
    made = {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}
    declared = {Path(one["file"]).name for one in compose()["secrets"].values()}
    assert declared <= set(made) and all(text.strip() for text in made.values())
    assert len(set(made.values())) == len(made)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folder / "hash_key").write_text("one's own\n")
    subprocess.run([tmp_path / "make-secrets.sh"], check=True)
    again = {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}
    assert again == made | {"hash_key": "one's own\n"}
    assert (folder / "sources").is_dir()


def test_airflow_knows_every_option_that_it_is_given(tmp_path: Path) -> None:
    asked = [name for given in environments().values() for name in given if name.startswith("AIRFLOW__")]
    program = (
        "import json, sys; from airflow.configuration import conf\n"
        "conf.load_providers_configuration()\n"
        "known = {s.upper(): {k.upper() for k in v['options']} for s, v in conf.configuration_description.items()}\n"
        "wrong = [n for n in json.loads(sys.argv[1]) for _, s, k in [n.removesuffix('_CMD').split('__', 2)]\n"
        "         if k not in known.get(s, ())]\n"
        "print(json.dumps(wrong))"
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "ONESTOP"))}
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(asked)],
        env=kept | {"AIRFLOW_HOME": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_the_local_platform_and_the_servers_agree_where_they_say_the_same(tmp_path: Path) -> None:
    source = '{id: igate, kind: one_stop_api, base_url: "http://127.0.0.1:1", credentials: IGATE}'
    (tmp_path / "province.yml").write_text(
        f"province: {{code: H15, name_vi: Đắk Lắk}}\nsources:\n  - {source}\n", encoding="utf-8"
    )
    write_reference(tmp_path / "reference")
    local = LocalAirflow(load(tmp_path / "province.yml"), "postgresql://a:b@127.0.0.1/airflow")._airflow_environment()
    cluster = env_file(DOCKER / "airflow.env")
    differing = {name for name in set(local) & set(cluster) if local[name] != cluster[name]}
    assert differing == {
        *("AIRFLOW_HOME", "ONESTOP_CONFIG", "AIRFLOW__CORE__DAGS_FOLDER", "AIRFLOW__CORE__EXECUTION_API_SERVER_URL"),
        *("AIRFLOW__CORE__AUTH_MANAGER", "AIRFLOW__CORE__EXECUTOR", "AIRFLOW__API__PORT", "AIRFLOW__API__WORKERS"),
    }


def stages() -> dict[str, list[str]]:
    """The Dockerfile's stages: name -> its instructions, line breaks joined."""
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("FROM "):
            found[line.split(" AS ")[1]] = [line]
        elif line and not line.startswith("#") and found:
            next(reversed(found.values())).append(line)
    return found


def test_images_are_pinned_and_run_as_nobody_of_importance() -> None:
    text = (DOCKER / "Dockerfile").read_text(encoding="utf-8")
    (base,) = re.findall(r"^ARG PYTHON=(.+)$", text, re.MULTILINE)
    assert re.fullmatch(r"python:3\.(11|12|13)\.\d+-slim-[a-z]+(@sha256:[0-9a-f]{64})?", base)
    assert {instructions[0].split(" AS ")[0] for instructions in stages().values()} == {
        "FROM ${PYTHON}",
        "FROM onestop",
    }
    for final in ("onestop", "superset"):
        instructions = stages()[final]
        assert [line for line in instructions if line.startswith("USER ")] == ["USER 10001:10001"]
        copied = [line for line in instructions if line.startswith("COPY ")]
        assert all("--from=" in line for line in copied), "the final image has no sources and no build tools"
    assert not re.search(r"^(ADD|VOLUME)|curl|wget|--chmod=777|apt-get upgrade", text, re.MULTILINE)
    assert text.count("--require-hashes") == 2


def test_what_is_copied_exists_and_may_be_copied() -> None:
    """An image is built of what .dockerignore lets through."""
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignore[1] == "*"
    let_through = {line[1:] for line in ignore if line.startswith("!")}
    for instructions in stages().values():
        for line in instructions:
            if not line.startswith("COPY ") or "--from=" in line:
                continue
            for source in line.split()[1:-1]:
                assert any(source == one or source.startswith(f"{one}/") for one in let_through), source
                assert (ROOT / source).exists(), source
    copied = " ".join(line for line in stages()["build"] if line.startswith("COPY ")).split()
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"][
        "wheel"
    ]
    for source in (*wheel["force-include"], *wheel["packages"]):
        assert {source, source.partition("/")[0]} & set(copied), f"the wheel in the image wants {source}"


def test_an_image_has_the_lock_but_for_what_development_wants() -> None:
    spec = importlib.util.spec_from_file_location("image_lock", DOCKER / "image_lock.py")
    assert spec and spec.loader
    image_lock = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(image_lock)
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    kept = image_lock.without_development(lock)
    every, some = image_lock.blocks(lock), image_lock.blocks(kept)
    assert all(every[name] == some[name] for name in some), "versions and hashes as tested"
    assert {"apache-airflow", "celery", "redis", "apache-airflow-providers-fab", "psycopg", "hatchling"} <= set(some)
    left_out = {"pytest", "mypy", "ruff", "playwright", "hypothesis", "sqlfluff", "aiosmtpd", "pandas-stubs"}
    assert left_out <= set(every) and not left_out & set(some)


def test_scripts_are_executable_and_the_shell_understands_them() -> None:
    for script in DOCKER.glob("*.sh"):
        assert os.access(script, os.X_OK), script
        subprocess.run(["sh", "-n", script], check=True)
    compile((DOCKER / "health.py").read_text(encoding="utf-8"), "health.py", "exec")


def test_compose_itself_reads_it() -> None:
    """Where Docker Compose is installed; the engine is not needed."""
    if not shutil.which("docker") or subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("NOT RUN: docker compose is not installed")
    subprocess.run(["docker", "compose", "-f", DOCKER / "compose.yaml", "config", "--quiet"], check=True)


def test_the_helm_values_say_what_compose_says() -> None:
    values = yaml.safe_load((DOCKER / "helm-values.example.yaml").read_text(encoding="utf-8"))
    given = {one["name"]: one["value"] for one in values["env"]}
    cluster = env_file(DOCKER / "airflow.env")
    assert given == {name: cluster[name] for name in given}
    assert values["executor"] == cluster["AIRFLOW__CORE__EXECUTOR"]
    assert values["uid"] == values["gid"] == 10001
    assert not re.search(r"(?i)password: *[^ {]", (DOCKER / "helm-values.example.yaml").read_text())
    worker_1 = SERVICES["worker-1"]["command"]
    assert values["workers"]["args"] == worker_1[: worker_1.index("--celery-hostname")]
    assert (
        values["migrateDatabaseJob"]["command"] + values["migrateDatabaseJob"]["args"] == SERVICES["prepare"]["command"]
    )
