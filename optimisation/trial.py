"""`python -m optimisation.trial`: HiGHS solves a problem that takes branching, and says so. For `penstock doctor`, in a process of its own.

Most of x + y with 2 x + 2 y <= 3 and x, y whole: the relaxation gives 1.5, the answer is 1.
"""

import sys

import highspy


def trial() -> tuple[float, str]:
    """(objective, version of HiGHS)."""
    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    x, y = (model.addIntegral(lb=0, ub=10) for _ in range(2))
    model.addConstr(2 * x + 2 * y <= 3)
    model.maximize(x + y)
    return float(model.getObjectiveValue()), model.version()


if __name__ == "__main__":
    found, release = trial()
    sys.stdout.write(f"solved {found:g} by HiGHS {release}\n")
