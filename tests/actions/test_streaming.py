"""Frame by frame equals all at once."""

from dataclasses import replace

import pytest
import torch

from sensorium.actions.streaming import StreamingTSM
from sensorium.actions.tsm import TSM, TSMConfig

PAST = TSMConfig("resnet_tiny", classes=5, direction="past", dropout=0.5)


def lively(config: TSMConfig) -> TSM:
    torch.manual_seed(0)
    network = TSM(config).eval()
    torch.nn.init.normal_(network.head.weight)
    return network


@pytest.mark.parametrize(
    "config",
    [
        PAST,
        replace(PAST, placement="block"),
        replace(PAST, shift_div=4),
        replace(PAST, shift_div=0),
        replace(PAST, backbone="mobilenet_v2"),
        replace(PAST, backbone="resnet18", width=0.25),
    ],
)
def test_streaming_equals_offline(config):
    network = lively(config)
    frames = torch.randn(2, 6, 3, 48, 32)
    with torch.no_grad():
        offline = network.frame_logits(frames)
    stream = StreamingTSM(network, batch=2)
    online = torch.stack([stream(frames[:, t]) for t in range(6)], 1)
    scale = offline.abs().max()
    assert (online - offline).abs().max() / scale < 1e-5


def test_the_functional_form_is_the_same_and_writes_nowhere():
    network = lively(PAST)
    stream = StreamingTSM(network, batch=2)
    frames = torch.randn(4, 2, 3, 32, 32)
    caches = stream.initial_caches(frames[0])
    for frame in frames:
        before = [c.clone() for c in caches]
        logits, following = stream.step(frame, caches)
        assert all(torch.equal(a, b) for a, b in zip(caches, before, strict=True))
        assert torch.allclose(logits, stream(frame), atol=1e-5)
        caches = following
    assert all(torch.allclose(a, b) for a, b in zip(caches, stream.caches, strict=True))


@pytest.mark.parametrize(
    ("backbone", "floats", "count"), [("mobilenet_v2", 27_048, 10), ("resnet50", 702_464, 16)]
)
def test_cache_sizes(backbone, floats, count):
    with torch.device("meta"):
        network = TSM(TSMConfig(backbone, 27, direction="past")).eval()
        caches = StreamingTSM(network).initial_caches(torch.zeros(1, 3, 224, 224))
    assert sum(c.numel() for c in caches) == floats
    assert len(caches) == count


def test_the_functional_form_exports_with_a_free_batch():
    class Step(torch.nn.Module):
        def __init__(self, network):
            super().__init__()
            self.stream = StreamingTSM(network)

        def forward(self, frame, caches):
            return self.stream.step(frame, caches)

    step = Step(lively(PAST)).eval()
    frame = torch.randn(2, 3, 32, 32)
    caches = step.stream.initial_caches(frame)
    batch = torch.export.Dim("batch", min=1, max=64)
    shapes = ({0: batch}, tuple({0: batch} for _ in caches))
    program = torch.export.export(step, (frame, caches), dynamic_shapes=shapes)
    frame = torch.randn(3, 3, 32, 32)
    caches = tuple(torch.randn_like(c) for c in step.stream.initial_caches(frame))
    got, wanted = program.module()(frame, caches), step(frame, caches)
    assert torch.allclose(got[0], wanted[0], atol=1e-5)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(got[1], wanted[1], strict=True))


def test_streams_side_by_side_are_independent_and_reset_alone():
    network = lively(PAST)
    frames = torch.randn(6, 2, 3, 32, 32)
    stream = StreamingTSM(network, batch=2, window=3)
    for frame in frames[:4]:
        stream(frame)
    stream.reset(torch.tensor([True, False]))
    both = [stream(frame) for frame in frames[4:]]

    fresh = StreamingTSM(network, window=3)
    alone = [fresh(frame[:1]) for frame in frames[4:]]
    assert torch.allclose(both[1][:1], alone[1], atol=1e-5)
    assert torch.allclose(stream.consensus()[:1], fresh.consensus(), atol=1e-5)

    unbroken = StreamingTSM(network, window=3)
    last = [unbroken(frame[1:]) for frame in frames]
    assert torch.allclose(both[1][1:], last[-1], atol=1e-5)
    assert torch.allclose(stream.consensus()[1:], torch.stack(last[-3:]).mean(0), atol=1e-5)


def test_a_full_reset_forgets_everything_and_allows_another_size():
    stream = StreamingTSM(lively(PAST))
    frame = torch.randn(1, 3, 32, 32)
    first = stream(frame)
    assert not torch.equal(stream(frame), first)
    stream.reset()
    assert torch.equal(stream(frame), first)
    stream.reset()
    assert stream(torch.randn(1, 3, 40, 40)).shape == (1, 5)


def test_resetting_outside_inference_mode_works():
    stream = StreamingTSM(lively(PAST), batch=2)
    frame = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        first = stream(frame)
    stream.reset(torch.tensor([True, True]))
    assert torch.equal(stream(frame), first)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"direction": "both"}, "train with direction='past'"),
        ({"non_local": True}, "non-local blocks look at all frames"),
        ({"temporal_pool": True}, "temporal pooling look"),
    ],
)
def test_what_cannot_be_streamed_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        StreamingTSM(TSM(replace(PAST, **options)).eval())


def test_input_errors():
    network = lively(PAST)
    stream = StreamingTSM(network)
    with pytest.raises(ValueError, match="no frame has been streamed"):
        stream.consensus()
    with pytest.raises(ValueError, match=r"one frame per stream \[1, 3, H, W\]"):
        stream(torch.zeros(2, 3, 32, 32))
    stream(torch.zeros(1, 3, 32, 32))
    with pytest.raises(ValueError, match="began with frames"):
        stream(torch.zeros(1, 3, 64, 64))
    with pytest.raises(ValueError, match="boolean mask of 1 streams"):
        stream.reset(torch.tensor([1, 0]))
    network.train()
    with pytest.raises(ValueError, match="call eval"):
        stream(torch.zeros(1, 3, 32, 32))
    with pytest.raises(ValueError, match="at least 1"):
        StreamingTSM(network, batch=0)
