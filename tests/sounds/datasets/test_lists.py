import pytest

from sensorium.sounds.datasets.lists import first_row, json_object, rows, whole_number
from sensorium.sounds.datasets.names import split_of_name


def test_rows_come_with_their_line_numbers(make):
    path = make.text("a.csv", "# a comment", "x, y ,z", "", '"one, two",b,c')
    assert list(rows(path)) == [(2, ["x", "y", "z"]), (4, ["one, two", "b", "c"])]
    assert first_row(path) == ["x", "y", "z"]


def test_a_byte_order_mark_is_no_part_of_the_first_field(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("\ufeffuid,class\r\n1,é\r\n".encode())
    assert [fields for _, fields in rows(path)] == [["uid", "class"], ["1", "é"]]
    assert first_row(path) == ["uid", "class"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b"caf\xe9,x,1\n", "not a text file in UTF-8"),
        (b'"open,x,1\n', "line 1: not readable as CSV"),
        (b"a\0b,x,1\n", "control character"),
        (b"a,\x1b[31mred,1\n", "control character"),
    ],
)
def test_what_is_no_list_is_refused_by_name(tmp_path, data, said):
    path = tmp_path / "bad.csv"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=said) as error:
        list(rows(path))
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert isinstance(first_row(path), list)


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no such list file"):
        list(rows(tmp_path / "none.csv"))
    with pytest.raises(ValueError, match="got a folder"):
        list(rows(tmp_path))


@pytest.mark.parametrize("text", ["[1]", "{}", "{", "[" * 100_000, "null"])
def test_json_must_be_an_object_with_entries(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"a\.json"):
        json_object(path)


def test_whole_numbers_are_plain_digits():
    assert [whole_number(t) for t in ("0", "122", "-1", "1.0", "²", "", "1e3", "9" * 40)] == [
        0,
        122,
        None,
        None,
        None,
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("train516", "train"),
        ("test-good-no-music", "test"),
        ("balanced_train_segments", "train"),
        ("eval_segments", "test"),
        ("MUSIC_val", "val"),
        ("validation", "val"),
        ("index", ""),
        ("constrained", ""),
        ("interval", ""),
    ],
)
def test_the_name_of_a_list_tells_its_split(name, split):
    assert split_of_name(name) == split
