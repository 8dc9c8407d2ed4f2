"""Programs as users of NumPy write them, with nothing changed but the import: both modes, beside differences."""

import numpy
import pytest

from tests.derivatives.oracle import agree
from tinygrad_np import numpy as np
from tinygrad_np.scipy.special import logsumexp
from tinygrad_np.scipy.stats import multivariate_normal, norm

DRAWN = numpy.random.default_rng(0).normal(size=(12, 12))


def fluid(p):
    """Advection by bilinear interpolation and a projection by relaxation, three steps."""

    def project(vx, vy):
        p = np.zeros(vx.shape)
        div = -0.1 * (
            np.roll(vx, -1, axis=0) - np.roll(vx, 1, axis=0) + np.roll(vy, -1, axis=1) - np.roll(vy, 1, axis=1)
        )
        for _ in range(4):
            p = (div + sum(np.roll(p, step, axis=axis) for step in (1, -1) for axis in (0, 1))) / 4.0
        return vx - (np.roll(p, -1, axis=0) - np.roll(p, 1, axis=0)), vy - (
            np.roll(p, -1, axis=1) - np.roll(p, 1, axis=1)
        )

    def advect(f, vx, vy):
        rows, columns = f.shape
        ys, xs = np.meshgrid(np.arange(rows), np.arange(columns))
        x, y = (xs - vx).ravel(), (ys - vy).ravel()
        left, top = np.floor(x).astype(int), np.floor(y).astype(int)
        rw, bw = x - left, y - top
        left, right, top, bottom = left % rows, (left + 1) % rows, top % columns, (top + 1) % columns
        flat = (1 - rw) * ((1 - bw) * f[left, top] + bw * f[left, bottom]) + rw * (
            (1 - bw) * f[right, top] + bw * f[right, bottom]
        )
        return np.reshape(flat, (rows, columns))

    vx, vy, smoke = p[:16].reshape(4, 4), p[16:32].reshape(4, 4), p[32:].reshape(4, 4)
    for _ in range(3):
        vx, vy = project(advect(vx, vx, vy), advect(vy, vx, vy))
        smoke = advect(smoke, vx, vy)
    return np.mean((smoke - 0.3) ** 2)


def kalman(p):
    F, Q = np.array([[1.0, p[0]], [0.0, p[1]]]), np.diag(np.exp(p[2:4]))
    m, P, total = np.zeros(2), np.eye(2), 0.0
    for y in DRAWN[:6, :2]:
        m, P = np.dot(F, m), np.dot(np.dot(F, P), F.T) + Q
        S = P + np.exp(p[4]) * np.eye(2)
        K, r = np.dot(P, np.linalg.inv(S)), y - m
        total += 0.5 * (np.linalg.slogdet(S)[1] + np.dot(r, np.linalg.solve(S, r)))
        m, P = m + np.dot(K, r), P - np.dot(K, P)
    return total


def hidden_markov(p):
    A, B = p[:9].reshape(3, 3), p[9:].reshape(3, 3)
    A, B = A - logsumexp(A, axis=1, keepdims=True), B - logsumexp(B, axis=1, keepdims=True)
    alpha = B[:, 0]
    for observed in (1, 2, 2, 0, 1):
        alpha = logsumexp(alpha[:, None] + A, axis=0) + B[:, observed]
    return logsumexp(alpha)


def control(forces):
    angle, speed, cost, states = 0.1, 0.0, 0.0, []
    for force in forces:
        speed = speed + 0.1 * (9.8 * np.sin(angle) + force)
        angle = angle + 0.1 * speed
        states.append([angle, speed])
        cost = cost + angle**2 + 0.1 * speed**2
    return cost + np.sum(np.array(states)[-1] ** 2)


def thin_films(widths):
    n, M = [1.0, 1.5, 2.3], np.eye(2)
    for k in (0, 1):
        phase = 2 * np.pi * n[k + 1] * widths[k]
        film = [[np.cos(phase), 1j * np.sin(phase) / n[k + 1]], [1j * n[k + 1] * np.sin(phase), np.cos(phase)]]
        M = np.dot(M, np.array(film))
    return np.abs((M[0, 0] + M[0, 1] - M[1, 0] - M[1, 1]) / np.sum(M)) ** 2


def beam(stiffness):
    n, rows = 5, []
    for i in range(n):
        rows.append([0.0] * n)
        rows[i][i] = stiffness[i] ** 2 + (stiffness[i + 1] ** 2 if i + 1 < n else 0.0) + 1
        if i:
            rows[i][i - 1] = rows[i - 1][i] = -(stiffness[i] ** 2)
    return np.sum(np.linalg.solve(np.array(rows), np.ones(n)))


def alignment(b):
    D = [[0.0 if i == j == 0 else np.inf for j in range(6)] for i in range(6)]
    for i in range(1, 6):
        for j in range(1, 6):
            D[i][j] = (DRAWN[0, i] - b[j - 1]) ** 2 + min(D[i - 1][j], D[i][j - 1], D[i - 1][j - 1])
    return D[5][5]


def transport(C):
    C, u, v = np.abs(C.reshape(4, 4)), np.zeros(4), np.zeros(4)
    for _ in range(10):
        u = -logsumexp(v[None, :] - C, axis=1)
        v = -logsumexp(u[:, None] - C, axis=0)
    return np.sum(np.exp(u[:, None] + v[None] - C) * C)


def mixture(p):
    weights, total = p[:2] - logsumexp(p[:2]), []
    for i in (0, 1):
        L = np.tril(p[2 + 4 * i : 6 + 4 * i].reshape(2, 2))
        covariance = np.dot(L, L.T) + 0.1 * np.eye(2)
        total.append(weights[i] + multivariate_normal.logpdf(DRAWN[:9, :2], p[10 + 2 * i : 12 + 2 * i], covariance))
    return -np.sum(logsumexp(np.vstack(total), axis=0))


def autoencoder(p):
    names = {"encode": (4, 4), "decode": (2, 4), "shift": (4,)}
    cuts = np.cumsum([int(np.prod(s)) for s in names.values()])[:-1]
    w = {k: part.reshape(s) for (k, s), part in zip(names.items(), np.split(p, cuts))}
    code = np.tanh(np.dot(DRAWN[:5, :4], w["encode"]))
    mean, log_width = code[:, :2], code[:, 2:]
    z = mean + DRAWN[5:10, :2] * np.exp(log_width)
    logits = np.dot(z, w["decode"]) + w["shift"]
    likelihood = -np.sum(np.logaddexp(0.0, -logits * np.sign(DRAWN[:5, :4])), axis=1)
    return np.mean(likelihood + np.sum(norm.logpdf(z) - norm.logpdf(z, mean, np.exp(log_width)), axis=1))


PROGRAMS = {
    fluid: 48,
    kalman: 5,
    hidden_markov: 18,
    control: 6,
    thin_films: 2,
    beam: 5,
    alignment: 5,
    transport: 16,
    mixture: 14,
    autoencoder: 28,
}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_a_program_with_another_import(program, rng):
    agree(program, 0.4 * rng.normal(size=PROGRAMS[program]), order=2, rng=rng, rtol=1e-5)
