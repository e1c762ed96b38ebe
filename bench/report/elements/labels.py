"""Names of a dataset's labels and of its images, for texts and plots."""

from dataclasses import dataclass

from bench.data.registry import label_names_of, noun_of

MAX_SHORT_LENGTH = 2
"""Greatest number of characters of a name that fits where a digit does."""


@dataclass(frozen=True)
class Labels:
    """Names of a dataset's labels, in their order, and the ``noun`` for one image: ``digit``, ``image``."""

    names: tuple[str, ...]
    noun: str

    @property
    def long(self) -> bool:
        """Whether the names are words, which need more room than digits."""
        return any(len(name) > MAX_SHORT_LENGTH for name in self.names)

    @property
    def nouns(self) -> str:
        """The noun's plural as the beginning of a sentence: ``Digits``."""
        return f"{self.noun.capitalize()}s"

    def name(self, label: int) -> str:
        """Return the label's name, or its number where it has none."""
        return self.names[label] if label < len(self.names) else str(label)


def labels_of(dataset: str) -> Labels:
    """Return the names for the dataset called ``dataset``."""
    return Labels(label_names_of(dataset), noun_of(dataset))
