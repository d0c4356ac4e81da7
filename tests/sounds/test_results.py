import json
import math
import subprocess

import pytest
import torch

from sensorium import media
from sensorium.sounds.heat import brightness, heat_picture, overlaid, shares_at
from sensorium.sounds.results import Stem, Stems
from sensorium.sounds.separation import separate
from sensorium.types import Span

from .separation.conftest import colours, duet

__all__ = ["colours", "duet"]  # fixtures


@pytest.fixture
def stems(colours, duet):
    return separate(colours, duet()[0])


def test_files_are_complete_and_sum_to_the_mixture(stems, tmp_path):
    written = stems.save(tmp_path / "out")
    names = [str(p.relative_to(tmp_path / "out")) for p in written]
    assert names == [*stems.paths(), "heat.mp4", "heat.png", "stems.png", "stems.json"]
    assert all(p.stat().st_size > 500 for p in written[:-1])
    audio = [media.read(p).need_audio() for p in written[:3]]
    assert {(a.rate, a.channels) for a in audio} == {(16000, 2)}
    mixture = stems.separator.audio.samples()
    assert (sum(a.samples() for a in audio) - mixture).abs().max() < 1e-6
    assert torch.equal(audio[0].samples(), stems.samples()[0])
    told = json.loads(written[-1].read_text())
    assert told == json.loads(json.dumps(stems.to_dict()))
    assert list(told)[:3] == ["file", "system", "out_of_domain"]
    assert set(told["stems"][0]) == {"path", "label", "score", "at"}
    assert told["stems"][-1]["at"] is None


def test_flac_sums_to_24_bits_even_where_a_stem_would_clip(stems, tmp_path):
    stems.save(tmp_path, form="flac", film=False)
    assert not (tmp_path / "heat.mp4").exists()
    parts = [media.read(tmp_path / p).need_audio().samples() for p in stems.paths("flac")]
    assert (sum(parts) - stems.separator.audio.samples()).abs().max() < 3 * 2**-23
    from sensorium.sounds.results import _fitted

    block = torch.tensor([[[1.5, -2.0, 0.3]], [[-0.7, 1.1, 0.0]]])
    fitted = _fitted(block)
    assert fitted[:-1].abs().max() <= 1
    assert torch.allclose(fitted.sum(0), block.sum(0))


def test_the_film_has_heat_where_it_sounds_and_the_inputs_sound(stems, tmp_path):
    stems.save(tmp_path)
    film = media.read(tmp_path / "heat.mp4")
    original = stems.separator.clip.need_video()
    probe = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0"]
    codecs = subprocess.run([*probe, tmp_path / "heat.mp4"], capture_output=True, text=True)
    assert codecs.stdout.split() == ["h264", "aac"]
    video = film.need_video()
    assert (video.height, video.width) == (original.height, original.width)
    heated, plain = video.frames([1.5])[0].float(), original.frames([1.5])[0].float()
    change = (heated - plain).abs().mean(0)
    assert change[26:38, 18:30].mean() > 4 * change[2:12, 40:56].mean()
    sound = film.need_audio().samples(rate=16000)[:, :40_000]
    mixture = stems.separator.audio.samples()[:, :40_000]
    assert (sound - mixture).square().mean() < 0.02 * mixture.square().mean()


def test_remix(stems):
    mixture = stems.separator.audio.samples()
    assert (stems.remix([0, 0, 0]) - mixture).abs().max() < 1e-6
    assert (stems.remix({}) - mixture).abs().max() < 1e-6
    parts = stems.samples()
    louder = stems.remix({"source 1": 6.0206})
    assert torch.allclose(louder, mixture + parts[0], atol=1e-4)
    muted = stems.remix([-math.inf, 0, 0], Span(1.0, 2.0))
    assert torch.allclose(muted, parts[1:, :, 16000:32000].sum(0), atol=1e-6)
    with pytest.raises(ValueError, match="no stem 'tuba'; expected one of source 1"):
        stems.remix({"tuba": 3})
    with pytest.raises(ValueError, match="got 2 gains, expected one for each"):
        stems.remix([0, 0])


