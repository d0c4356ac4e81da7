"""Published triples come back as what they were: against the networks built here once more."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sensorium.sounds.official import find_triple, read_published_pixels
from sensorium.sounds.official_names import RELEASED, read_name
from sensorium.sounds.systems import PixelsSystem
from sensorium.store import convert, load, read_header

_spec = importlib.util.spec_from_file_location(
    "published_pixels", Path(__file__).with_name("published_pixels.py")
)
rebuilt = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(rebuilt)
Triple = rebuilt.Triple


def name_of(**changes: str) -> str:
    """The published name of a small model."""
    name = RELEASED.replace("unet7", "unet5").replace("channels32", "channels3")
    for old, new in changes.items():
        assert old in name
        name = name.replace(old, new)
    return name


@pytest.fixture(scope="module")
def triple() -> Triple:
    return Triple()


@pytest.fixture(scope="module")
def folder(triple: Triple, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return triple.save(tmp_path_factory.mktemp("published") / name_of())


def converted(folder: Path, name: str | None = None) -> PixelsSystem:
    published = read_published_pixels(folder, name)
    system = PixelsSystem(published.config).eval()
    system.network.load_state_dict(published.state)
    return system


# --- the networks ---------------------------------------------------------------------------------


def count(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_what_is_rebuilt_here_has_the_published_sizes():
    with torch.device("meta"):
        assert count(rebuilt.PublishedFrame(32, dilated=True)) == 11_324_000
        sounds = {levels: count(rebuilt.PublishedSound(levels, 32)) for levels in (5, 6, 7)}
        assert sounds == {5: 12_444_322, 6: 21_359_266, 7: 30_274_210}
        assert count(rebuilt.PublishedSynthesizer(32)) == 33
        deepest = "unet_block.model.1" + ".model.3" * 5 + ".model.4.weight"
        assert rebuilt.PublishedSound(7, 32).state_dict()[deepest].shape == (512, 512, 3, 3)


@torch.no_grad()
def same(theirs: Triple, ours: PixelsSystem, frames: int = 2) -> None:
    """The same features and masks from the same sound and pictures."""
    generator = torch.Generator().manual_seed(0)
    magnitude = 9 * torch.rand(2, 512, 64, generator=generator)
    heard = ours.spectra.log_magnitude(magnitude)[..., :64, :]  # fewer rows: the same network
    pictures = torch.randint(0, 256, (2, frames, 3, 64, 64), generator=generator).to(torch.uint8)
    wanted = theirs.sound(heard.clone())
    sound = ours.network.hear(heard)
    torch.testing.assert_close(sound, wanted, atol=1e-5, rtol=1e-5)
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    normal = ((pictures.float() / 255 - mean) / std).transpose(1, 2)  # [B, T, 3] -> [B, 3, T]
    look = theirs.frame(normal)
    visual = ours.pool(ours.see({"frames": pictures}))  # [B, 1, K, 1]
    torch.testing.assert_close(visual[:, 0, :, 0], look, atol=1e-5, rtol=1e-5)
    mask = theirs.synthesizer(look.sigmoid(), wanted).sigmoid()
    logits = ours.logits(visual, (sound,))[:, 0]
    torch.testing.assert_close(logits.sigmoid(), mask, atol=1e-5, rtol=1e-5)
    assert float(mask.std()) > 1e-3


def test_features_and_masks_are_the_published_networks(triple, folder):
    same(triple, converted(folder))


def test_another_depth_and_number_of_channels(tmp_path):
    deeper = Triple(levels=6, channels=2)
    name = name_of(unet5="unet6", channels3="channels2")
    ours = converted(deeper.save(tmp_path / name))
    assert ours.config.network.sound.levels == 6
    same(deeper, ours)


def test_the_other_options_of_the_released_code(tmp_path):
    other = Triple(dilated=False, pool="avgpool", kind="bias")
    name = name_of(
        resnet18dilated="resnet18fc",
        linear="bias",
        maxpool="avgpool",
        frames3stride24="frames1stride1",
    )
    ours = converted(other.save(tmp_path / name))
    assert ours.config.network.undone == 0
    assert ours.config.view.frames == 1
    assert torch.equal(ours.network.synthesizer.scale.detach(), torch.ones(3))
    same(other, ours)


def test_the_mean_of_a_region_is_the_mean_of_its_places(tmp_path):
    other = Triple(pool="avgpool")
    ours = converted(other.save(tmp_path / name_of(maxpool="avgpool")))
    maps = torch.rand(2, 3, 1, 4, 5, generator=torch.Generator().manual_seed(0))
    regions = torch.zeros(2, 2, 4, 5, dtype=torch.bool)
    regions[:, 0, 1:3, 2:] = True
    pooled = ours.pool(maps, regions)
    torch.testing.assert_close(pooled[:, 0, :, 0], maps[:, :, 0, 1:3, 2:].mean((-2, -1)))
    assert torch.equal(pooled[:, 1], torch.zeros(2, 3, 1))  # of no place at all


def test_a_linear_axis_is_heard_whole(tmp_path, triple):
    ours = converted(triple.save(tmp_path / name_of(**{"-LogFreq": ""})))
    assert ours.config.spectra.bins == 0
    assert ours.config.spectra.rows == 512
    (maps,) = ours.hear(torch.rand(1, 512, 32))
    assert maps.shape == (1, 3, 512, 32)


def test_the_whole_way_from_a_mixture_to_masks(tmp_path):
    """From waves, with a transform, a grid and a threshold of the test's own."""
    theirs = Triple()
    generator = torch.Generator().manual_seed(0)
    waves = 0.1 * torch.randn(1, 2, 8_191, generator=generator)
    frames = torch.randint(0, 256, (1, 2, 1, 3, 64, 64), generator=generator).to(torch.uint8)
    how = {"n_fft": 1022, "hop_length": 256, "window": torch.hann_window(1022), "center": True}
    spectrum = torch.stft(waves[0].sum(0), **how, pad_mode="reflect", return_complex=True)
    t, y = torch.linspace(0, 1, 256), torch.linspace(-1, 1, 512)
    across = torch.linspace(-1, 1, spectrum.shape[-1])

    def sampled(x: Tensor, rows: Tensor) -> Tensor:
        grid = torch.stack(torch.broadcast_tensors(across[None], rows[:, None]), -1)[None]
        return F.grid_sample(x, grid.expand(len(x), -1, -1, -1), align_corners=True)

    warped = sampled(spectrum.abs()[None, None] + 1e-10, (21**t - 11) / 10)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normal = ((frames[0].movedim(2, -1).float() / 255 - mean) / std).movedim(-1, 1)  # [S, 3, T]
    with torch.no_grad():
        sound = theirs.sound(warped.log()).expand(2, -1, -1, -1)
        look = theirs.frame(normal).sigmoid()
        theirs.synthesizer.scale *= 300.0  # else all is on one side of the threshold
        theirs.synthesizer.bias -= theirs.synthesizer(look, sound).median()
        masks = theirs.synthesizer(look, sound).sigmoid()
    linear = sampled(masks[:, None], 2 * torch.log(10 * y + 11) / torch.tensor(21.0).log() - 1)
    chosen = (linear[:, 0] > 0.5).float()
    assert 0.1 < float(chosen.mean()) < 0.9
    expected = torch.istft(chosen * spectrum, **how, length=waves.shape[-1])

    ours = converted(theirs.save(tmp_path / name_of()))
    got = ours.separate({"waves": waves, "frames": frames, "label": torch.zeros(1, 2)})[0]
    error = (got - expected).square().mean() / expected.square().mean()
    assert float(error) < 1e-3  # a few bins lie on the threshold


