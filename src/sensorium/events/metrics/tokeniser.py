"""Words of sentences for the metrics, much as the public evaluation server parts them.

The server runs Stanford's Java tokenizer (Penn Treebank rules, lower case) and drops punctuation.
This is a short rule that agrees with it on plain English captions: "doesn't" is "does n't", "man's"
is "man 's", "cannot" is "can not", words keep their hyphens, numbers their points and commas,
brackets are ``-lrb-`` and ``-rrb-``. It differs on: abbreviations beyond a dozen ("ave." is "ave"
here), a few contractions ("rock'n'roll", "y'all"), a single quote before a letter, an abbreviation
that ends a sentence, web addresses and emoticons.
"""

from __future__ import annotations

import re
from functools import lru_cache

Tokens = tuple[str, ...]

DROPPED = frozenset(["''", "'", "``", "`", '"', ".", "?", "!", ",", ":", "-", "--", "...", ";"])
"""Marks that are no words, as on the server; runs such as "!!" are kept there, and here."""

_BRACKETS = {
    "(": "-lrb-",
    ")": "-rrb-",
    "[": "-lsb-",
    "]": "-rsb-",
    "{": "-lcb-",
    "}": "-rcb-",
}
_SAME = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "--", "—": "--", "…": "..."})
_PARTED = (
    (re.compile(r"(\w)n't(?!\w)"), r"\1 n't"),
    (re.compile(r"(\w)('(?:s|m|d|re|ve|ll))(?!\w)"), r"\1 \2"),
    (re.compile(r"(?<!\w)can(?=not(?!\w))"), "can "),
    (re.compile(r"(?<!\w)(gon|wan)(?=na(?!\w))"), r"\1 "),
    (re.compile(r"(?<!\w)got(?=ta(?!\w))"), "got "),
    (re.compile(r"(?<!\w)(lem|gim)(?=me(?!\w))"), r"\1 "),
)
_TOKEN = re.compile(
    r"""n't(?!\w) | '(?:s|m|d|re|ve|ll)(?!\w)          # ends of contractions
    | (?:mr|mrs|ms|dr|st|jr|sr|prof|vs|etc)\.(?!\w)     # abbreviations
    | (?:[a-z]\.){2,}(?!\w)                             # a.m.
    | \d+(?:[.,:/]\d+)+(?!\w)                           # 1,000 and 3.5
    | @\w+ | <\w+>
    | \w+(?:[-/.&']\w+)*                                # words, hyphens included
    | \.{2,} | -{2,} | [!?]{2,} | \S""",
    re.VERBOSE,
)


@lru_cache(maxsize=1 << 16)
def tokenise(sentence: str) -> Tokens:
    """Words of a sentence, in lower case, without punctuation.

    Example:
        >>> tokenise("The man's dog doesn't bark, it sits.")
        ('the', 'man', "'s", 'dog', 'does', "n't", 'bark', 'it', 'sits')
    """
    text = sentence.lower().translate(_SAME)
    for pattern, parted in _PARTED:
        text = pattern.sub(parted, text)
    found = (_BRACKETS.get(token, token) for token in _TOKEN.findall(text))
    return tuple(token for token in found if token not in DROPPED and token.strip(".-"))
