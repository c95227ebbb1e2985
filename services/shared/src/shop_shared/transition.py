"""What a domain's `decide` returns: the next state, and the effects to carry out."""

from dataclasses import dataclass
from typing import Generic, TypeVar

StateT = TypeVar("StateT")
EffectT = TypeVar("EffectT")


@dataclass(frozen=True)
class Transition(Generic[StateT, EffectT]):
    """The state after a message, and the effects that follow from it.

    A message that changes nothing returns the very object that was given (`is`), and no effects.
    """

    state: StateT
    effects: tuple[EffectT, ...] = ()
