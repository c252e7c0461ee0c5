"""What a search found: said, drawn, printed as JSON, written into the settings."""

import json
from typing import TYPE_CHECKING

from ocrgate.cli.exit import Exit
from ocrgate.cli.options import load_settings
from ocrgate.cli.report import CommandFailed, say, show
from ocrgate.cli.tuning import names
from ocrgate.cli.tuning.order import SETTINGS, Order
from ocrgate.cli.tuning.steer import with_flag
from ocrgate.engines.launch.params import VllmParams
from ocrgate.load.tune.choose import Choice
from ocrgate.load.tune.curve import Dot, bars, curve, svg, why_not
from ocrgate.load.tune.evidence import sites
from ocrgate.load.tune.explain import explanation
from ocrgate.load.tune.settings_file import write
from ocrgate.load.tune.trial import History

if TYPE_CHECKING:
    from ocrgate.settings import Settings


def conclude(order: Order, choice: Choice, history: History) -> None:
    """Say what was found, and write what was asked for.

    Raises:
        CommandFailed: nothing can be recommended.
        SettingsError: what was found does not go with the settings file.
    """
    space, given = order.space, order.given
    dots = curve(history, space, order.rules, choice)
    name = space.axes[space.climbing or 0].name
    sentences = explanation(history, space, order.rules, choice)
    if given.as_json:
        show(json.dumps(_as_json(order, choice, history, sentences), indent=2))
    else:
        _print(dots, name, sentences, order, choice)
    if given.plot is not None:
        given.plot.write_text(svg(dots, name, choice.setting), encoding="utf-8")
        say(f"The curve is in {given.plot}")
    if choice.setting is None:
        raise CommandFailed("no setting kept what --slo promises", Exit.MISSED)
    if given.apply:
        apply(order, choice)


def _print(dots: list[Dot], name: str, sentences: list[str], order: Order, choice: Choice) -> None:
    for line in ("", *bars(dots, name), "", *sentences):
        show(line)
    if choice.setting is None:
        return
    setting = order.space.named(choice.setting)
    show(f"vLLM:    {' '.join(names.flags(setting))}")
    show(f"ocrgate: {_in_words(order, choice)}")
    if not order.given.apply:
        show("--apply writes it into the settings file.")


def _in_words(order: Order, choice: Choice) -> str:
    values = changes(order, choice, _loaded(order))
    return ", ".join(f"{key} = {json.dumps(value)}" for key, value in values.items())


def _loaded(order: Order) -> "Settings":
    return load_settings(order.given.config).settings


def changes(order: Order, choice: Choice, settings: "Settings") -> dict[str, object]:
    """The settings that say what was found, by key.

    A vLLM that ocrgate starts is set itself. Where the engine runs by itself, a gate with a fixed
    limit is what was found; unless that is asked for (`--fixed`), its own law finds the number.
    """
    assert choice.setting is not None
    setting = order.space.named(choice.setting)
    at_once = int(setting[names.SEQUENCES])
    found: dict[str, object] = {}
    if isinstance(settings.engine, VllmParams):
        found["engine.max_sequences"] = at_once
        if names.MEMORY in setting:
            found["engine.gpu_memory"] = setting[names.MEMORY]
        if names.BATCHED in setting:
            flag, value = f"--{names.BATCHED}", int(setting[names.BATCHED])
            found["engine.args"] = with_flag(settings.engine.args, flag, value)
    elif order.url is not None and order.url not in getattr(settings.engine, "url", ()):
        found |= {"engine.kind": "openai", "engine.url": (order.url,)}
    if order.given.fixed or not isinstance(settings.engine, VllmParams):
        found |= {"gate.limit.kind": "fixed", "gate.limit.limit": at_once}
    deadline = order.slo.time("e2e")
    if deadline is not None:
        found["server.timeout"] = deadline
    return found


def apply(order: Order, choice: Choice) -> None:
    """Write the settings file; all else in it stays.

    Raises:
        SettingsError: what was found does not go with the rest.
        OSError: it cannot be written.
    """
    path = order.given.config or SETTINGS
    write(path, changes(order, choice, _loaded(order)))
    say(f"Written into {path}; `ocrgate config check {path}` reads it.")


def _as_json(
    order: Order, choice: Choice, history: History, sentences: list[str]
) -> dict[str, object]:
    site = choice.site
    return {
        "recommended": order.space.named(choice.setting) if choice.setting else None,
        "goodput": site.goodput if site else None,
        "goodput_error": site.error if site else None,
        "failed": site.failures if site else None,
        "late": site.late if site else None,
        "sure": choice.sure,
        "best": (
            {"setting": order.space.named(choice.best[0]), "goodput": choice.best[1]}
            if choice.best
            else None
        ),
        "slo": dict(order.slo.limits),
        "tried": [
            {
                "setting": order.space.named(one.setting),
                "trials": one.trials,
                "goodput": one.goodput,
                "error": one.error,
                "failed": one.failures,
                "late": one.late,
                "why_not": why_not(one, order.rules) or None,
            }
            for one in sites(history).values()
        ],
        "explanation": sentences,
    }
