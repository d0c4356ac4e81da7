import av
import numpy as np
import pytest

from sensorium.media.listener import float_samples


@pytest.mark.parametrize("layout", ["mono", "stereo", "7.1", "hexadecagonal"])
@pytest.mark.parametrize(
    ("form", "dtype", "scale"),
    [
        ("u8", np.uint8, 128),
        ("s16", np.int16, 2**15),
        ("s32", np.int32, 2**31),
        ("flt", np.float32, 1),
        ("dbl", np.float64, 1),
    ],
)
@pytest.mark.parametrize("planar", [False, True])
def test_every_sample_format_becomes_float(layout, form, dtype, scale, planar):
    """Also with eight channels and more, whose planes end where PyAV does not expect it."""
    channels = av.AudioLayout(layout).nb_channels
    dice = np.random.default_rng(0)
    wanted = dice.uniform(-0.9, 0.9, (channels, 70))
    stored = wanted * scale + 128 if form == "u8" else wanted * scale
    packed = np.round(stored).astype(dtype) if scale > 1 else stored.astype(dtype)
    data = packed.T.reshape(1, -1)  # [C, n] -> [1, n*C]
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(data), format=form, layout=layout)
    frame.sample_rate = 8000
    if planar:
        (frame,) = av.AudioResampler(f"{form}p", layout, 8000).resample(frame)
        assert frame.format.is_planar
    got = float_samples(frame)
    assert got.shape == wanted.shape
    assert got.dtype == np.float32
    assert np.abs(got - wanted).max() <= (1 / scale if scale > 1 else 1e-6) + 1e-7


def test_what_is_no_number_becomes_silence():
    data = np.array([[0.5, np.nan, np.inf, -np.inf, 7.0]], np.float32)
    frame = av.AudioFrame.from_ndarray(data, format="flt", layout="mono")
    assert float_samples(frame).tolist() == [[0.5, 0.0, 1.0, -1.0, 1.0]]
