"""The cohort model once more, written from the formulas of model.md with loops over single numbers, to check the engine against.

Shares no code with fiscalsim: life tables, Brass' shift, ageing, births, the pool, country to town, external migrants.
"""

from math import exp, log


def a0(m0, sex):
    if sex == "male":
        return 0.14929 - 1.99545 * m0 if m0 < 0.02300 else 0.02832 + 3.26021 * m0 if m0 < 0.08307 else 0.29915
    return 0.14903 - 2.05527 * m0 if m0 < 0.01724 else 0.04667 + 3.88089 * m0 if m0 < 0.06891 else 0.31411


def survivors(mx, sex):
    """lx and Lx of death rates, radix 1."""
    l, L = [1.0], []
    for age, m in enumerate(mx):
        if age == len(mx) - 1:
            L.append(l[age] / m)
            break
        a = a0(m, sex) if age == 0 else 0.5
        q = m / (1 + (1 - a) * m)
        d = l[age] * q
        l.append(l[age] - d)
        L.append(l[age + 1] + a * d)
    return l, L


def ratios(L):
    S = [L[0]]
    for age in range(1, len(L) - 1):
        S.append(L[age] / L[age - 1])
    S.append(L[-1] / (L[-2] + L[-1]))
    return S


def shifted(mx, sex, e0):
    """Lx of the standard shifted to e0 by Brass' logit, found by bisection."""
    standard, _ = survivors(mx, sex)

    def person_years(alpha):
        l = [1.0]
        for value in standard[1:]:
            y = alpha + 0.5 * log((1 - value) / value)
            l.append(1 / (1 + exp(2 * y)))
        q0 = 1 - l[1]
        m0 = q0
        for _ in range(60):
            m0 = q0 / (1 - (1 - a0(m0, sex)) * q0)
        L = [l[1] + a0(m0, sex) * q0]
        for age in range(1, len(l) - 1):
            L.append((l[age] + l[age + 1]) / 2)
        f = exp(2 * alpha)
        last = standard[-1]
        L.append(l[-1] / (mx[-1] * f / (last + f * (1 - last))))
        return L

    low, high = -4.0, 4.0
    for _ in range(200):
        middle = (low + high) / 2
        if sum(person_years(middle)) > e0:
            low = middle
        else:
            high = middle
    return person_years((low + high) / 2)


def one_year(P, S, tfr, schedule, srb, M, timing, movers=None, leave=None, arrive=None, target=None, rate=None, reclassified=0.0):
    """P[r][h][x][a] -> (closing, births, deaths, internal) of the year; S[r][x][a], tfr[r][h], schedule[h][a], M like P."""
    R, H, A = len(P), len(P[0]), len(P[0][0][0])
    first = 0.5 if timing == "even" else 0.0
    second = 1.0 - first
    N = [[[[0.0] * A for _ in range(2)] for _ in range(H)] for _ in range(R)]
    births = [[0.0] * H for _ in range(R)]
    deaths = [[0.0] * H for _ in range(R)]
    internal = [[0.0] * H for _ in range(R)]
    for r in range(R):
        for h in range(H):
            Q = [[P[r][h][x][a] + first * M[r][h][x][a] for a in range(A)] for x in range(2)]
            for x in range(2):
                for a in range(A):
                    into = min(a + 1, A - 1)
                    alive = Q[x][a] * S[r][x][into]
                    N[r][h][x][into] += alive
                    deaths[r][h] += Q[x][a] - alive
            for a in range(1, A):
                at_end = N[r][h][1][a] + (second * M[r][h][1][a] if timing == "even" else 0.0)
                births[r][h] += tfr[r][h] * schedule[h][a] * (Q[1][a] + at_end) / 2
            for x in range(2):
                born = births[r][h] * (srb[r] if x == 0 else 1.0) / (1 + srb[r])
                N[r][h][x][0] = born * S[r][x][0]
                deaths[r][h] += born * (1 - S[r][x][0])
    if movers is not None:
        pool = [[0.0] * A for _ in range(2)]
        for r in range(R):
            for h in range(H):
                for x in range(2):
                    for a in range(A):
                        gone = leave[r] * movers[x][a] * N[r][h][x][a]
                        N[r][h][x][a] -= gone
                        pool[x][a] += gone
                        internal[r][h] -= gone
        for r in range(R):
            for x in range(2):
                for a in range(A):
                    N[r][0][x][a] += arrive[r] * pool[x][a]
                    internal[r][0] += arrive[r] * pool[x][a]
        for r in range(R):
            if target is not None:
                end = [sum(N[r][h][x][a] + second * M[r][h][x][a] for x in range(2) for a in range(A)) for h in range(2)]
                amount = target[r] * (end[0] + end[1]) - end[0]
            else:
                amount = rate[r] * sum(movers[x][a] * N[r][1][x][a] for x in range(2) for a in range(A))
            source, into = (1, 0) if amount >= 0 else (0, 1)
            cells = N[r][source]
            there = sum(map(sum, cells))
            alike = min(1.0, abs(amount) * reclassified / there) if there > 0 else 0.0
            low, high = 0.0, 1e40  # b of share = min(1, alike + b x schedule), by bisection
            for _ in range(400):
                b = (low + high) / 2
                moving = sum(min(1.0, alike + b * movers[x][a]) * cells[x][a] for x in range(2) for a in range(A))
                low, high = (b, high) if moving < abs(amount) else (low, b)
            for x in range(2):
                for a in range(A):
                    moving = min(1.0, alike + low * movers[x][a]) * cells[x][a]
                    N[r][source][x][a] -= moving
                    N[r][into][x][a] += moving
                    internal[r][source] -= moving
                    internal[r][into] += moving
    for r in range(R):
        for h in range(H):
            for x in range(2):
                for a in range(A):
                    N[r][h][x][a] += second * M[r][h][x][a]
    return N, births, deaths, internal
