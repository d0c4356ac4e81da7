"""The non-local block against the paper's sums, written out."""

import torch

from sensorium.layers.non_local import NonLocal


def test_a_new_block_is_the_identity():
    x = torch.randn(2 * 3, 8, 4, 4)
    for mode in (True, False):
        assert torch.equal(NonLocal(8).train(mode)(x, 3), x)


def test_agrees_with_the_equations():
    torch.manual_seed(0)
    block = NonLocal(4).eval()
    torch.nn.init.ones_(block.bn.weight)
    x = torch.randn(2 * 3, 4, 4, 6)
    got = block(x, 3)
    for clip in range(2):
        frames = x[3 * clip : 3 * clip + 3]
        theta, phi, g = block.theta(frames), block.phi(frames), block.g(frames)
        pool = torch.nn.functional.max_pool2d
        keys = pool(phi, 2).permute(0, 2, 3, 1).reshape(-1, 2)
        values = pool(g, 2).permute(0, 2, 3, 1).reshape(-1, 2)
        queries = theta.permute(0, 2, 3, 1).reshape(-1, 2)
        y = (queries @ keys.T).softmax(1) @ values  # not divided by the root of the width
        y = y.reshape(3, 4, 6, 2).permute(0, 3, 1, 2)
        expected = frames + block.bn(block.out(y))
        assert torch.allclose(got[3 * clip : 3 * clip + 3], expected, atol=1e-5)


def test_the_batch_stays_free_in_an_exported_graph():
    class Fixed(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.block = NonLocal(4)

        def forward(self, clips: torch.Tensor) -> torch.Tensor:
            return self.block(clips.flatten(0, 1), clips.shape[1])

    network = Fixed().eval()
    torch.nn.init.ones_(network.block.bn.weight)
    batch = torch.export.Dim("batch", min=1, max=64)
    example = (torch.randn(2, 3, 4, 4, 4),)
    program = torch.export.export(network, example, dynamic_shapes={"clips": {0: batch}})
    other = torch.randn(5, 3, 4, 4, 4)
    assert torch.allclose(program.module()(other), network(other), atol=1e-5)


def test_single_places_are_not_pooled_away():
    assert NonLocal(4)(torch.randn(4, 4, 1, 1), 2).shape == (4, 4, 1, 1)
