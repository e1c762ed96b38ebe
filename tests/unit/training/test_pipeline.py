import torch
from torchvision import transforms

from bench.data import datasets
from bench.recipes.recipe import ARTICLE
from bench.training.pipeline import DeviceData, epoch_order, normalise, to_device


def test_normalise_is_to_tensor_and_normalize_of_torchvision(mnist: tuple[datasets.Split, datasets.Split]) -> None:
    images = mnist[0].images[:50]
    reference = transforms.Compose([transforms.ToPILImage(), transforms.ToTensor(), transforms.Normalize(0.5, 0.5)])
    expected = torch.stack([reference(image) for image in images])
    torch.testing.assert_close(normalise(images.unsqueeze(1), ARTICLE), expected, rtol=0, atol=1e-6)


def test_an_epoch_shows_every_image_once_with_its_label(mnist: tuple[datasets.Split, datasets.Split]) -> None:
    data = to_device(mnist[1].images, mnist[1].labels, torch.device("cpu"))
    order = epoch_order(len(data), torch.Generator().manual_seed(0))
    batches = list(data.reordered(order).batches(128))
    assert [len(labels) for _, labels in batches] == [128] * 78 + [16]
    assert torch.equal(torch.cat([labels for _, labels in batches]), mnist[1].labels[order])
    assert torch.equal(torch.cat([images for images, _ in batches]).squeeze(1), mnist[1].images[order])
    assert torch.equal(order.sort().values, torch.arange(10_000))


def test_order_is_new_each_epoch_and_repeats_with_the_seed() -> None:
    generator, again = (torch.Generator().manual_seed(7) for _ in range(2))
    first, second = epoch_order(1000, generator), epoch_order(1000, generator)
    assert not torch.equal(first, second)
    assert torch.equal(first, epoch_order(1000, again))


def test_images_stay_uint8_until_they_are_used() -> None:
    data = DeviceData(torch.zeros(5, 1, 28, 28, dtype=torch.uint8), torch.zeros(5, dtype=torch.int64))
    assert all(images.dtype == torch.uint8 for images, _ in data.reordered(torch.arange(5)).batches(2))
