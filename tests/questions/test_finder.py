from dataclasses import replace

import numpy as np
import pytest
import torch

from sensorium.questions import finder as module
from sensorium.questions.datasets.scenes import SceneData, ScenePictures
from sensorium.questions.finder import UNIT, Finder, FinderConfig, Maps
from sensorium.questions.letterbox import Letterbox
from sensorium.questions.mask_rcnn import MaskRCNNFinder
from sensorium.seeds import torch_generator

TINY = FinderConfig(height=80, width=120, stem=8, channels=16, dilations=(1, 2), fine=8)
DATA = SceneData(length=6, held_out=3, working=(80, 120), height=160, width=240)


@pytest.fixture(scope="module")
def pictures() -> ScenePictures:
    return DATA.open("val")


def _batch(examples: ScenePictures) -> dict[str, torch.Tensor]:
    rows = [examples.example(k, 0) for k in range(len(examples))]
    return {name: torch.stack([r[name] for r in rows]) for name in rows[0]}


def _true_maps(example: dict[str, torch.Tensor]) -> Maps:
    """What a perfect network would say of a picture of 160 x 240, by loops."""
    heat = torch.full((1, 1, 40, 60), -9.0)
    where = torch.zeros(1, 6, 40, 60)
    inside = torch.full((1, 1, 80, 120), -9.0)
    votes = torch.zeros(1, 2, 80, 120)
    ids = example["ids"].tolist()
    for k in range(int(example["count"])):
        (x, y), box = example["centres"][k].tolist(), example["boxes"][k].tolist()
        row, column = int(y / 4), int(x / 4)
        heat[0, 0, row, column] = 5.0 - k / 100
        reach = [(x - box[0]) / 16, (y - box[1]) / 16, (box[2] - x) / 16, (box[3] - y) / 16]
        said = [x / 4 - column, y / 4 - row, *reach]
        where[0, :, row, column] = torch.tensor(said)
    for i in range(80):
        for j in range(120):
            number = ids[2 * i][2 * j]
            if number:
                inside[0, 0, i, j] = 9.0
                x, y = example["centres"][number - 1].tolist()
                there = [(x - 2 * j - 1) / 16, (y - 2 * i - 1) / 16]
                votes[0, :, i, j] = torch.tensor(there)
    return Maps(heat, where, inside, votes)


def test_perfect_maps_give_the_true_blocks(pictures: ScenePictures) -> None:
    finder = Finder(FinderConfig(least=4))
    for k in range(len(pictures)):
        example = pictures.example(k, 0)
        found = finder.read(_true_maps(example), 0, Letterbox(160, 240, 160, 240))
        count = int(example["count"])
        assert len(found.scores) == count
        assert (found.masks.sum(0) <= 1).all()
        for n in range(count):
            truth = example["ids"] == n + 1
            near = (found.centres - example["centres"][n]).norm(dim=1).argmin()
            assert (found.centres[near] - example["centres"][n]).norm() < 0.01
            mask = found.masks[near]
            assert (mask & truth).sum() / (mask | truth).sum() > 0.75
            assert (found.boxes[near] - example["boxes"][n]).abs().max() <= 4


def test_heat_map_against_loops() -> None:
    places = torch.tensor([[[3.2, 1.7], [6.9, 4.1]]])
    known = torch.tensor([[True, False]])
    target = module._gaussians(places, places.long(), known, (6, 8))[0]
    for i in range(6):
        for j in range(8):
            gap = (j + 0.5 - 3.2) ** 2 + (i + 0.5 - 1.7) ** 2
            expected = 1.0 if (i, j) == (1, 3) else min(0.99, np.exp(-gap / 2))
            assert float(target[i, j]) == pytest.approx(expected, abs=1e-6)


def test_focal_loss_against_loops() -> None:
    logits = torch.randn(1, 3, 4, generator=torch_generator(0, "focal"))
    target = torch.rand(1, 3, 4, generator=torch_generator(1, "focal")) * 0.9
    target[0, 1, 2] = 1.0
    expected = 0.0
    for p, y in zip(logits.sigmoid().flatten().tolist(), target.flatten().tolist(), strict=True):
        if y == 1.0:
            expected -= (1 - p) ** 2 * np.log(p)
        else:
            expected -= (1 - y) ** 4 * p**2 * np.log(1 - p)
    assert float(module._focal(logits, target)) == pytest.approx(expected, rel=1e-4)


