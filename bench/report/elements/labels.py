"""What a dataset's labels and its images are called in words and pictures."""

from dataclasses import dataclass

from bench.data.registry import label_names_of, noun_of

MAX_SHORT_LENGTH = 2
"""Characters up to which a name fits where a digit does."""


@dataclass(frozen=True)
class Labels:
    """``names`` of the labels, the first label first; ``noun`` is what one image is called: ``digit``, ``image``."""

    names: tuple[str, ...]
    noun: str

    @property
    def long(self) -> bool:
        """The names are words, which need more room than digits."""
        return any(len(name) > MAX_SHORT_LENGTH for name in self.names)

    @property
    def nouns(self) -> str:
        """``Digits``, to begin a sentence with."""
        return f"{self.noun.capitalize()}s"

    def name(self, label: int) -> str:
        """The label's name; its number where it has none."""
        return self.names[label] if label < len(self.names) else str(label)


def labels_of(dataset: str) -> Labels:
    """Those of the dataset of that name."""
    return Labels(label_names_of(dataset), noun_of(dataset))
