"""Programs as code of this machine: `torch.compile` with frozen weights, integers among them.

The first call compiles (seconds to half a minute; a batch of 1 is compiled apart from larger ones,
which share their code), so this is for many inputs. Needs a C++ compiler, not torchao.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

_INT8 = re.compile(r"torch\.ops\.onednn\.qconv\w*\.\w+\(")


class Compiled:
    """A program that is compiled when it is first called; without gradients.

    Args:
        module: of the program.
        name: of the file, for complaints.

    Raises:
        ValueError: when there is no C++ compiler.
    """

    def __init__(self, module: Any, name: str) -> None:
        check_compiler()
        self._module, self._name = module, name
        self._run: Callable[[Tensor], Tensor] = torch.compile(module, dynamic=True)
        self._seen: set[torch.Size] = set()

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """Logits.

        Raises:
            ValueError: when the program cannot be compiled.
        """
        if x.shape in self._seen:
            return self._run(x)
        with _freezing(self._name):
            found = self._run(x)
        self._seen.add(x.shape)
        return found

    @torch.no_grad()
    def kernels(self, x: Tensor) -> tuple[int, int]:
        """How many convolutions this machine computes in 8 bits, and how many in floats.

        Counted in the code that is compiled for an input of a shape that was not seen before.
        """
        from torch._inductor.utils import run_and_get_code

        with _freezing(self._name):
            _, codes = run_and_get_code(self._run, x)
        self._seen.add(x.shape)
        names = (str(node.target) for node in self._module.graph.nodes)
        whole = sum(re.match(r"aten\.conv\dd\.", name) is not None for name in names)
        integers = sum(len(_INT8.findall(code)) for code in codes)
        return integers, whole - integers


def check_compiler() -> None:
    """Refuse a machine on which nothing can be compiled.

    Raises:
        ValueError: when there is no C++ compiler.
    """
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler as error:
        raise ValueError(
            "torch.compile needs a C++ compiler, and there is none; install g++ (or name one in "
            "the environment variable CXX)"
        ) from error


@contextmanager
def _freezing(name: str) -> Iterator[None]:
    """Compile what is called in here with its weights as constants, packed for this processor."""
    from torch._inductor import config

    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), config.patch(freezing=True):
            warnings.simplefilter("ignore")
            yield
    except Exception as error:  # the compiler has many, and shows its whole log
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"{name}: torch.compile failed ({reason})") from error
    finally:
        logging.disable(before)
