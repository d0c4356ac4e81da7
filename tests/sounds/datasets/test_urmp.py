import pytest

from sensorium.sounds.datasets.kinds import read_listing


@pytest.fixture
def piece(make):
    def write(name="01_Jupiter_vn_vc", film=True, mix=True):
        number, title, *codes = name.split("_")
        for k, code in enumerate(codes, 1):
            make.sound(f"{name}/AuSep_{k}_{code}_{number}_{title}.wav", 0.25, 48000)
        if mix:
            make.sound(f"{name}/AuMix_{name}.wav", 0.25, 48000)
        if film:
            make.film(f"{name}/Vid_{name}.mp4", 0.25)
        make.text(f"{name}/Notes_1_vn_{number}_{title}.txt", "0.1 440 1")

    return write


def test_a_piece_is_its_mix_and_its_tracks(piece, tmp_path):
    piece()
    piece("38_Jerusalem_fl_fl_cl_sax")
    listing = read_listing(tmp_path)
    assert listing.kind == "urmp"
    assert all(item.usable and item.split == "test" for item in listing.items)
    by_uid = {item.uid: item for item in listing.items}
    assert by_uid["01_Jupiter_vn_vc"].label == "violin+cello"
    track = by_uid["01_Jupiter_vn_vc/2_vc"]
    folder = tmp_path / "01_Jupiter_vn_vc"
    assert (track.label, track.audio_path) == ("cello", folder / "AuSep_2_vc_01_Jupiter.wav")
    assert track.video_path == folder / "Vid_01_Jupiter_vn_vc.mp4"
    assert listing.mixtures[0] == ("01_Jupiter_vn_vc/1_vn", "01_Jupiter_vn_vc/2_vc")
    assert by_uid["38_Jerusalem_fl_fl_cl_sax"].label == "flute+flute+clarinet+saxophone"


def test_one_piece_alone(piece, tmp_path):
    piece()
    assert len(read_listing(tmp_path / "01_Jupiter_vn_vc").items) == 3


def test_a_piece_without_its_film_or_mix_is_missing(piece, tmp_path):
    piece("01_Jupiter_vn_vc", film=False)
    piece("02_Sonata_vn_vn", mix=False)
    by_uid = {item.uid: item for item in read_listing(tmp_path).items}
    assert "Vid_01_Jupiter_vn_vc.mp4" in by_uid["01_Jupiter_vn_vc/1_vn"].status
    assert "AuMix_02_Sonata_vn_vn.wav" in by_uid["02_Sonata_vn_vn"].status
    assert by_uid["02_Sonata_vn_vn/1_vn"].usable


def test_another_folder_is_said(tmp_path, make):
    make.film("cello/a.mp4", 0.25)
    with pytest.raises(ValueError, match="no URMP piece"):
        read_listing(tmp_path, "urmp")
