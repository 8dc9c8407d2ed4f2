"""Right numbers in wrong places: axes, shifts, indices, masks."""

import numpy as np

from tinygrad_np.testing import failures as F

from .entry import A, B, V, op, rows_of, species


@species([(A,)], F.GradientMismatch, "TRANSPOSED")
def sum_along_the_other_axis():
    return op(lambda x: x.sum(0), lambda ct, x_shape: np.broadcast_to(ct[:, None], x_shape))


@species([(A, B)], F.GradientMismatch, "TRANSPOSED")
def matmul_transposed():
    return op(lambda x, y: x @ y, lambda ct, y: (ct @ y.T).T, lambda ct, x: x.T @ ct)


@species([(A, B)], F.GradientMismatch, "")
def matmul_factor_not_transposed():
    return op(lambda x, y: x @ y, lambda ct, y: ct @ y, lambda ct, x: x.T @ ct)


@species([(V,)], F.GradientMismatch, "JACOBIAN FOR ITS TRANSPOSE")
def running_sum_the_wrong_way():
    return op(lambda x: np.cumsum(x), lambda ct: np.cumsum(ct))


@species([(V,)], F.GradientMismatch, "OFF BY ONE")
def difference_off_by_one():
    return op(lambda x: x[1:] ** 2, lambda ct, x: rows_of(2 * x[1:] * ct, [0.0]))


@species([(V,)], F.GradientMismatch, "REVERSED")
def flip_not_undone():
    return op(lambda x: np.sin(x)[::-1], lambda ct, x: (ct[::-1] * np.cos(x))[::-1])


@species([(V, np.array([1, 3, 1]))], F.GradientMismatch, "DUPLICATE INDEX OVERWRITTEN")
def last_duplicate_wins():
    def rule(ct, x_shape, index):
        g = np.zeros(x_shape)
        g[index] += ct
        return g

    return op(lambda x, index: x[index], rule)


@species([(A,)], F.GradientMismatch, "WRONG MEMORY ORDER")
def raveled_in_the_wrong_order():
    return op(lambda x: x.ravel(order="F") ** 2, lambda ct, x: (2 * ct * x.ravel(order="F")).reshape(x.shape))


@species([(A,)], F.GradientMismatch, "ONE TRIANGLE")
def one_triangle():
    return op(lambda x: x @ x, lambda ct, x: np.tril(ct @ x.T + x.T @ ct))


@species([(V,)], F.GradientMismatch, "EDGE")
def the_edge_forgotten():
    return op(lambda x: np.diff(x), lambda ct: rows_of(-ct, [0.0]) + rows_of([0.0], ct[:-1], [0.0]))


@species([(A,)], F.GradientMismatch, "MASK FORGOTTEN")
def lower_triangle_without_its_mask():
    return op(lambda x: np.tril(x), lambda ct: ct * 1.0)


@species([(V,)], F.GradientMismatch, "OFF BY ONE: the cotangent")
def padding_cropped_on_the_wrong_side():
    return op(lambda x: np.pad(x, (1, 2)), lambda ct: ct[2:-1])


@species([(np.arange(6.0) ** 2, V[:3])], F.GradientMismatch, "KERNEL NOT FLIPPED")
def convolution_with_the_kernel_not_flipped():
    return op(
        lambda x, w: np.convolve(x, w[::-1], "valid"),
        lambda ct, w: np.convolve(ct, w[::-1], "full"),
        lambda ct, x: np.convolve(x, ct[::-1], "valid"),
    )


@species([(np.array([1.0, 3.0, 2.0, 0.5]),)], F.GradientMismatch, "SHARED EQUALLY")
def pooling_that_shares():
    return op(lambda x: x.reshape(-1, 2).max(1), lambda ct: np.repeat(ct, 2) / 2)


@species([(A[:2, None] * np.ones((2, 2, 3)),)], F.GradientMismatch, "FIRST ONLY")
def batch_of_one_alone():
    return op(lambda x: x * x, lambda ct, x: ct * 2 * x[:1])


@species([(V, np.array(index)) for index in ([0, 1], [2, 3, 1], [1, 1])], F.GradientMismatch, "a repeated index")
def pattern_of_a_repeated_index():
    def rule(ct, x_shape, index):
        last = ~(np.triu(index[:, None] == index, 1)).any(axis=1)
        return (np.eye(x_shape[0])[index] * last[:, None]).T @ ct

    return op(lambda x, index: x[index], rule)


@species([(A[:2],)], F.GradientMismatch, "the operation ties elements along axis 1, the gradient along axis 0")
def softmax_summed_along_the_other_axis():
    return op(
        lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True),
        lambda ct, out: out * (ct - (ct * out).sum(0, keepdims=True)),
    )


@species([(A,)], F.GradientMismatch)
def the_other_triangle():
    return op(lambda x: np.tril(x), lambda ct: np.triu(ct))


@species([(V,)], F.GradientMismatch)
def padding_that_forgets_the_border():
    return op(lambda x: np.pad(x, 1, mode="edge"), lambda ct: ct[1:-1] * 1.0)


@species([(V,)], F.GradientMismatch)
def both_terms_of_a_window_in_one_place():
    return op(lambda x: (x[:-1] + x[1:]) / 2, lambda ct: rows_of(ct, [0.0]))


@species([(V,)], F.GradientMismatch, "only the last element along axis 0 is wrong")
def last_place_left_out():
    return op(lambda x: np.diff(x), lambda ct: rows_of([-ct[0]], ct[:-1] - ct[1:], [0.0]))


@species([(V[:3],)], F.GradientMismatch, "DUPLICATE INDEX OVERWRITTEN")
def last_duplicate_wins_with_an_index_of_its_own():
    index = np.array([0, 2, 2, 1])

    def rule(ct, x_shape):
        g = np.zeros(x_shape)
        g[index] = ct
        return g

    return op(lambda x: x[index], rule)


@species([(np.array([0.3, 1.0, 5.0, 2.0, -1.0, 4.0]),)], F.GradientMismatch)
def places_within_windows_taken_for_places():
    def rule(ct, x):
        g = np.zeros_like(x)
        g[x.reshape(-1, 2).argmax(1)] = ct
        return g

    return op(lambda x: x.reshape(-1, 2).max(1), rule)
