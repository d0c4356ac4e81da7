import numpy as np
import pytest
import torch
from scipy.spatial.distance import mahalanobis

from sensorium.layers.domain import (
    STATISTICS,
    DomainGauge,
    Gaussian,
    frame_statistics,
    unfamiliarity,
)


def features(count, width=6, seed=0, shift=0.0):
    g = torch.Generator().manual_seed(seed)
    mix = torch.linspace(0.2, 3.0, width).diag() + 0.3
    return torch.randn(count, width, generator=g) @ mix + shift


def test_distance_is_mahalanobis_without_shrinkage():
    data = features(400)
    gaussian = Gaussian(6)
    gaussian.fit(data, share=0.99, margin=1.0, shrinkage=0.0)
    fitted = data[::2].double().numpy()
    inverse = np.linalg.inv(np.cov(fitted.T))
    mean = fitted.mean(0)
    far = features(5, seed=1, shift=2.0)
    expected = [mahalanobis(x, mean, inverse) / np.sqrt(6) for x in far.double().numpy()]
    measured = gaussian(far) * gaussian.threshold
    assert measured.tolist() == pytest.approx(expected, rel=1e-3)


def test_the_stated_share_of_held_out_rows_is_familiar():
    data = features(2000)
    gauge = DomainGauge((6,))
    gauge.fit([data], share=0.9, margin=1.0)
    held_out = unfamiliarity(gauge.distances([data[1::2]]))
    assert float((held_out < 0.5).float().mean()) == pytest.approx(0.9, abs=0.002)


def test_the_worst_group_decides():
    near, far = features(400), features(400, seed=2)
    gauge = DomainGauge((6, 6))
    gauge.fit([near, far])
    usual = unfamiliarity(gauge.distances([near[:9], far[:9]]))
    odd = unfamiliarity(gauge.distances([near[:9], far[:9] + 30]))
    assert (odd > 0.5).all()
    assert (odd > usual).all()


def test_saved_and_loaded_calibration_gives_the_same_answer():
    gauge, other = DomainGauge((6,)), DomainGauge((6,))
    assert not gauge.calibrated
    gauge.fit([features(100)])
    other.load_state_dict(gauge.state_dict())
    assert other.calibrated
    assert torch.equal(
        gauge.distances([features(5, seed=3)]), other.distances([features(5, seed=3)])
    )


@pytest.mark.parametrize("data", [features(7), torch.full((20, 6), float("nan"))])
def test_too_few_or_broken_rows_are_refused(data):
    with pytest.raises(ValueError, match="calibration needs at least 8 finite feature vectors"):
        DomainGauge((6,)).fit([data])


def test_statistics_of_a_flat_and_of_a_striped_picture():
    flat = torch.full((1, 4, 3, 16, 16), 0.5)
    striped = flat.clone()
    striped[..., ::2] = 0.0
    flat_row, striped_row = frame_statistics(torch.cat([flat, striped])).exp() - 0.02
    assert len(flat_row) == STATISTICS
    assert flat_row[:3].tolist() == pytest.approx([0.5] * 3, abs=1e-5)
    assert flat_row[6].item() == pytest.approx(0.0, abs=1e-6)  # no gradient across
    assert striped_row[6].item() == pytest.approx(0.5, abs=1e-5)
    assert striped_row[7].item() == pytest.approx(0.0, abs=1e-6)  # nor down
    assert flat_row[8].item() == pytest.approx(1.0, abs=1e-5)  # all flat
    assert striped_row[10].item() == pytest.approx(0.0, abs=1e-6)  # no change over time


def test_one_frame_has_no_change():
    assert torch.isfinite(frame_statistics(torch.rand(2, 1, 3, 8, 8))).all()


def test_the_threshold_of_videos_lies_beyond_the_farthest_of_them():
    gauge = DomainGauge((6, 6))
    gauge.fit([features(400), features(400, seed=2)])
    videos = torch.stack(
        [
            gauge.distances([features(9, seed=k), features(9, seed=k)]).median(0).values
            for k in range(5)
        ]
    )
    gauge.fit_threshold(videos, margin=1.25)
    again = torch.stack(
        [
            gauge.distances([features(9, seed=k), features(9, seed=k)]).median(0).values
            for k in range(5)
        ]
    )
    assert again.amax(0).tolist() == pytest.approx([0.8, 0.8], rel=1e-4)
    assert (unfamiliarity(again) < 0.5).all()
