"""Values of options that are what they are as typed. Typer has pydantic look at every value, even of options that were
not given, and importing pydantic takes longer than most commands do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

if TYPE_CHECKING:
    from typer.core import TyperArgument, TyperOption


def as_typed(parameters: list[Any]) -> list[Any]:
    """These parameters of a command; those of their values that need no looking at are not looked at."""
    for parameter in parameters:
        if not isinstance(parameter.get_runtime_param, _Coercion):
            parameter.get_runtime_param = _Coercion(parameter)
    return parameters


class _Coercion:
    """Stands before typer's own coercion of a parameter, and leaves to it numbers and words that are no choice."""

    def __init__(self, parameter: TyperArgument | TyperOption) -> None:
        self._checked = parameter.get_runtime_param
        self._annotation: Any = parameter.type_descriptor.annotation

    def __call__(self) -> _Coercion:
        return self

    def coerce(self, value: Any, param: TyperArgument | TyperOption, ctx: Any) -> Any:
        """What the command is given for `value`, which is None where the option was not."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if isinstance(value, str):
            if self._annotation is str or value in self._choices():
                return value
            if self._annotation is Path:
                return Path(value)
        elif self._annotation == list[str] and all(isinstance(one, str) for one in value):
            return list(value)
        return self._checked().coerce(value, param=param, ctx=ctx)

    def _choices(self) -> tuple[Any, ...]:
        return get_args(self._annotation) if get_origin(self._annotation) is Literal else ()
