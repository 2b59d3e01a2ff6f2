"""Which form of a function runs: XLA's kernel or graph operations."""

import warnings

import pytest
import tensorflow as tf

from keras_trainkit._core import xla
from keras_trainkit._core.xla import Compiled, xla_available


@pytest.fixture
def forms():
    """A compiled function, and the forms of it that have run, in order."""
    used = []
    compiled = Compiled(lambda images, shift: images + shift)
    for jit, function in compiled._forms.items():
        compiled._forms[jit] = lambda *a, jit=jit, function=function: (
            used.append(jit) or function(*a)
        )
    return compiled, used


def test_known_shapes_are_compiled_and_unknown_ones_are_not(forms):
    compiled, used = forms
    assert xla_available()

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32)])
    def of_unknown_width(images):
        return compiled(images, 1.0)

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
    def of_unknown_length(images):
        return compiled(images, 1.0)

    images = tf.zeros([3, 2])
    assert compiled(images, 1.0).numpy().tolist() == [[1, 1]] * 3
    assert of_unknown_width(images).numpy().tolist() == [[1, 1]] * 3
    assert of_unknown_length(images).numpy().tolist() == [[1, 1]] * 3
    assert used == [True, False, True]


def test_without_xla_graph_operations_run_and_it_is_said_once(forms, monkeypatch):
    def broken(*arguments, **keywords):
        raise tf.errors.UnimplementedError(None, None, "no compiler here\nand more of that")

    compiled, used = forms
    xla_available.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(xla.tf, "function", broken, raising=False)
        with pytest.warns(UserWarning, match=r"XLA does not compile.*\(no compiler here\)$"):
            assert not xla_available()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert compiled(tf.zeros([1, 2]), 1.0).numpy().tolist() == [[1, 1]]
    assert used == [False]
    xla_available.cache_clear()
    assert xla_available()


@pytest.mark.parametrize("jit", [False, True])
def test_a_function_knows_whether_xla_compiles_it_or_one_round_it(jit):
    found = []

    def note(x):
        found.append(xla.inside_xla())
        return x

    inner, one = tf.function(note), tf.constant(1.0)

    def branching(x):
        return tf.cond(x > 0, lambda: inner(x), lambda: x)

    tf.function(branching, jit_compile=jit, autograph=False)(one)
    tf.function(lambda x: tf.function(note, jit_compile=jit)(x), autograph=False)(one)
    assert set(found) == {jit}
    assert not xla.inside_xla()
