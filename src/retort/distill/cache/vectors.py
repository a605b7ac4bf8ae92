"""Vectors as values inside numba: sixteen lanes of 32 bits, written out instead of hoped for. For a capture's kernels.

numba leaves vectorising to LLVM, which here would choose half the width, and sums of floats not at all. These types
compile to LLVM vectors of 512 bits: one register where the processor has such, two or four where it has not, with the
same results. Arithmetic is rounded operation by operation; only `multiply_add` may round once.

A Python number next to a vector is spread over its lanes. Loads and stores are by address, and check nothing: whoever
asks must know what lies there.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

INT32, INT64 = ir.IntType(32), ir.IntType(64)


class Vector(types.Type):
    """The numba type of a vector: `lanes` values of the scalar type `scalar` (a mask: of one bit)."""

    def __init__(self, scalar: types.Type, lanes: int) -> None:
        self.scalar, self.lanes = scalar, lanes
        super().__init__(name=f"Vector({scalar}, {lanes})")

    @property
    def floating(self) -> bool:
        """True for lanes of floats."""
        return isinstance(self.scalar, types.Float)

    @property
    def llvm(self) -> ir.VectorType:
        """The LLVM type."""
        element = {
            types.boolean: ir.IntType(1),
            types.int32: INT32,
            types.int64: INT64,
            types.float32: ir.FloatType(),
            types.float64: ir.DoubleType(),
        }[self.scalar]
        return ir.VectorType(element, self.lanes)


FLOAT32, INTS32, MASK16 = Vector(types.float32, 16), Vector(types.int32, 16), Vector(types.boolean, 16)


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    """A vector lives in memory and registers as the LLVM vector."""

    def __init__(self, manager: Any, vector: Vector) -> None:
        super().__init__(manager, vector, vector.llvm)


def _spread(builder: ir.IRBuilder, value: ir.Value, vector: ir.VectorType) -> ir.Value:
    if isinstance(value, ir.Constant):
        return ir.Constant(vector, [value.constant] * vector.count)
    lane = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(INT32, 0))
    zeros = ir.Constant(ir.VectorType(INT32, vector.count), [0] * vector.count)
    return builder.shuffle_vector(lane, ir.Constant(vector, ir.Undefined), zeros)


def _operand(
    context: Any, builder: ir.IRBuilder, value: ir.Value, given: types.Type, vector: Vector
) -> ir.Value:
    if isinstance(given, Vector):
        return value
    return _spread(builder, context.cast(builder, value, given, vector.scalar), vector.llvm)


def _define_operator(
    symbol: Callable[..., Any], floats: str | None, ints: str | None, compared: str | None
) -> None:
    """Give `symbol` its meaning for two vectors, or a vector and a number."""

    class Operation(AbstractTemplate):
        def generic(self, args: tuple[types.Type, ...], kws: dict[str, Any]) -> Any:
            if len(args) != 2 or kws or not any(isinstance(arg, Vector) for arg in args):
                return None
            vector = next(arg for arg in args if isinstance(arg, Vector))
            if any(isinstance(arg, Vector) and arg != vector for arg in args):
                return None
            if (floats if vector.floating else ints) is None and compared is None:
                return None
            return signature(MASK16 if compared else vector, *args)

    infer_global(symbol)(Operation)

    def lower(context: Any, builder: ir.IRBuilder, sig: Any, args: tuple[ir.Value, ...]) -> ir.Value:
        vector = next(arg for arg in sig.args if isinstance(arg, Vector))
        left, right = (
            _operand(context, builder, value, given, vector)
            for value, given in zip(args, sig.args, strict=True)
        )
        if compared:
            compare = builder.fcmp_ordered if vector.floating else builder.icmp_signed
            return compare(compared, left, right)
        return getattr(builder, str(floats if vector.floating else ints))(left, right)

    for pair in ((Vector, Vector), (Vector, types.Number), (types.Number, Vector)):
        lower_builtin(symbol, *pair)(lower)


for _symbol, _floats, _ints, _compared in (
    (operator.add, "fadd", "add", None),
    (operator.sub, "fsub", "sub", None),
    (operator.mul, "fmul", "mul", None),
    (operator.truediv, "fdiv", None, None),
    (operator.and_, None, "and_", None),
    (operator.or_, None, "or_", None),
    (operator.xor, None, "xor", None),
    (operator.gt, None, None, ">"),
    (operator.ge, None, None, ">="),
    (operator.eq, None, None, "=="),
):
    _define_operator(_symbol, _floats, _ints, _compared)


def _convert(source: Vector, target: Vector, instruction: str) -> Any:
    def convert(typingctx: Any, value: types.Type) -> Any:
        def build(context: Any, builder: ir.IRBuilder, sig: Any, args: tuple[ir.Value, ...]) -> ir.Value:
            return getattr(builder, instruction)(args[0], target.llvm)

        return target(source), build

    return intrinsic(convert)


bits_to_float32, float32_to_bits = _convert(INTS32, FLOAT32, "bitcast"), _convert(FLOAT32, INTS32, "bitcast")


@intrinsic
def splat_float32(typingctx: Any, value: types.Type) -> Any:
    """`value` in all sixteen lanes."""

    def build(context: Any, builder: ir.IRBuilder, sig: Any, args: tuple[ir.Value, ...]) -> ir.Value:
        return _spread(builder, args[0], FLOAT32.llvm)

    return FLOAT32(types.float32), build


@intrinsic
def multiply_add(typingctx: Any, a: types.Type, b: types.Type, c: types.Type) -> Any:
    """`a·b + c`, rounded once where the processor can, twice where it cannot; b and c may be numbers."""

    def build(context: Any, builder: ir.IRBuilder, sig: Any, args: tuple[ir.Value, ...]) -> ir.Value:
        values = [_operand(context, builder, v, t, a) for v, t in zip(args, sig.args, strict=True)]
        kind = ir.FunctionType(a.llvm, [a.llvm] * 3)
        return builder.call(
            cgutils.get_or_insert_function(builder.module, kind, "llvm.fmuladd.v16f32"), values
        )

    return a(a, b, c), build


@intrinsic
def maximum(typingctx: Any, a: types.Type, b: types.Type) -> Any:
    """The larger of each two lanes; b where a is NaN."""

    def build(context: Any, builder: ir.IRBuilder, sig: Any, args: tuple[ir.Value, ...]) -> ir.Value:
        left, right = (_operand(context, builder, v, t, a) for v, t in zip(args, sig.args, strict=True))
        compare = builder.fcmp_ordered if a.floating else builder.icmp_signed
        return builder.select(compare(">", left, right), left, right)

    return a(a, b), build


@intrinsic
def select(typingctx: Any, mask: types.Type, a: types.Type, b: types.Type) -> Any:
    """a where `mask` is set, b elsewhere; either may be a number."""
    vector = a if isinstance(a, Vector) else b

    def build(context: Any, builder: ir.IRBuilder, sig: Any, args: tuple[ir.Value, ...]) -> ir.Value:
        left, right = (
            _operand(context, builder, v, t, vector) for v, t in zip(args[1:], sig.args[1:], strict=True)
        )
        return builder.select(args[0], left, right)

    return vector(mask, a, b), build


def _shifter(instruction: str) -> Any:
    def shift(typingctx: Any, vector: types.Type, count: types.Type) -> Any:
        def build(context: Any, builder: ir.IRBuilder, sig: Any, args: tuple[ir.Value, ...]) -> ir.Value:
            return getattr(builder, instruction)(
                args[0], _operand(context, builder, args[1], sig.args[1], vector)
            )

        return vector(vector, count), build

    return intrinsic(shift)


shift_left = _shifter("shl")


@intrinsic
def mask_bits(typingctx: Any, mask: types.Type) -> Any:
    """The mask as a whole number, lane 0 in the lowest bit."""

    def build(context: Any, builder: ir.IRBuilder, sig: Any, args: tuple[ir.Value, ...]) -> ir.Value:
        return builder.zext(builder.bitcast(args[0], ir.IntType(mask.lanes)), INT64)

    return types.int64(mask), build


def _reducer(combine: Callable[[ir.IRBuilder, ir.Value, ir.Value], ir.Value]) -> Any:
    def reduce(typingctx: Any, vector: types.Type) -> Any:
        def build(context: Any, builder: ir.IRBuilder, sig: Any, args: tuple[ir.Value, ...]) -> ir.Value:
            value, width = args[0], vector.lanes
            while width > 1:
                width //= 2
                places = [(index + width) % vector.lanes for index in range(vector.lanes)]
                turned = builder.shuffle_vector(
                    value,
                    ir.Constant(vector.llvm, ir.Undefined),
                    ir.Constant(ir.VectorType(INT32, vector.lanes), places),
                )
                value = combine(builder, value, turned)
            return builder.extract_element(value, ir.Constant(INT32, 0))

        return vector.scalar(vector), build

    return intrinsic(reduce)


largest_lane = _reducer(lambda builder, a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b))
sum_of_lanes = _reducer(lambda builder, a, b: builder.fadd(a, b))


@intrinsic
def trailing_zeros(typingctx: Any, bits: types.Type) -> Any:
    """The place of the lowest set bit; `bits` is not 0."""

    def build(context: Any, builder: ir.IRBuilder, sig: Any, args: tuple[ir.Value, ...]) -> ir.Value:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), build


@intrinsic
def load_float32(typingctx: Any, address: Any) -> Any:
    """The sixteen float32 at `address`."""

    def build(context: Any, builder: ir.IRBuilder, sig: Any, args: tuple[ir.Value, ...]) -> ir.Value:
        return builder.load(builder.inttoptr(args[0], FLOAT32.llvm.as_pointer()), align=4)

    return FLOAT32(types.int64), build


@intrinsic
def store_float32(typingctx: Any, address: Any, value: types.Type) -> Any:
    """Write sixteen float32 to `address`."""

    def build(context: Any, builder: ir.IRBuilder, sig: Any, args: tuple[ir.Value, ...]) -> ir.Value:
        builder.store(args[1], builder.inttoptr(args[0], FLOAT32.llvm.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(types.int64, FLOAT32), build


# 2^f for |f| ≤ 1/2: 1 + f·(…), the weighted least-squares fit at Chebyshev points of degree 5; relative error 1.1e-7.
POWER_TERMS = (
    0.0013218672247603536,
    0.009671698324382305,
    0.05550893023610115,
    0.24022237956523895,
    0.6931468844413757,
)
ROUND_FLOAT32 = 1.5 * 2**23
"""Adding this rounds to a whole number, which then stands in the lowest bits."""

LOG2_E = 1.0 / math.log(2.0)


@njit
def power_of_two(x, scale):  # type: ignore[no-untyped-def]
    """`2^(x·scale)` on sixteen float32 lanes; the product must be within ±126."""
    shifted = multiply_add(x, scale, ROUND_FLOAT32)
    whole = shifted - ROUND_FLOAT32
    part = multiply_add(x, scale, whole * -1.0)
    series = multiply_add(part, POWER_TERMS[0], POWER_TERMS[1])
    series = multiply_add(series, part, POWER_TERMS[2])
    series = multiply_add(series, part, POWER_TERMS[3])
    series = multiply_add(series, part, POWER_TERMS[4])
    series = multiply_add(series, part, 1.0)
    return bits_to_float32(float32_to_bits(series) + shift_left(float32_to_bits(shifted), 23))
