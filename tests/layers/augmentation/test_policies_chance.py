"""What policies draw, how often, and how far each operation then goes."""

import numpy as np
import pytest
from scipy import stats

from keras_trainkit import layers
from keras_trainkit.layers.augmentation.policies.published import POLICIES
from keras_trainkit.layers.augmentation.runs.policies import OPERATIONS

pytestmark = pytest.mark.usefixtures("uncompiled")

N = 30000
NINE = (
    *("AutoContrast", "Equalize", "Posterize", "Rotate", "Solarize"),
    *("ShearX", "ShearY", "TranslateX", "TranslateY"),
)
FOURTEEN = (
    *("Identity", "AutoContrast", "Equalize", "Rotate", "Solarize", "Color", "Posterize"),
    *("Contrast", "Brightness", "Sharpness", "ShearX", "ShearY", "TranslateX", "TranslateY"),
)
ENHANCERS = ("Color", "Contrast", "Brightness", "Sharpness")
SIZE = (40, 662)


def drawn(layer, n=N):
    (parameters,) = layer.parameters(11, n).values()
    del parameters["applied"]
    return parameters


def steps_of(layer, parameters):
    """Names and amounts of the steps, each of the shape (n, ...)."""
    steps = np.asarray(layer.element(SIZE, **parameters))
    return np.array(OPERATIONS)[steps[..., 0].astype(int)], steps[..., 1]


def assert_even(outcomes, count):
    """0, 1, ..., count - 1, equally often (chi-square)."""
    counts = np.bincount(outcomes, minlength=count)
    assert len(counts) == count
    assert stats.chisquare(counts).pvalue > 1e-3


def assert_signs(signs):
    assert set(np.unique(signs)) == {-1.0, 1.0}
    assert stats.binomtest(int((signs > 0).sum()), signs.size).pvalue > 1e-3


@pytest.mark.parametrize("policy", ["cifar10", "imagenet", "svhn"])
def test_sub_policies_and_their_operations(policy):
    layer = layers.AutoAugment(policy)
    parameters = drawn(layer)
    rows = parameters["sub_policy"]
    assert_even(rows, 25)
    names, _ = steps_of(layer, parameters)
    for slot in range(2):
        assert_signs(parameters[f"slot_{slot}"]["sign"])
        for row, steps in enumerate(POLICIES[policy]):
            name, probability, _ = steps[slot]
            here = names[rows == row, slot]
            assert set(here) <= {name, "Identity"}
            acted = int((here == name).sum())
            assert stats.binomtest(acted, len(here), probability).pvalue > 1e-4
    coins = [parameters[f"slot_{slot}"]["acts"][rows == 1] for slot in range(2)]
    assert stats.chi2_contingency(np.histogram2d(*coins, bins=2)[0]).pvalue > 1e-3


