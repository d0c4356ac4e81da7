import json
import math

import pytest
import torch

from sensorium.robustness.attacks import PGD
from sensorium.robustness.pse import Kind, Looking, Names, explain
from sensorium.robustness.pse.contributions import contributions


def attacked_pair(network, noise, shape=(1, 3, 8, 8)):
    x = torch.rand(shape, generator=noise)
    true = int(network(x).argmax())
    target = (true + 1) % 3
    done = PGD(eps=0.5, steps=10)(network, x, torch.tensor([true]), target=torch.tensor([target]))
    return x[0], done.x[0], true, target


def test_a_picture(pooled, noise, tmp_path):
    clean, attacked, true, target = attacked_pair(pooled, noise)
    names = Names(("disc", "ring", "star"), "a.png", "small", "PGD")
    found = explain(pooled, clean, attacked, true, target, names=names, looking=Looking(side=2))
    labels = torch.tensor([[target, true]])
    m = contributions(pooled, clean[None], attacked[None], labels, found.cells)[0]
    torch.testing.assert_close(m[0], found.target_contributions)
    assert found.cells.shape == (4, 4)
    change = (pooled(attacked[None]) - pooled(clean[None]))[0].detach()
    assert found.whole.target == pytest.approx(float(change[target]), abs=1e-5)
    assert sum(found.shares.values()) == pytest.approx(1)
    assert set(found.look.scores) == {"C(x0, t0)", "C(x0, t)", "C(x', t0)", "C(x', t)"}
    assert found.look.method == "cam"
    said = found.to_dict()
    json.dumps(said, allow_nan=False)
    assert (said["file"], said["system"], said["label"]) == ("a.png", "small", names.classes[true])
    assert said["success"] == (int(pooled(attacked[None]).argmax()) == target)
    assert f"'{names.classes[true]}'" in said["verdict"]
    paths = found.save(tmp_path / "new")
    assert [p.name for p in paths] == ["explanation.json", "explanation.png"]
    kept = json.loads(paths[0].read_text())
    assert len(kept["each_cell"]["kinds"]) == 16
    assert paths[1].stat().st_size > 10_000


def test_a_clip_has_cells_and_maps_in_every_frame(clips, noise, tmp_path):
    clean, attacked, true, target = attacked_pair(clips, noise, (1, 3, 3, 8, 8))
    found = explain(clips, clean, attacked, true, target, looking=Looking(side=4))
    assert found.cells.shape == (3, 2, 2)
    assert found.look.maps["C(x0, t0)"].shape == (3, 8, 8)
    assert found.names.classes == ("0", "1", "2")
    assert found.save(tmp_path)[1].stat().st_size > 10_000
    tubes = explain(clips, clean, attacked, true, target, looking=Looking(side=4, tube=True))
    assert tubes.cells.shape == (2, 2)


def test_training_mode_is_left_as_it_was(pooled, noise):
    clean, attacked, true, target = attacked_pair(pooled, noise)
    before = explain(pooled, clean, attacked, true, target)
    pooled.train()
    found = explain(pooled, clean, attacked, true, target)
    assert pooled.training
    torch.testing.assert_close(found.logits, before.logits)


def test_unchanged_cells_are_of_no_kind(pooled, noise):
    clean = torch.rand(3, 8, 8, generator=noise)
    attacked = clean.clone()
    attacked[:, :4, :4] = 1 - clean[:, :4, :4]
    found = explain(pooled, clean, attacked, 0, 1, looking=Looking(side=4))
    assert (found.kinds != int(Kind.UNUSED)).tolist() == [True, False, False, False]
    assert found.used == 1
    assert found.ratios[1:].isnan().all()
    assert math.isnan(found.proxy_rank[0])
    json.dumps(found.to_dict(), allow_nan=False)


def test_grey_pictures_are_drawn(noise, tmp_path):
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 3)
    ).eval()
    clean = torch.rand(1, 8, 8, generator=noise)
    found = explain(network, clean, 1 - clean, 0, 2)
    assert found.look.method == "grad-cam"
    assert found.save(tmp_path)[1].exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"attacked": torch.zeros(3, 4, 4)}, "of one shape"),
        ({"target": 0}, "another label than the true one"),
        ({"attacked": "same"}, "no perturbation to explain"),
        ({"target": 7}, "label 7 is out of range"),
        ({"attacked": torch.full((3, 8, 8), 2.0)}, "pixel values must be in 0..1"),
    ],
)
def test_refuses(pooled, noise, change, message):
    clean = torch.rand(3, 8, 8, generator=noise)
    given = {"attacked": 1 - clean, "target": 1, **change}
    if isinstance(given["attacked"], str):
        given["attacked"] = clean.clone()
    with pytest.raises(ValueError, match=message):
        explain(pooled, clean, given["attacked"], 0, given["target"])


def test_nan_in_the_weights_is_named(pooled, noise):
    clean = torch.rand(3, 8, 8, generator=noise)
    pooled.fc.weight.data[0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"fc\.weight holds NaN"):
        explain(pooled, clean, 1 - clean, 0, 1)
