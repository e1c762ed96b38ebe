"""Registry of the datasets: one entry each, with all that the suite knows about it. Needs no torch.

A new one in MNIST's format (IDX files of 28 x 28 grey pixels) is one more entry in ``DATASETS``.
"""

from dataclasses import dataclass

from bench.common.errors import unknown_name


@dataclass(frozen=True)
class Goals:
    """Target test accuracies of the report, as fractions; the defaults are MNIST's, out of reach on harder images.

    ``in_time`` is for the seconds of training, ``from_few`` for the number of training images, ``distorted`` for the
    strength of a distortion.
    """

    in_time: tuple[float, ...] = (0.97, 0.98, 0.99)
    from_few: tuple[float, ...] = (0.95, 0.98)
    distorted: float = 0.9


@dataclass(frozen=True)
class DatasetFiles:
    """A dataset: the locations and hashes of its four files, and the names of its labels.

    ``folder`` is where torchvision keeps them, below the data folder; ``sha256`` is of each unpacked file by its name.
    ``digits``: the images are handwritten digits. ``built_in``: the package brings the files. ``mirrors`` are addresses
    to which a file's name and ``.gz`` is added, ``debian_package`` has them in ``/usr/share/datasets``; either is empty
    where there is none.
    """

    name: str
    folder: str
    sha256: dict[str, str]
    label_names: tuple[str, ...]
    train_size: int
    digits: bool = False
    built_in: bool = False
    mirrors: tuple[str, ...] = ()
    debian_package: str = ""
    goals: Goals = Goals()

    @property
    def num_classes(self) -> int:
        """Number of labels."""
        return len(self.label_names)

    @property
    def noun(self) -> str:
        """Noun for one image in the report."""
        return "digit" if self.digits else "image"


DATASETS = {
    "mnist": DatasetFiles(
        name="mnist",
        folder="MNIST/raw",
        # Source: the gzip files of 1998, checked against the md5 sums in torchvision.datasets.MNIST.resources.
        sha256={
            "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
        label_names=tuple("0123456789"),
        train_size=60_000,
        digits=True,
        built_in=True,
    ),
    "fashion-mnist": DatasetFiles(
        name="fashion-mnist",
        folder="FashionMNIST/raw",
        # Source: Debian's dataset-fashion-mnist. Packed as on 31 August 2017, they have the md5 sums in
        # torchvision.datasets.FashionMNIST.resources (held by a test).
        sha256={
            "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
        label_names=(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
        ),
        train_size=60_000,
        # Source: torchvision.datasets.FashionMNIST.mirrors (held by a test).
        mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        debian_package="dataset-fashion-mnist",
        goals=Goals(in_time=(0.85, 0.88, 0.9), from_few=(0.8, 0.85), distorted=0.7),
    ),
}  # fmt: skip
"""By name."""

MNIST = DATASETS["mnist"]
"""The dataset of the article, on which speed is measured."""


def find_dataset(name: str) -> DatasetFiles:
    """Find the dataset of that name.

    Raises:
        UserError: there is none.
    """
    if name not in DATASETS:
        raise unknown_name("dataset", name, DATASETS)
    return DATASETS[name]


def noun_of(dataset: str) -> str:
    """Noun for an image of the dataset of that name; ``image`` where it is not known."""
    return DATASETS[dataset].noun if dataset in DATASETS else "image"


def goals_of(dataset: str) -> Goals:
    """Goals of the dataset of that name; MNIST's where it is not known."""
    return DATASETS[dataset].goals if dataset in DATASETS else Goals()


def label_names_of(dataset: str) -> tuple[str, ...]:
    """Names of the labels, the first label first; none for an unknown dataset, which a record may name."""
    return DATASETS[dataset].label_names if dataset in DATASETS else ()
