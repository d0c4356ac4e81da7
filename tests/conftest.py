"""For all tests: settings of the user who runs them are neither read nor written."""

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_settings(tmp_path_factory: pytest.TempPathFactory):
    """An empty config folder, for this process and those that it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        patch.delenv("SENSORIUM_FACE_MODEL", raising=False)
        yield os.environ["XDG_CONFIG_HOME"]
