"""The networks of Part V. All return scores (logits), to which the loss applies its own sigmoid or softmax."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from gdcourse._checks import require_count, require_fraction, require_number


class LogisticRegression(nn.Module):
    """One linear score for each item, z = wᵀx + b: the logit of class 1.

    Parameters
    ----------
    features : int
        Numbers p that describe an item; ``forward`` takes shape (..., p) and returns shape (...).
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        require_count("features", features)
        self.linear = nn.Linear(features, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x).squeeze(-1)


class SoftmaxRegression(nn.Module):
    """One linear score for each class, s = Wx + b.

    Parameters
    ----------
    features : int
        Numbers that describe an item, 784 for an image of 28 × 28 pixels.
    classes : int
        Number K of classes; ``forward`` takes items of any shape with that many numbers, and returns (n, K).
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        require_count("features", features)
        require_count("classes", classes, low=2)
        self.linear = nn.Linear(features, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x.flatten(1))


class MLP(nn.Module):
    """A multilayer perceptron: layers of linear maps, with ReLU (and dropout, if wanted) between them.

    Parameters
    ----------
    sizes : sequence of int, default (784, 1000, 1000, 10)
        Numbers in, in each hidden layer, and out. The default is the network of Kingma & Ba (2015), section 6.2, for
        images of 28 × 28 pixels; ``forward`` takes items of any shape with ``sizes[0]`` numbers.
    dropout : float, default 0.0
        Share in [0, 1) of each hidden layer's values that training sets to 0.
    """

    def __init__(self, sizes: Sequence[int] = (784, 1000, 1000, 10), dropout: float = 0.0) -> None:
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(f"sizes must hold at least the numbers in and out, got {tuple(sizes)}")
        for size in sizes:
            require_count("sizes", size)
        require_number("dropout", dropout)
        require_fraction("dropout", dropout)
        layers: list[nn.Module] = [nn.Flatten()]
        for i, (inward, outward) in enumerate(pairwise(sizes)):
            if i:
                layers += [nn.ReLU(), nn.Dropout(dropout)] if dropout else [nn.ReLU()]
            layers.append(nn.Linear(inward, outward))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


class CNN(nn.Module):
    """A small convolutional network for images of 28 × 28 pixels: two convolutions with pooling, and one linear layer.

    Each convolution of 5 × 5 pixels keeps the size of the picture, and a maximum over 2 × 2 pixels halves it, twice:
    28 → 14 → 7.

    Parameters
    ----------
    channels : pair of int, default (8, 16)
        Pictures that the first and the second convolution make.
    classes : int, default 10
        Number K of scores; ``forward`` takes shape (n, 28, 28) or (n, 1, 28, 28), and returns (n, K).
    """

    def __init__(self, channels: tuple[int, int] = (8, 16), classes: int = 10) -> None:
        super().__init__()
        if len(channels) != 2:
            raise ValueError(f"channels must be two numbers, got {tuple(channels)}")
        for channel in channels:
            require_count("channels", channel)
        require_count("classes", classes, low=2)
        first, second = channels
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, first, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(first, second, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.scores = nn.Linear(second * 7 * 7, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scores(self.convolutions(x.reshape(-1, 1, 28, 28)).flatten(1))


def parameter_count(model: nn.Module) -> int:
    """Return the number d of parameters that training changes."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