# --- names ----------------------------------------------------------------------------------------


def test_the_released_name_tells_everything():
    name = read_name(RELEASED)
    assert name is not None
    assert (name.data, name.mixed, name.log_frequency, name.undone) == ("MUSIC", 2, True, 1)
    assert (name.levels, name.synthesizer, name.frames, name.stride) == (7, "linear", 3, 24)
    assert (name.pooling, name.mask, name.weighted, name.channels) == ("max", "binary", True, 32)
    assert (name.epochs, name.steps) == (100, (40, 80))


def test_other_names():
    name = read_name(
        "my-set-3mix-resnet18fc-unet5-bias-frames1stride8-avgpool-ratio-channels16-epoch7-step5"
    )
    assert name is not None
    assert (name.data, name.mixed, name.log_frequency, name.weighted) == ("my-set", 3, False, False)
    assert (name.undone, name.mask, name.pooling, name.steps) == (0, "ratio", "average", (5,))
    assert read_name("checkpoints") is None


@pytest.mark.parametrize(
    ("old", "new"),
    [("resnet18dilated", "resnet50"), ("unet7", "unet8"), ("linear", "mlp"), ("binary", "phase")],
)
def test_unknown_architectures_are_named(old, new):
    with pytest.raises(ValueError, match=f"found '{new}' in the model's name") as caught:
        read_name(RELEASED.replace(old, new))
    assert "\n" not in str(caught.value)