def test_learns_one_batch_by_heart(pictures: ScenePictures) -> None:
    torch.manual_seed(0)
    finder, batch = Finder(TINY), _batch(DATA.open("train"))
    optimiser = torch.optim.AdamW(finder.parameters(), 5e-3)
    history = []
    for _ in range(60):
        losses = finder.losses(batch)
        optimiser.zero_grad()
        losses["loss"].backward()
        optimiser.step()
        history.append({k: float(v.detach()) for k, v in losses.items()})
    assert history[0]["loss"] == pytest.approx(
        sum(history[0][k] for k in ("heat", "where", "inside", "votes")), rel=1e-5
    )
    for name in ("heat", "where", "inside", "votes"):
        assert history[-1][name] < 0.65 * history[0][name], name


def test_losses_take_pictures_of_any_size(pictures: ScenePictures) -> None:
    finder = Finder(TINY).eval()
    whole = _batch(pictures)  # 160 x 240
    full = finder.losses(whole)
    small = {
        **whole,
        "picture": Letterbox(160, 240, 80, 120).shrink(whole["picture"]),
        "ids": whole["ids"][:, ::2, ::2],
        "centres": whole["centres"] / 2,
        "boxes": whole["boxes"] / 2,
    }
    half = finder.losses(small)
    for name, value in full.items():
        assert half[name].item() == pytest.approx(value.item(), rel=0.05), name


def test_mask_losses_against_loops(pictures: ScenePictures) -> None:
    example = pictures.example(0, 0)
    maps = Finder(FinderConfig()).eval()(example["picture"][None])
    ids, centres = example["ids"][None], example["centres"][None]
    said = module._mask_losses(maps, ids, centres)
    inside: dict[int, list[float]] = {}
    votes: dict[int, list[float]] = {}
    for i in range(80):
        for j in range(120):
            share = float((ids[0, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2] > 0).float().mean())
            p = float(maps.inside[0, 0, i, j].sigmoid().detach())
            number = int(ids[0, 2 * i, 2 * j])
            loss = -share * np.log(p) - (1 - share) * np.log(1 - p)
            inside.setdefault(number, []).append(loss)
            if number:
                there = (centres[0, number - 1] - torch.tensor([2 * j + 1.0, 2 * i + 1.0])) / UNIT
                gap = (maps.votes[0, :, i, j].detach() - there).abs().mean()
                votes.setdefault(number, []).append(float(gap))
    everything = [v for rows in inside.values() for v in rows]
    assert said["inside"].item() == pytest.approx(np.mean(everything), rel=1e-3)
    blocks = [np.mean(rows) for number, rows in inside.items() if number]
    assert said["inside_each"].item() == pytest.approx(np.mean(blocks), rel=1e-3)
    every_vote = [v for rows in votes.values() for v in rows]
    assert said["votes"].item() == pytest.approx(np.mean(every_vote), rel=1e-3)
    each = [np.mean(rows) for rows in votes.values()]
    assert said["votes_each"].item() == pytest.approx(np.mean(each), rel=1e-3)


def test_two_peaks_of_one_block_are_one() -> None:
    centres = torch.tensor([[20.0, 20.0], [23.0, 21.0], [40.0, 20.0]])
    boxes = torch.tensor([[10.0, 10, 30, 30], [11, 11, 31, 30], [30, 10, 50, 30]])
    assert module._distinct(centres, boxes) == [0, 2]


def test_an_even_picture_has_no_blocks() -> None:
    finder = Finder(replace(TINY, threshold=0.5)).eval()
    found = finder.find(torch.full((2, 3, 50, 70), 128, dtype=torch.uint8))
    assert [len(f.scores) for f in found] == [0, 0]
    assert found[0].masks.shape == (0, 50, 70)
    assert found[0].boxes.shape == (0, 4)


def test_features_and_units() -> None:
    finder = Finder(TINY).eval()
    pictures = torch.zeros(2, 3, 33, 20, dtype=torch.uint8)
    assert finder.features(pictures).shape == (2, 16, 20, 30)
    assert UNIT == 16.0


def test_refuses_an_odd_working_size() -> None:
    with pytest.raises(ValueError, match="multiples of 4"):
        FinderConfig(height=150)


def test_mask_rcnn_says_what_it_needs() -> None:
    with pytest.raises(ValueError, match="needs torchvision.*take the kind 'centres'") as error:
        MaskRCNNFinder(FinderConfig(kind="mask_rcnn"))
    assert "\n" not in str(error.value)
