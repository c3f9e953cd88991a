from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto

from gridrt.graph.half import HalfPrecision, to_half
from gridrt.graph.half_simulation import EXACT_OPS, half_simulation, has_half
from tests.calib.graphs import model_of, random_input, residual_model, run, types_of, weights_of
from tests.half_precision import assert_errors_of_rounding, coarse_simulation

CHAIN = """
chain (float[N,4,H,W] x) => (float[N,3] y, float[N,8,A,B] joined)
{
    ["first"] first = Conv <pads = [1, 1, 1, 1]> (x, first_weight, first_bias)
    ["relu"] relu = Relu (first)
    ["second"] second = Conv (relu, second_weight)
    ["sum"] sum = Add (second, relu)
    ["pool"] pool = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (sum)
    ["joined"] joined = Concat <axis = 1> (pool, pool)
    ["total"] total = ReduceSum <keepdims = 0> (pool, plane)
    ["product"] y = Gemm <transB = 1> (total, fc_weight, fc_bias)
}
"""


def grid(generator: np.random.Generator, steps: int, most: int, *shape: int) -> np.ndarray:
    """Multiples of 1 / steps up to `most`: float32 adds and multiplies them without rounding."""
    return (generator.integers(-most * steps, most * steps, shape) / steps).astype(np.float32)


def chain_model() -> ModelProto:
    generator = np.random.default_rng(0)
    return model_of(
        CHAIN,
        {
            "first_weight": grid(generator, 4, 1, 4, 4, 3, 3),
            "first_bias": grid(generator, 64, 4, 4),
            "second_weight": grid(generator, 4, 1, 4, 4, 1, 1),
            "fc_weight": grid(generator, 4, 1, 3, 4),
            "fc_bias": grid(generator, 64, 1, 3),
            "plane": np.array([2, 3]),
        },
    )


X = grid(np.random.default_rng(1), 16, 8, 2, 4, 8, 8)


def half(model: ModelProto, *nodes: str, precision: HalfPrecision = "fp16") -> ModelProto:
    rewritten = ModelProto()
    rewritten.CopyFrom(model)
    to_half(rewritten, set(nodes) or {node.name for node in model.graph.node}, precision)
    return rewritten


def by_torch(
    x: np.ndarray, weights: dict[str, np.ndarray], dtype: torch.dtype = torch.float16
) -> tuple[torch.Tensor, torch.Tensor]:
    """The chain in float64, and rounded to half behind every step."""

    def r(values: torch.Tensor) -> torch.Tensor:
        return values.to(dtype).double()

    w = {name: r(torch.tensor(values)) for name, values in weights.items()}
    first = r(F.conv2d(r(torch.from_numpy(x)), w["first_weight"], w["first_bias"], padding=1))
    relu = first.relu()
    second = r(F.conv2d(relu, w["second_weight"]))
    pool = F.max_pool2d(r(second + relu), 2)
    total = r(pool.sum((2, 3)))
    return r(total @ w["fc_weight"].T + w["fc_bias"]), torch.cat((pool, pool), 1)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_a_graph_with_a_half_node_or_cast_has_half(precision: HalfPrecision) -> None:
    one_node = model_of('g (float[N] x) => (float[N] y) { ["m"] y = Mul (x, x) }', {})

    assert not has_half(chain_model())
    assert has_half(half(chain_model(), "first", precision=precision))
    assert has_half(half(one_node, precision=precision))  # no weights, but casts


@pytest.mark.parametrize("optimized", [False, True])
@pytest.mark.parametrize(("precision", "dtype"), [("fp16", torch.float16), ("bf16", torch.bfloat16)])
def test_every_step_is_rounded_as_torch_rounds_it(
    precision: HalfPrecision, dtype: torch.dtype, *, optimized: bool
) -> None:
    model = chain_model()

    y, joined = run(half_simulation(half(model, precision=precision)), {"x": X}, optimized=optimized)

    expected = by_torch(X, weights_of(model), dtype)
    np.testing.assert_array_equal(y, expected[0].float().numpy())
    np.testing.assert_array_equal(joined, expected[1].float().numpy())


def test_without_it_onnx_runtime_leaves_the_rounding_out() -> None:
    """The reason why it exists."""
    model = chain_model()

    y, _ = run(half(model), {"x": X})

    assert (y != by_torch(X, weights_of(model))[0].float().numpy()).any()


def test_what_exceeds_half_precision_becomes_infinite() -> None:
    model = model_of('g (float[N] x) => (float[N] y) { ["m"] y = Mul (x, x) }', {})
    x = np.array([200, 256, -300], np.float32)

    assert run(half(model), {"x": x})[0].tolist() == [40000, 65536, 90000]
    assert run(half_simulation(half(model)), {"x": x})[0].tolist() == [40000, np.inf, np.inf]


@given(st.data())
def test_any_mixture_computes_in_float_and_stays_near(data: st.DataObject) -> None:
    model = residual_model()
    chosen = data.draw(st.sets(st.sampled_from([node.name for node in model.graph.node]), min_size=1))

    in_half = half(model, *chosen)
    copy = half_simulation(in_half)

    onnx.checker.check_model(copy, full_check=True)
    halves = {name for name, kind in types_of(copy).items() if kind == TensorProto.FLOAT16}
    makers_and_readers = [node for node in copy.graph.node if halves & {*node.input, *node.output}]
    assert {node.op_type for node in makers_and_readers} <= {"Cast"}
    assert_errors_of_rounding(model, copy, coarse_simulation(in_half), {"x": random_input(images=32)})


def test_nothing_is_rounded_where_numbers_are_only_moved() -> None:
    copy = half_simulation(half(chain_model()))

    rounded_tensors = [node.output[0] for node in copy.graph.node if node.output[0].endswith("/half")]
    exact = {node.output[0] for node in copy.graph.node if node.op_type in EXACT_OPS}
    assert [name.removesuffix("/half") for name in rounded_tensors] == [
        "x/fp16", "first", "second", "sum", "total", "y/fp16",
    ]  # fmt: skip
    assert exact == {"relu", "pool", "joined/fp16"}


def test_a_graph_without_half_and_the_graph_itself_stay_as_they_are() -> None:
    model, in_half = chain_model(), half(chain_model())
    before = in_half.SerializeToString()

    assert half_simulation(model) == model
    half_simulation(in_half)

    assert in_half.SerializeToString() == before