def test_the_published_configuration(folder):
    config = read_published_pixels(folder).config
    assert (config.mask, config.weighted, config.threshold) == ("half", True, True)
    assert (config.view.size, config.view.fps) == (224, 8.0)
    assert (config.view.frames, config.view.stride) == (3, 24)
    spectra = config.spectra
    assert (spectra.rate, spectra.window, spectra.hop) == (11_025, 1022, 256)
    assert (spectra.bins, spectra.frames, spectra.samples) == (256, 256, 65_535)
    assert config.network.undone == 1


# --- files ----------------------------------------------------------------------------------------


def test_old_files_with_prefixes_and_without_counters(tmp_path, triple):
    folder = triple.save(tmp_path / "mine", prefix="module.")
    for path in folder.iterdir():
        state = torch.load(path, weights_only=True)
        torch.save({k: v for k, v in state.items() if "num_batches" not in k}, path)
    published = read_published_pixels(folder)
    assert torch.equal(published.state["video.last.weight"], triple.frame.fc.weight)
    assert any("not a published one" in note for note in published.notes)
    assert published.data is None
    same(triple, converted(folder))


def test_a_renamed_folder_with_its_name_told(tmp_path, folder):
    renamed = broken(tmp_path, folder, "frame", {})
    published = read_published_pixels(renamed, name_of(binary="ratio", MUSIC="OWN"))
    assert (published.config.mask, published.data) == ("ratio", "OWN")
    assert any("as it is" in note for note in published.notes)
    with pytest.raises(ValueError, match="found 'x' as the model's name, expected one such as"):
        read_published_pixels(renamed, "x")


def test_best_comes_before_latest_and_one_file_stands_for_three(tmp_path):
    folder = tmp_path
    for part in ("sound", "frame", "synthesizer"):
        for which in ("best", "latest"):
            (folder / f"{part}_{which}.pth").touch()
    assert find_triple(folder)["sound"].name == "sound_best.pth"
    assert find_triple(folder / "frame_latest.pth")["sound"].name == "sound_latest.pth"
    (folder / "sound_best.pth").unlink()
    assert find_triple(folder)["frame"].name == "frame_latest.pth"


def test_missing_files_are_named(tmp_path, folder):
    part = tmp_path / "part"
    part.mkdir()
    broken(part, folder, "synthesizer", {})
    (part / "synthesizer_best.pth").unlink()
    complaint = r"found frame_best.pth, sound_best.pth, without synthesizer_best.pth; a model of"
    with pytest.raises(ValueError, match=complaint):
        read_published_pixels(part)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="found none of the three files, without sound_best.pth"):
        read_published_pixels(tmp_path / "empty")
    with pytest.raises(ValueError, match="no such folder"):
        read_published_pixels(tmp_path / "nowhere")
    (tmp_path / "other.pth").write_bytes(b"x")
    with pytest.raises(ValueError, match="expected sound_best.pth, frame_best.pth or"):
        read_published_pixels(tmp_path / "other.pth")


