"""What hypothesis calls when it starts: `st.from_type(Tensor)` draws tensors. Kept small, it runs before
coverage does.
"""


def register() -> None:
    """Teach hypothesis to draw a Tensor, without importing either side's arrays until one is asked for."""
    from hypothesis import strategies as st

    from tinygrad_np import Tensor

    def tensors(_):
        from tinygrad_np.testing.strategies import tensors

        return tensors()

    st.register_type_strategy(Tensor, tensors)
