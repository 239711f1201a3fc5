"""What a run of improvement has changed, in one sentence, and its formula with its numbers."""

import math

from gui.i18n import number, percent, t
from gui.panes.tuning.improve_shown import ImproveShown

ENOUGH = 12  # choices from which a small model learns
CLEAR = 0.1  # difference of a share of about 100 texts that is more than chance: two standard errors are 0.1
HACKED = 0.2  # by how much preferred falls from its best while the reward climbs
POOR = 0.85  # share of the variety before
INFINITE = 1e5  # β from which the leash is written as ∞
FORMULAS = {  # of Rafailov et al. 2023, equation 7, for one choice; and what the policy gradient makes grow
    "dpo": "L = −log σ( β [ log <sup>π(y₊)</sup>⁄<sub>π₀(y₊)</sub> − log <sup>π(y₋)</sup>⁄<sub>π₀(y₋)</sub> ] )",
    "reinforce": "max&nbsp; E[ r(y) ] − β · KL(π ‖ π₀)",
}
TIGHT = 1.0  # β from which a model that hardly moves is held by the leash; otherwise the run is perhaps too short
STILL = 0.1  # nats a text: hardly a difference


def beta_words(beta: float) -> str:
    return "∞" if beta >= INFINITE else number(beta, 2 if beta < 1 else 0)


def sentence(shown: ImproveShown) -> str:
    if not shown.moments:
        name = "none" if not shown.choices else "few" if shown.choices < ENOUGH else "ready"
        return t(f"pane.tuning.improve.says.{name}", count=shown.choices, enough=ENOUGH)
    first, now, kl = shown.first("preferred"), shown.now("preferred"), shown.now("kl") or 0.0
    if first is None or now is None:
        return ""
    words = {"before": percent(first), "share": percent(now), "kl": number(kl, 1)}
    if len(shown.moments) == 1 or shown.place == 0:
        return t("pane.tuning.improve.says.before", **words)
    reward, best = shown.now("reward") or 0.0, shown.best("preferred")
    if best is not None and best[1] - now >= HACKED and reward > shown.moments[best[0]].values.get("reward", math.inf):
        peak = shown.moments[best[0]].values["reward"]
        figures = {"best": percent(best[1]), "peak": number(peak, 1), "reward": number(reward, 1)}
        return t("pane.tuning.improve.says.hacked", **words, **figures)
    variety, then = shown.now("distinct") or 0.0, shown.first("distinct") or 0.0
    if variety < POOR * then:
        return t("pane.tuning.improve.says.poor", **words, then=percent(then), variety=percent(variety))
    if now - first >= CLEAR:
        return t("pane.tuning.improve.says.better", **words)
    if first - now >= CLEAR:
        return t("pane.tuning.improve.says.worse", **words)
    return t(f"pane.tuning.improve.says.{'held' if kl < STILL and shown.beta >= TIGHT else 'little'}", **words)


def formula(shown: ImproveShown) -> str:
    """Return the formula of the method as rich text, and below it this run's numbers in it."""
    return f"{FORMULAS[shown.method]},&nbsp; β = {beta_words(shown.beta)}<br>{numbers(shown)}"


def numbers(shown: ImproveShown) -> str:
    """Return the numbers of the formula at the moment looked at, or what its letters mean."""
    reward, kl = shown.now("reward"), shown.now("kl")
    if shown.method == "dpo" and shown.losses is not None:
        first, last = shown.losses
        return t("pane.tuning.improve.numbers.dpo", first=number(first, 2), last=number(last, 2))
    if shown.method == "reinforce" and reward is not None and kl is not None and shown.beta < INFINITE:
        figures = {"reward": number(reward, 2), "kl": number(kl, 2), "total": number(reward - shown.beta * kl, 2)}
        return t("pane.tuning.improve.numbers.reinforce", beta=beta_words(shown.beta), **figures)
    return t(f"pane.tuning.improve.letters.{shown.method}")