def test_randaugment_draws_each_slot_anew():
    parameters = drawn(layers.RandAugment(num_ops=2))
    operations = [parameters[f"slot_{slot}"]["operation"] for slot in range(2)]
    for each in operations:
        assert_even(each, 14)
    assert_even(operations[0] * 14 + operations[1], 14 * 14)  # independent, with replacement
    signs = np.stack([parameters[f"slot_{slot}"]["sign"] for slot in range(2)])
    assert_signs(signs)
    assert_even((2 * signs[0] + signs[1] + 3).astype(int) // 2, 4)
    names, _ = steps_of(layers.RandAugment(), parameters)
    assert set(names.ravel()) == set(FOURTEEN)
    assert np.array_equal(names[:, 0], np.array(FOURTEEN)[operations[0]])


def test_trivialaugment_draws_operation_and_bin():
    parameters = drawn(layers.TrivialAugment())
    assert_even(parameters["operation"], 14)
    assert_even(parameters["magnitude"], 31)
    assert_even(parameters["operation"] * 31 + parameters["magnitude"], 14 * 31)
    assert_signs(parameters["sign"])


@pytest.mark.parametrize("all_ops", [False, True])
def test_augmix_draws_chains_and_shares(all_ops):
    layer = layers.AugMix(all_ops=all_ops)
    parameters = drawn(layer, 10000)
    assert stats.kstest(parameters["share"], "uniform").pvalue > 1e-3
    chains = [parameters[f"chain_{chain}"] for chain in range(3)]
    shares = np.stack([chain["share"] for chain in chains], axis=1)
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-5)
    for chain in chains:
        # of Dirichlet(1, 1, 1) each share is from Beta(1, 2)
        assert stats.kstest(chain["share"], stats.beta(1, 2).cdf).pvalue > 1e-3
        assert_even(chain["length"] - 1, 3)
        assert_even(chain["slot_1"]["operation"], 13 if all_ops else 9)
        assert stats.kstest(chain["slot_1"]["magnitude"], "uniform", (0.01, 0.29)).pvalue > 1e-3
        assert_signs(chain["slot_1"]["sign"])
    names, _ = steps_of(layer, parameters)
    lengths = np.stack([chain["length"] for chain in chains], axis=1)
    assert np.array_equal((names != "Identity").sum(2), lengths)
    assert set(names.ravel()) == {"Identity", *NINE, *(ENHANCERS if all_ops else ())}
    image, *others = np.asarray(layer.shares(**parameters)).T
    np.testing.assert_allclose(image, parameters["share"])
    np.testing.assert_allclose(np.stack(others, 1), shares * (1 - image[:, None]), atol=1e-6)


def auto_augment(name, fraction, sign):
    """Amounts at a fraction of the range, from the papers' tables."""
    ranges = {"Rotate": 30, "ShearX": 0.3, "ShearY": 0.3}
    translations = {"TranslateX": 150 / 331 * SIZE[1], "TranslateY": 150 / 331 * SIZE[0]}
    return amount({**ranges, **translations}, 0.9, 4, name, fraction, sign)


def wide(name, fraction, sign):
    ranges = {"Rotate": 135, "ShearX": 0.99, "ShearY": 0.99, "TranslateX": 32, "TranslateY": 32}
    return amount(ranges, 0.99, 6, name, fraction, sign)


def amount(ranges, strength, bits, name, fraction, sign):
    if name in ranges:
        return sign * fraction * ranges[name]
    if name in ENHANCERS:
        return 1 + sign * fraction * strength
    lowest_inverted = np.ceil(np.round(255 * (1 - fraction), 6))
    return {"Posterize": 8 - round(bits * fraction), "Solarize": lowest_inverted}[name]


WITH_AMOUNT = [name for name in FOURTEEN if name not in ("Identity", "AutoContrast", "Equalize")]


@pytest.mark.parametrize("name", WITH_AMOUNT)
def test_the_bins_of_autoaugment(name):
    for level in range(10):
        layer = layers.AutoAugment([[(name, 1.0, level)]])
        for sign in (-1.0, 1.0):
            slot = {"acts": np.array([True]), "sign": np.float32([sign])}
            names, amounts = steps_of(layer, {"sub_policy": np.array([0]), "slot_0": slot})
            assert names.tolist() == [[name]]
            expected = auto_augment(name, level / 9, sign)
            np.testing.assert_allclose(amounts, [[expected]], rtol=1e-5, atol=5e-5)


def test_posterize_keeps_whole_bits():
    layer = layers.AutoAugment([[("Posterize", 1, level)] for level in range(10)])
    slot = {"acts": np.full(10, True), "sign": np.ones(10, "float32")}
    _, bits = steps_of(layer, {"sub_policy": np.arange(10), "slot_0": slot})
    assert bits[:, 0].tolist() == [8, 8, 7, 7, 6, 6, 5, 5, 4, 4]


@pytest.mark.parametrize("name", WITH_AMOUNT)
@pytest.mark.parametrize("magnitude", [0, 9, 12.5, 30])
def test_the_magnitude_of_randaugment(name, magnitude):
    slot = {"operation": np.array([FOURTEEN.index(name)] * 2), "sign": np.float32([-1, 1])}
    _, amounts = steps_of(layers.RandAugment(1, magnitude), {"slot_0": slot})
    expected = [auto_augment(name, magnitude / 30, sign) for sign in (-1, 1)]
    np.testing.assert_allclose(amounts[:, 0], expected, rtol=1e-5, atol=5e-5)


