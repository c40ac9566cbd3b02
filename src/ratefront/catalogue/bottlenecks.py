"""The parameters of learned bottlenecks, which several families share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from ratefront.catalogue.family_parameters import FamilyParameters
from ratefront.catalogue.number_limits import Beta

SurrogateName = Literal["noise", "straight_through", "mixed", "universal"]
DistanceName = Literal["mse", "mae", "kl", "cosine"]

Slices = Annotated[
    int | None, Field(ge=2, le=16, description="of the context model: parts of the channels, coded in turn")
]
TrainedWith = Annotated[
    SurrogateName | None, Field(description="what stands for rounding in training; default mixed")
]
LetterSurrogateName = Literal["gumbel", "straight_through"]

#: Sides of feature maps from which g_a halves them.
HALVED_FROM = 4

#: The most letters that a map of categorical latents may have: each has a table of its own, at both ends.
MOST_LETTERS = 64

#: Entropy models that send side information about a map of latents.
HYPERPRIORS = ("scale_hyperprior", "mean_scale_hyperprior", "context")


def latent_map(height: int, width: int) -> tuple[int, int]:
    """Return the sides of the latent map for a feature map with these sides: g_a halves all but the smallest maps."""
    halves = height >= HALVED_FROM
    return ((height + 1) // 2, (width + 1) // 2) if halves else (height, width)


class BottleneckParameters(FamilyParameters):
    """Parameters of a learned bottleneck: g_a, an entropy model, g_s."""

    entropy_model: Annotated[
        Literal["factorized", "categorical", "scale_hyperprior", "mean_scale_hyperprior", "context"],
        Field(description="what the rate is estimated by and coded with"),
    ]
    width: Annotated[
        int, Field(ge=1, le=4096, description="elements of a latent vector, channels of a latent map")
    ]
    alphabet: Annotated[
        int | None, Field(ge=2, le=256, description="values a categorical element can take")
    ] = None
    latents: Annotated[
        Literal["vector", "map"] | None,
        Field(
            description="of a factorized or categorical model: one vector, or a map that keeps where things are"
        ),
    ] = None
    hyper_width: Annotated[int | None, Field(ge=1, le=512, description="channels of a hyperprior's z")] = None
    slices: Slices = None
    surrogate: Annotated[
        SurrogateName | LetterSurrogateName | None,
        Field(
            description="what stands for rounding in training, default mixed; of a categorical model for the choice of "
            "a letter: gumbel or straight_through, default gumbel"
        ),
    ] = None
    scale_bound: Annotated[
        float, Field(ge=0.01, le=1, description="least Gaussian scale of a hyperprior")
    ] = 0.11
    beta: Annotated[Beta, Field(description="bits that one nat of distortion is worth")]

    @property
    def keeps_map(self) -> bool:
        """True where latents are a map, if features are one."""
        return self.entropy_model in HYPERPRIORS or self.latents == "map"

    def unfit(self, facts: Mapping[str, Any]) -> str | None:
        """Refuse a hyperprior where the split point gives a latent map of 1×1, and many letters."""
        strides, shape = facts.get("strides"), facts.get("shape")
        if not self.keeps_map or strides is None or shape is None or len(shape) != 3:
            return None
        split = getattr(self, "split", None)
        stride = dict(zip(facts["splits"], strides, strict=True)).get(split)
        if stride is None:
            return None
        places = latent_map(*(-(-side // stride) for side in shape[1:])) if stride else (1, 1)
        if self.entropy_model == "categorical" and (problem := self.letters_problem(places)):
            return f"{split}: {problem} (a branch under split keeps them apart)"
        if self.entropy_model not in HYPERPRIORS or places != (1, 1):
            return None
        return (
            f"{self.entropy_model} needs a latent map of more than 1×1, which {split} does not give; "
            "valid there: factorized, categorical (a branch under split keeps them apart)"
        )

    def letters_problem(self, places: tuple[int, int]) -> str | None:
        """Return why a latent map with these sides has too many letters; None if they are few enough."""
        height, width = places
        letters = height * width * self.width
        if letters <= MOST_LETTERS:
            return None
        remedies = ["latents: vector", "factorized"]
        if height * width <= MOST_LETTERS:
            remedies.insert(0, f"a width of at most {MOST_LETTERS // (height * width)}")
        return (
            f"a map of {height}×{width} places with a width of {self.width} has {letters} letters, each with a table "
            f"of its own; at most {MOST_LETTERS} are allowed; valid there: {', '.join(remedies)}"
        )

    @model_validator(mode="after")
    def _fits_entropy_model(self) -> Self:
        model = self.entropy_model
        if model == "categorical":
            self._needs("alphabet", "entropy_model is categorical")
            if self.surrogate not in (None, *get_args(LetterSurrogateName)):
                raise ValueError(
                    f"surrogate {self.surrogate} rounds, and entropy_model is categorical, which rounds nothing; "
                    f"valid: {', '.join(get_args(LetterSurrogateName))}"
                )
        else:
            if self.surrogate == "gumbel":
                raise ValueError(
                    f"surrogate gumbel chooses letters, and entropy_model is {model}; "
                    f"valid: {', '.join(get_args(SurrogateName))}"
                )
            self._refuses("alphabet", f"entropy_model is {model}")
        if model == "context":
            self._needs("slices", "entropy_model is context")
            if self.slices is not None and self.slices > self.width:
                raise ValueError(f"slices must be ≤ width, got {self.slices} for a width of {self.width}")
        else:
            self._refuses("slices", f"entropy_model is {model}")
        if model not in HYPERPRIORS:
            self._refuses("hyper_width", f"entropy_model is {model}")
        if model in HYPERPRIORS:
            self._refuses("latents", f"entropy_model is {model}")
        return self
