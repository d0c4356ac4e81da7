from sensorium import store


def test_models_are_the_bundled_ones(run):
    ran = run("models", "--json")
    assert ran.code == 0
    assert [r["name"] for r in ran.records] == [m.name for m in store.models()]


def test_the_table_names_weights_sizes_and_figures(run, system, monkeypatch):
    models = store.models(system.parent)
    monkeypatch.setattr(store, "models", lambda: models)
    ran = run("models")
    assert ran.code == 0
    for part in ("both", "tsm", "MB", "nothing"):
        assert part in ran.out


def test_none_is_said(run, monkeypatch):
    monkeypatch.setattr(store, "models", list)
    ran = run("models")
    assert (ran.code, ran.out) == (0, "")
    assert "sensorium train" in ran.complaint
