from pathlib import Path

import cv2
import numpy as np
import torch

from sensorium.robustness.datasets.broden import Broden
from sensorium.robustness.pse.dissection import dissect
from sensorium.robustness.pse.probes import broden_probes, object_probes
from sensorium.worlds.objects import split_seeds


def test_objects_have_exact_masks():
    probes, concepts = object_probes(split_seeds("val", 20), batch=8)
    found = list(probes())
    assert [len(p.images) for p in found] == [8, 8, 4]
    assert concepts.kinds == ("shape", "texture", "colour", "part")
    for probe in found:
        assert probe.images.shape[1:] == (3, 32, 32)
        assert float(probe.images.max()) <= 1
        shapes = torch.tensor([k == "shape" for k in concepts.categories])
        behind = probe.concepts[:, concepts.names.index("background")]
        assert torch.equal(probe.concepts[:, shapes].sum(1), (~behind).long())
    again = next(iter(probes()))
    assert torch.equal(again.images, found[0].images)


def write_broden(root: Path) -> Path:
    """Two pictures: one with an object and a colour, one that is a scene."""
    (root / "images").mkdir(parents=True)
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[:4] = 255
    mask = np.zeros((4, 4, 3), np.uint8)
    mask[:2, :, 2] = 1  # OpenCV writes BGR; the number is red + 256 green
    for name, pixels in (("a.png", picture), ("b.png", 255 - picture), ("a_object.png", mask)):
        cv2.imwrite(str(root / "images" / name), pixels)
    (root / "category.csv").write_text(
        "name,first,last,count,frequency\nobject,1,1,1,1\nscene,2,2,1,1\n"
    )
    (root / "label.csv").write_text(
        "number,name,category,frequency,coverage,syns\n"
        "1,sky,object(1),1,0.5,\n2,street-s,scene(1),1,1,\n"
    )
    (root / "index.csv").write_text(
        "image,split,ih,iw,sh,sw,object,scene\na.png,train,8,8,4,4,a_object.png,\n"
        "b.png,val,8,8,4,4,,2\n"
    )
    return root


def test_broden_knows_which_categories_a_picture_has(tmp_path):
    examples = Broden(write_broden(tmp_path / "broden1_224")).open()
    probes, concepts = broden_probes(examples, batch=2, size=6)
    (probe,) = probes()
    assert probe.images.shape == (2, 3, 6, 6)
    assert concepts.names == ("sky", "street-s")
    assert probe.annotated is not None
    assert probe.annotated.tolist() == [[True, False], [False, True]]
    assert probe.concepts[0, 0].sum() == 8
    assert probe.concepts[1, 1].all()

    class Bright(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.units = torch.nn.Identity()

        def forward(self, x):
            return self.units(x[:, :1]).mean((2, 3))

    network = Bright().eval()
    full, _ = broden_probes(examples, batch=1)
    found = dissect(network, {"units": network.units}, full, concepts, share=0.6)["units"]
    assert float(found.iou[0, 0]) == 1, "the scene's picture is not held against the sky"