@pytest.mark.parametrize("name", WITH_AMOUNT)
def test_the_bins_of_trivialaugment(name):
    operation, sign = np.full(31, FOURTEEN.index(name)), np.full(31, -1.0, "float32")
    parameters = {"operation": operation, "magnitude": np.arange(31), "sign": sign}
    _, amounts = steps_of(layers.TrivialAugment(), parameters)
    expected = [wide(name, level / 30, -1) for level in range(31)]
    np.testing.assert_allclose(amounts[:, 0], expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(("magnitude", "bits"), [(0.01, 4), (0.24, 4), (0.26, 3), (0.8, 1)])
def test_augmix_cuts_bits_off(magnitude, bits):
    layer = layers.AugMix(num_chains=1, chain_depth=1, factor=1.0)
    one = np.ones(1, "float32")
    slot = {"operation": np.array([2]), "magnitude": magnitude * one, "sign": one}
    chain = {"share": one, "length": np.array([1], "int32"), "slot_0": slot}
    names, amounts = steps_of(layer, {"share": one, "chain_0": chain})
    assert names.item() == "Posterize"
    assert amounts.item() == bits == 4 - int(4 * magnitude)


def test_parameters_are_shown_by_slot():
    layer = layers.Pipeline([layers.RandAugment(num_ops=1), layers.TrivialAugment()])
    shown = layer.parameters(seed=3, n=2)
    assert list(shown) == ["RandAugment", "TrivialAugment"]
    assert list(shown["RandAugment"]) == ["applied", "slot_0"]
    assert list(shown["RandAugment"]["slot_0"]) == ["operation", "sign"]
    assert shown["TrivialAugment"]["magnitude"].shape == (2,)


@pytest.mark.parametrize(
    ("cls", "arguments", "message"),
    [
        (layers.RandAugment, {"num_ops": 0}, "`num_ops` must be a whole number of at least 1"),
        (layers.RandAugment, {"magnitude": 31}, "`magnitude` must be a finite number at least 0"),
        (layers.AutoAugment, {"policy": "coco"}, "`policy` must be one of 'cifar10', 'imagenet'"),
        (layers.AutoAugment, {"policy": 3}, "`policy` must be 'cifar10', 'imagenet', 'svhn' or"),
        (layers.AutoAugment, {"policy": []}, "`policy` must hold sub-policies of at least one"),
        (layers.AutoAugment, {"policy": [[]]}, "`policy` must hold sub-policies of at least one"),
        (layers.AutoAugment, {"policy": [[("Rotate", 1)]]}, "`policy` must be 'cifar10'"),
        (layers.AutoAugment, {"policy": [[("Turn", 1, 2)]]}, "`policy` must be one of 'Identity'"),
        (layers.AutoAugment, {"policy": [[("Rotate", 2, 2)]]}, "`policy` must be a probability"),
        (layers.AutoAugment, {"policy": [[("Rotate", 1, 10)]]}, "`policy` must have bins below 10"),
        (layers.AutoAugment, {"policy": [[("Rotate", 1, None)]]}, "`policy` must be a whole"),
        (layers.AutoAugment, {"policy": [[("Invert", 1, 3)]]}, "must have the bin None for Invert"),
        (layers.AugMix, {"num_chains": 0}, "`num_chains` must be a whole number of at least 1"),
        (layers.AugMix, {"chain_depth": 0}, "`chain_depth` must be a whole number of at least 1"),
        (layers.AugMix, {"factor": 0}, "`factor` must be a finite number at least 0.01"),
        (layers.AugMix, {"all_ops": "no"}, "`all_ops` must be True or False"),
    ],
    ids=str,
)
def test_refusals(cls, arguments, message):
    with pytest.raises(ValueError, match=f"^`{cls.__name__}`: .*{message}"):
        cls(**arguments)
