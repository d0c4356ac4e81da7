import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from sensorium.actions.systems import ActionSystem
from sensorium.export import OnnxStream, export


def noise(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(6)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def test_caches_are_inputs_and_outputs_with_a_free_batch(exported):
    _, done = exported("stream")
    graph = onnx.load(done.path).graph
    inputs, outputs = [i.name for i in graph.input], [o.name for o in graph.output]
    assert inputs == ["frame", *(f"cache_{i}" for i in range(4))]
    assert outputs == ["logits", *(f"next_cache_{i}" for i in range(4))]
    assert done.caches == 4
    for value in graph.input:
        assert value.type.tensor_type.shape.dim[0].dim_param
    assert not {node.op_type for node in graph.node} & {"ScatterND", "ScatterElements"}


def test_steps_by_hand_give_the_offline_network_frame_by_frame(exported):
    system, done = exported("stream")
    session = onnxruntime.InferenceSession(str(done.path), providers=["CPUExecutionProvider"])
    frames = noise(3, 6, 3, 32, 32)
    with torch.no_grad():
        offline = system.network.frame_logits(system.pixels(frames))
    shapes = {i.name: i.shape[1:] for i in session.get_inputs() if i.name != "frame"}
    caches = {name: np.zeros((3, *shape), np.float32) for name, shape in shapes.items()}
    for t in range(6):
        logits, *kept = session.run(None, {"frame": frames[:, t].numpy(), **caches})
        caches = dict(zip(caches, kept, strict=True))
        np.testing.assert_allclose(logits, offline[:, t].numpy(), atol=2e-5)
    assert np.abs(kept[0]).max() > 0


def test_stream_of_the_file_equals_the_stream_of_the_system(exported):
    system, done = exported("stream")
    eager, file = system.stream(2), OnnxStream(done.path, batch=2)
    for frame in noise(11, 2, 3, 40, 48):  # more frames than the answer averages
        torch.testing.assert_close(file(frame), eager.step(frame), atol=1e-5, rtol=1e-4)
    file.reset()
    eager.reset()
    frame = noise(2, 3, 32, 32)
    torch.testing.assert_close(file(frame), eager.step(frame), atol=1e-5, rtol=1e-4)


def test_stream_in_8_bits_stays_near(exported):
    system, done = exported("stream-int8")
    assert (done.precision, done.form) == ("int8", "stream")
    assert done.int8 == 12
    eager, file = system.stream(), OnnxStream(done.path)
    frames = noise(8, 1, 3, 32, 32)
    gaps = [(file(frame) - eager.step(frame)).abs().max() for frame in frames]
    assert 0 < max(gaps) < 0.1


def test_networks_that_need_the_future_are_refused(empty, exported):
    for kind in ("stnet", "i3d"):
        system, _ = exported(kind)
        assert isinstance(system, ActionSystem)
        with pytest.raises(ValueError, match="cannot be streamed"):
            export(system, empty / "x.onnx", streaming=True)
    assert list(empty.iterdir()) == []
