"""`MaskRCNNFinder`: NS-VQA's own detector (Mask R-CNN) behind the interface of `Finder`.

The network is torchvision's, which this package does not depend on: its wheels do not go with every
build of torch. One class, "block"; the published 48 classes (colour, material, shape) would leave
the attribute network only size and position, and cannot name what they never saw together.
"""

from __future__ import annotations

import importlib
from typing import Any

import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from sensorium.questions.finder import FinderConfig, Found
from sensorium.system import Batch


class MaskRCNNFinder(nn.Module):
    """Finds blocks with torchvision's Mask R-CNN (ResNet-50-FPN), started from nothing.

    The batch for `losses` is that of `Finder`. ``config.threshold`` is that of the class's score
    (0.9 in NS-VQA); sizes are torchvision's own (short side 800).

    Raises:
        ValueError: when torchvision is not installed.
    """

    def __init__(self, config: FinderConfig) -> None:
        super().__init__()
        self.config = config
        try:
            detection: Any = importlib.import_module("torchvision.models.detection")
        except (ImportError, RuntimeError) as error:  # a wheel of another build fails at run time
            raise ValueError(
                f"kind 'mask_rcnn' needs torchvision, which does not import here ({error}); "
                "install the build of torchvision that goes with your torch, or take the kind "
                "'centres'"
            ) from error
        self.network: nn.Module = detection.maskrcnn_resnet50_fpn(
            weights=None,
            weights_backbone=None,
            num_classes=2,
            box_score_thresh=config.threshold,
            box_nms_thresh=0.5,
            box_detections_per_img=config.most,
        )

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Torchvision's five losses and their sum."""
        device = next(self.parameters()).device
        pictures, targets = [], []
        for k, count in enumerate(batch["count"].tolist()):
            ids, boxes = batch["ids"][k].to(device), batch["boxes"][k, :count].to(device)
            numbers = torch.arange(1, count + 1, device=device)[:, None, None]
            label = torch.ones(count, dtype=torch.long, device=device)
            masks = (ids[None] == numbers).to(torch.uint8)
            pictures.append(batch["picture"][k].to(device).float() / 255)
            targets.append({"boxes": boxes, "labels": label, "masks": masks})
        losses: dict[str, Tensor] = self.network(pictures, targets)
        return {"loss": torch.stack(list(losses.values())).sum(), **losses}

    @torch.no_grad()
    def find(self, pictures: UInt8[Tensor, "B 3 H W"]) -> list[Found]:
        """The blocks in each picture. Call in ``eval()`` mode."""
        device = next(self.parameters()).device
        said = self.network([p.to(device).float() / 255 for p in pictures])
        return [self._found(one) for one in said]

    @staticmethod
    def _found(said: dict[str, Tensor]) -> Found:
        """One picture's objects; a pixel of two masks goes to the surer one's."""
        soft = said["masks"][:, 0]
        masks = soft > 0.5
        if len(masks):
            taken = masks.cumsum(0) - masks.long()
            masks = masks & (taken == 0)
        kept = masks.flatten(1).any(1)
        boxes = said["boxes"][kept]
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        return Found(said["scores"][kept], centres, boxes, masks[kept])
