"""Vectors to and from memory inside numba, by address; single numbers too, and the one step that threads share.

An address is a whole number. Nothing here checks bounds: whoever asks must know what lies there.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from retort.sampling.vectors import FLOAT32, FLOAT64, INT32, INT64, INTS32, INTS64, Vector, declared


def _pointer(builder: ir.IRBuilder, address: ir.Value, pointee: ir.Type) -> ir.Value:
    return builder.inttoptr(address, pointee.as_pointer())


def _loader(vector: Vector, stored: ir.Type | None = None, widen: str = "") -> Any:
    """An intrinsic address → vector; `stored` lanes are widened by `widen` where memory holds narrower ones."""
    size = {"float": 4, "double": 8, "i32": 4, "i64": 8, "i16": 2}[str(stored or vector.llvm.element)]

    def load(typingctx: Any, address: Any) -> Any:
        def build(context: Any, builder: ir.IRBuilder, sig: Any, args: tuple[ir.Value, ...]) -> ir.Value:
            held = ir.VectorType(stored, vector.lanes) if stored is not None else vector.llvm
            value = builder.load(_pointer(builder, args[0], held), align=size)
            return getattr(builder, widen)(value, vector.llvm) if widen else value

        return vector(types.int64), build

    return intrinsic(load)


def _storer(vector: Vector) -> Any:
    size = {"float": 4, "double": 8, "i32": 4, "i64": 8}[str(vector.llvm.element)]

    def store(typingctx: Any, address: Any, value: types.Type) -> Any:
        def build(context: Any, builder: ir.IRBuilder, sig: Any, args: tuple[ir.Value, ...]) -> ir.Value:
            builder.store(args[1], _pointer(builder, args[0], vector.llvm), align=size)
            return context.get_dummy_value()

        return types.void(types.int64, vector), build

    return intrinsic(store)


load_float32 = _loader(FLOAT32)
load_float64 = _loader(FLOAT64)
load_uint16 = _loader(INTS32, ir.IntType(16), "zext")
load_int32, load_int64 = _loader(INTS32), _loader(INTS64)
store_float32, store_float64, store_int64 = _storer(FLOAT32), _storer(FLOAT64), _storer(INTS64)


@intrinsic
def prefetch(typingctx: Any, address: Any) -> Any:
    """Ask for the cache line at `address`, which will be read soon; never faults."""

    def build(context: Any, builder: ir.IRBuilder, sig: Any, args: tuple[ir.Value, ...]) -> ir.Value:
        byte = ir.IntType(8).as_pointer()
        function = declared(builder, "llvm.prefetch.p0", ir.VoidType(), [byte, INT32, INT32, INT32])
        numbers = [ir.Constant(INT32, number) for number in (0, 3, 1)]
        builder.call(function, [_pointer(builder, args[0], ir.IntType(8)), *numbers])
        return context.get_dummy_value()

    return types.void(types.int64), build


@intrinsic
def load_number(typingctx: Any, like: types.Type, address: types.Type) -> Any:
    """The number at `address`, of the type of `like`."""

    def build(context: Any, builder: ir.IRBuilder, sig: Any, args: tuple[ir.Value, ...]) -> ir.Value:
        return builder.load(_pointer(builder, args[1], args[0].type), align=like.bitwidth // 8)

    return like(like, types.int64), build


@intrinsic
def store_number(typingctx: Any, address: Any, number: types.Type) -> Any:
    """Write `number` to `address`."""

    def build(context: Any, builder: ir.IRBuilder, sig: Any, args: tuple[ir.Value, ...]) -> ir.Value:
        builder.store(args[1], _pointer(builder, args[0], args[1].type), align=number.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(types.int64, number), build


@intrinsic
def take_next(typingctx: Any, address: Any) -> Any:
    """The int64 at `address` before one is added to it, in one step that no other thread can divide."""

    def build(context: Any, builder: ir.IRBuilder, sig: Any, args: tuple[ir.Value, ...]) -> ir.Value:
        pointer = _pointer(builder, args[0], INT64)
        return builder.atomic_rmw("add", pointer, ir.Constant(INT64, 1), "monotonic")

    return types.int64(types.int64), build


@intrinsic
def load_widened(typingctx: Any, address: Any) -> Any:
    """Eight float32 of memory as eight float64 lanes."""

    def build(context: Any, builder: ir.IRBuilder, sig: Any, args: tuple[ir.Value, ...]) -> ir.Value:
        held = ir.VectorType(ir.FloatType(), 8)
        return builder.fpext(builder.load(_pointer(builder, args[0], held), align=4), FLOAT64.llvm)

    return FLOAT64(types.int64), build