def broken(tmp_path: Path, folder: Path, part: str, changes: dict[str, Any]) -> Path:
    """A folder with one file changed; ``None`` takes a tensor away."""
    for path in folder.iterdir():
        (tmp_path / path.name).hardlink_to(path)
    changed = tmp_path / f"{part}_best.pth"
    state = torch.load(changed, weights_only=True) | changes
    changed.unlink()
    torch.save({k: v for k, v in state.items() if v is not None}, changed)
    return tmp_path


@pytest.mark.parametrize(
    ("part", "changes", "complaint"),
    [
        ("frame", {"fc.weight": torch.zeros(3, 2048, 3, 3)}, r"fc.weight as \[3, 2048, 3, 3\]"),
        ("frame", {"fc.bias": torch.zeros(4)}, "different numbers of channels .*4 in frame_best"),
        ("frame", {"fc.bias": None}, "found no vector fc.bias"),
        ("frame", {"features.8.weight": torch.zeros(1)}, "with features.8.weight"),
        ("sound", {"bn0.weight": None}, "expected the nested U-Net"),
        ("sound", {"unet_block.model.1.model.2.bias": None}, "1 tensors missing"),
        ("sound", {"bn0.bias": torch.tensor([torch.nan])}, "bn0.bias not finite"),
        ("synthesizer", {"scale": torch.ones(5)}, "5 in synthesizer_best.pth"),
        ("synthesizer", {"bias": torch.zeros(3)}, r"found bias as \[3\], expected \[1\]"),
        ("synthesizer", {"bias": None}, "found no vector bias"),
    ],
)
def test_other_shapes_are_named(tmp_path, folder, part, changes, complaint):
    with pytest.raises(ValueError, match=complaint) as caught:
        read_published_pixels(broken(tmp_path, folder, part, changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("unet5", "unet7", "found a U-Net of 5 levels, expected a U-Net of 7 levels by the"),
        ("channels3", "channels32", "found 3 channels, expected 32 channels"),
        ("linear", "bias", "found a synthesizer of the kind 'linear', expected .* 'bias'"),
    ],
)
def test_files_of_another_model_than_the_name_s(folder, old, new, complaint):
    with pytest.raises(ValueError, match=complaint):
        read_published_pixels(folder, name_of(**{old: new}))


class Hostile:
    """Unpickling this would run a command."""

    def __reduce__(self):
        import os

        return os.system, ("echo unpickled > owned",)


def test_a_hostile_pickle_is_refused_and_not_run(tmp_path, folder, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hostile = broken(tmp_path, folder, "synthesizer", {"bias": Hostile()})
    with pytest.raises(ValueError, match=r"refused, loading it would run \w+\.system"):
        read_published_pixels(hostile)
    assert not (tmp_path / "owned").exists()


# --- the store ------------------------------------------------------------------------------------


def test_a_folder_becomes_a_saved_system(tmp_path, triple, folder):
    saved = convert(folder, "pixels", tmp_path / "mine")
    system = load(saved)
    assert isinstance(system, PixelsSystem)
    same(triple, system.eval())
    card = read_header(saved).card
    assert (card.trained_on, card.licence) == ("MUSIC", "MIT")
    assert any("mixtures of 2 for 100 epochs" in note for note in card.notes)
    assert card.metrics == {}


def test_what_the_store_refuses(tmp_path, folder):
    with pytest.raises(ValueError, match="knows no classes, leave --classes out"):
        convert(folder, "pixels", tmp_path / "mine", classes=["a"])
    with pytest.raises(ValueError, match="a folder; give the path of a downloaded checkpoint"):
        convert(folder, "tsm", tmp_path / "mine")
    with pytest.raises(
        ValueError, match="no published checkpoint can be converted to 'pixel'; did"
    ):
        convert(folder, "pixel", tmp_path / "mine")
    assert not (tmp_path / "mine").exists()