def test_heat_is_the_energy_of_the_sources_at_their_places(stems):
    heat = stems.heat
    assert heat.shape == (len(stems.windows), 8, 8)
    energy = stems.samples().square().mean((1, 2))
    overview = stems.overview
    assert torch.allclose(overview.energy.mean(0)[:2], energy[:2], rtol=0.15)
    loudness = overview.loudness.square().mean(1)
    assert torch.allclose(loudness[:2], energy[:2], rtol=0.1)
    column = torch.einsum("wshv->ws", stems.shares)
    assert torch.allclose(
        heat.sum((1, 2)), (column * overview.energy[:, :2]).sum(1), rtol=1e-4, atol=1e-9
    )
    peak = divmod(int(heat[2].argmax()), 8)
    assert peak[0] in (3, 4)
    assert peak[1] in (1, 2, 5, 6)


def test_a_pass_over_the_sound_leaves_its_overview(colours, duet):
    clip = duet()[0]
    alone = separate(colours, clip).overview
    passed = separate(colours, clip)
    for _ in passed.blocks():
        pass
    assert torch.allclose(passed.separator._overview.loudness, alone.loudness)
    assert torch.allclose(passed.separator._overview.spectrogram, alone.spectrogram)


def test_figures(stems):
    figure = stems.figure()
    labels = {t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text"))}
    assert {"source 1", "source 2", "rest", "seconds"} <= labels
    named = [
        (t.get_text(), t.get_position()[0])
        for t in heat_picture(stems).findobj(lambda a: hasattr(a, "get_text"))
        if t.get_text().startswith("source")
    ]
    assert named
    for label, x in named:  # where it is seen
        at = next(s.at for s in stems.stems if s.label == label)
        assert x / 96 == pytest.approx(at[0], abs=0.15)


def test_names_are_safe_and_unique(stems):
    odd = ("../etc/passwd", "a b/c", "a b/c", "\u6625 fl\u00fcte", "", "x" * 300, "rest")
    from dataclasses import replace

    many = replace(stems, stems=tuple(Stem(name, 0.5, (0.5, 0.5)) for name in odd))
    paths = many.paths("flac")
    assert len(set(paths)) == len(odd)
    assert all(p.startswith("stems/") and p.count("/") == 1 and ".." not in p for p in paths)
    assert max(map(len, paths)) < 80
    assert paths[-1] == "stems/rest.flac"


def test_wrong_requests_are_named(stems, tmp_path):
    with pytest.raises(ValueError, match="wav or flac, got 'mp3'"):
        stems.save(tmp_path, form="mp3")
    with pytest.raises(ValueError, match="more than 0 seconds"):
        next(stems.blocks(0))
    assert isinstance(stems, Stems)
    assert stems.out_of_domain is None


def test_heat_is_drawn_in_the_sources_colours(stems):
    grey = torch.full((16, 16, 3), 100, dtype=torch.uint8).numpy()
    shares = torch.zeros(2, 4, 4)
    shares[0, :, :2] = shares[1, :, 2:] = 1.0
    dark = overlaid(grey, shares, [0.0, 0.0])
    assert (dark == grey).all()
    lit = overlaid(grey, shares, [1.0, 0.0])
    assert lit[8, 1, 0] > 180
    assert (lit[8, 15] == grey[8, 15]).all()
    middle = [w.centre for w in stems.windows][1]
    assert torch.allclose(shares_at(stems, middle), stems.shares[1], atol=1e-5)
    assert shares_at(stems, -5.0).shape == (2, 8, 8)
    glow = brightness(stems)
    assert float(glow.max()) == 1.0
    assert float(glow.min()) >= 0.0


def test_stems_of_an_aac_film_sum_to_what_is_decoded(colours, duet, tmp_path):
    from sensorium.types import Clip

    clip, tracks = duet(rate=32000)
    hiss = 0.02 * torch.randn(2, 96_000, generator=torch.Generator().manual_seed(0))
    frames = clip.need_video().frames(clip.need_video().times())
    encoding = media.Encoding(audio_bits=96_000)
    path = media.write(
        tmp_path / "a.mp4", frames, 8.0, audio=tracks.sum(0) + hiss, rate=32000, encoding=encoding
    )
    film = media.read(path)
    stems = separate(colours, Clip(film.video, film.audio, "film"))
    decoded = media.read(path).need_audio().samples()
    assert (torch.cat(list(stems.blocks()), -1).sum(0) - decoded).abs().max() < 1e-6
