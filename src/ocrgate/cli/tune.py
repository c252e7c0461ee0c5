"""``ocrgate tune``: find an engine's settings for your pages and your promises."""

from ocrgate.cli.benching import options
from ocrgate.cli.options import ConfigOption, JsonOption
from ocrgate.cli.tuning import options as tuning


def tune(
    url: tuning.Url = None,
    files: options.Files = None,
    *,
    profile: tuning.Profile = None,
    what: tuning.What = "seqs",
    least: tuning.Least = 4,
    most: tuning.Most = 256,
    slo: tuning.Slo = "e2e=10s,error=1%",
    trial: tuning.Trial = "2m",
    trials: tuning.Trials = None,
    restart_command: tuning.RestartCommand = None,
    restore_command: tuning.RestoreCommand = None,
    now: tuning.Now = None,
    start_timeout: tuning.StartTimeout = "10m",
    sides: tuning.Sides = None,
    max_error_increase: tuning.MaxErrorIncrease = "0",
    concurrency: tuning.Concurrency = 4,
    mix: options.Mix = "ocr",
    pages: options.Pages = 64,
    api: options.Api = None,
    key: options.Key = None,
    model: options.Model = "",
    prompt: options.Prompt = "",
    max_tokens: options.MaxTokens = 2048,
    header: options.Header = None,
    insecure: options.Insecure = False,
    seed: options.Seed = 0,
    state: tuning.State = None,
    fresh: tuning.Fresh = False,
    fixed: tuning.Fixed = False,
    apply: tuning.Apply = False,
    plot: tuning.Plot = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find how an engine is set best for your pages and your promises.

    It begins with few pages at once and doubles them as long as that gives more pages in time,
    looks closer around the best, and recommends the smallest setting that is as good as it. An
    engine that dies is not asked for as much again. Ctrl-C brings it back to what it was; the same
    command goes on.
    """
    given = dict(locals())  # by the names of the options, before anything else has a name here
    from ocrgate.cli.tuning.order import Given, checked

    is_side = what == "side"
    order = checked(Given(**{**given, "what": "seqs"} if is_side else given))
    if is_side:
        from ocrgate.cli.tuning.pictures import tune_side

        tune_side(order)
        return
    from ocrgate.cli.tuning.keeping import written
    from ocrgate.cli.tuning.result import conclude
    from ocrgate.cli.tuning.run import place_of, search

    choice, history = search(order)
    with written(place_of(order)):
        conclude(order, choice, history)
