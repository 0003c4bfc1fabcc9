"""kubernetes.yaml is held against the schemas of Kubernetes, strictly: no key is misspelt, none is in the wrong place."""

import subprocess

import pytest

from acceptance import clients
from acceptance.engine import ROOT

pytestmark = pytest.mark.acceptance

MANIFESTS = ROOT / "contrib/container/kubernetes.yaml"


def test_the_manifests_are_what_kubernetes_takes() -> None:
    try:
        validator = clients.kubernetes_validate()
    except clients.Unavailable as reason:
        pytest.skip(f"kubernetes-validate cannot be had here: {reason}")
    command = [str(validator.program.with_name("kubernetes-validate")), "--strict", str(MANIFESTS)]
    got = subprocess.run(command, capture_output=True, text=True, check=False)
    assert got.returncode == 0, got.stdout + got.stderr
    assert (got.stdout + got.stderr).count(" passed ") == 6
