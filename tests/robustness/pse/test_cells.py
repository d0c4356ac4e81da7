import pytest
import torch

from sensorium.robustness.pse.cells import grid, regions, side_for


def test_grid_covers_every_pixel_and_the_last_cells_are_smaller():
    cells = grid((1, 3, 5, 7), 3)
    assert cells.shape == (2, 3)
    assert cells.index.tolist() == [[0, 0, 0, 1, 1, 1, 2]] * 3 + [[3, 3, 3, 4, 4, 4, 5]] * 2
    assert cells.sums(torch.ones(2, 5, 7)).tolist() == [[9, 9, 3, 6, 6, 2]] * 2


def test_frames_of_a_clip_have_cells_of_their_own_unless_in_tubes():
    shape = (2, 4, 3, 6, 6)
    own, tubes = grid(shape, 3), grid(shape, 3, tube=True)
    assert (own.count, tubes.count) == (16, 4)
    assert own.index[3].unique().tolist() == [12, 13, 14, 15]
    assert torch.equal(tubes.index[0], tubes.index[3])


def test_norms_agree_with_a_loop(noise):
    d = torch.randn(2, 3, 6, 8, generator=noise)
    cells = grid(d.shape, 4)
    for number in range(cells.count):
        inside = cells.index == number
        expected = (d * inside).flatten(1).norm(dim=1)
        torch.testing.assert_close(cells.norms(d)[:, number], expected)


def test_masks_and_spread_agree():
    cells = grid((1, 2, 3, 4, 4), 2)
    values = torch.arange(cells.count)[None]
    assert torch.equal(cells.spread(values)[0], cells.index)
    masks = cells.masks(torch.tensor([0, 7]))
    assert masks.shape == (2, 2, 1, 4, 4)
    assert torch.equal(masks[1, :, 0], cells.index == 7)


def test_regions_of_a_label_map():
    cells = regions(torch.tensor([[0, 0, 2], [1, 2, 2]]))
    assert cells.sums(torch.ones(1, 2, 3)).tolist() == [[2, 1, 3]]
    with pytest.raises(ValueError, match="got the label -1"):
        regions(torch.tensor([[0, -1]]))


def test_share_inside():
    cells = grid((1, 3, 4, 4), 2)
    mask = torch.zeros(1, 4, 4, dtype=torch.bool)
    mask[:, :2, :3] = True
    assert cells.share_inside(mask).tolist() == [[1.0, 0.5, 0.0, 0.0]]


def test_sides_are_those_of_the_windows_of_strattack():
    assert (side_for(32, 32), side_for(299, 299), side_for(224, 400)) == (2, 13, 13)
    assert side_for(8, 8) == 1


@pytest.mark.parametrize(("shape", "side"), [((1, 3, 4, 4), 0), ((3, 4, 4), 2)])
def test_refuses(shape, side):
    with pytest.raises(ValueError, match="side of at least 1|expected pictures"):
        grid(shape, side)
